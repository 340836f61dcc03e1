/* Gives every change that a button asks for an id, and the same id until it is answered:
   a press that is repeated because the answer was lost, or before it came, is one change.

   Only what the button sends counts, not how often it was pressed. Two presses while the
   first is under way are one exchange, so that both get its answer; nothing is kept when
   the page is left. Passwords stay in memory, where the form has them anyway. */
(function () {
  "use strict";
  const CALLBACK = "/_dash-update-component";
  const send = window.fetch.bind(window);
  const unanswered = new Map(); // what is asked -> { id, answer }

  const isPressed = (body) =>
    (body.changedPropIds || []).some((name) => name.endsWith(".n_clicks"));

  /* The question without its counters. */
  function questionOf(text) {
    let body;
    try {
      body = JSON.parse(text);
    } catch (error) {
      return null;
    }
    if (!isPressed(body)) return null;
    const uncounted = (name, value) => {
      if (name === "n_clicks") return undefined;
      return value && value.property === "n_clicks" ? { id: value.id } : value;
    };
    const { output, inputs, state, changedPropIds } = body;
    return JSON.stringify({ output, inputs, state, changedPropIds }, uncounted);
  }

  const dc = (window.dash_clientside = window.dash_clientside || {});
  const newId = (dc.gfo_new_id = function () {
    const bytes = window.crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  });

  /* An answer of the portal, whatever it says; a proxy's or a stopped server's is none. */
  const isAnswer = (response) => response.status < 500;

  window.fetch = function (resource, options) {
    const isCallback =
      typeof resource === "string" && resource.endsWith(CALLBACK) &&
      options && typeof options.body === "string";
    const question = isCallback ? questionOf(options.body) : null;
    if (question === null) return send(resource, options);
    const known = unanswered.get(question) || { id: newId(), answer: null };
    unanswered.set(question, known);
    if (known.answer === null) {
      const headers = { ...options.headers, "X-GFO-Request": known.id };
      known.answer = send(resource, { ...options, headers }).then(
        (response) => {
          known.answer = null;
          if (isAnswer(response)) unanswered.delete(question);
          return response;
        },
        (error) => {
          known.answer = null;
          throw error;
        });
    }
    return known.answer.then((response) => response.clone());
  };
})();
