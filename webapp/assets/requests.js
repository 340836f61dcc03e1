/* Gives every change that a button asks for an id, and the same id until it is done: a
   press that is repeated because the answer was lost, came late or was a failure is one
   change. A failure may be a change all the same: the database made it, and its answer
   to the portal was lost.

   Only what the button sends counts, not how often it was pressed. Two presses while the
   first is under way are one exchange, so that both get its answer. What is unanswered is
   kept for the tab, because a page that lost the portal loads itself again: a checksum of
   the question without passwords, and its id. */
(function () {
  "use strict";
  const dc = (window.dash_clientside = window.dash_clientside || {});
  const CALLBACK = "/_dash-update-component";
  const FAILED = "X-GFO-Failed";
  const REUSED = 422; // an id that had another question: it must not be sent again
  const KEPT = "gfo-unanswered";
  const send = window.fetch.bind(window);
  const underWay = new Map(); // key of a question -> its answer to come

  dc.gfo_new_id = function () {
    const bytes = window.crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  };

  function kept() {
    try {
      return JSON.parse(window.sessionStorage.getItem(KEPT)) || {};
    } catch {
      return {};
    }
  }

  function keep(ids) {
    try {
      window.sessionStorage.setItem(KEPT, JSON.stringify(ids));
    } catch {
      /* Storage is off: the id lives as long as the exchange. */
    }
  }

  /* FNV-1a twice: two questions of one tab do not meet by chance. */
  function keyOf(question) {
    const digest = (seed) => {
      let hash = seed;
      for (const char of question) hash = Math.imul(hash ^ char.codePointAt(0), 16777619);
      return (hash >>> 0).toString(16).padStart(8, "0");
    };
    return digest(2166136261) + digest(3735928559);
  }

  /* The id of what is asked: a new one when nothing like it is unanswered. */
  dc.gfo_request_id = function (question) {
    const ids = kept();
    const key = keyOf(question);
    if (!ids[key]) {
      ids[key] = dc.gfo_new_id();
      keep(ids);
    }
    return ids[key];
  };

  /* An answer came; only one that says that it is done ends the question. */
  dc.gfo_answered = function (question, status, hasFailed) {
    const isDone = status >= 200 && status < 300 && !hasFailed;
    if (!isDone && status !== REUSED) return;
    const ids = kept();
    delete ids[keyOf(question)];
    keep(ids);
  };

  /* What a press asks for, without counters and passwords; null for other callbacks. */
  function questionOf(text) {
    let body;
    try {
      body = JSON.parse(text);
    } catch {
      return null;
    }
    const { output, inputs, state, changedPropIds } = body;
    const isPressed = (changedPropIds || []).some((name) => name.endsWith(".n_clicks"));
    if (!isPressed) return null;
    const isCounted = (item) =>
      item.property !== "n_clicks" && !String(item.id).endsWith("password");
    const given = [...(inputs || []), ...(state || [])].flat().filter(isCounted);
    // A box that was typed into holds a number where a filled one may hold its text.
    const asText = (_name, value) => (typeof value === "number" ? String(value) : value);
    return JSON.stringify([output, changedPropIds, given], asText);
  }

  window.fetch = function (resource, options) {
    const isCallback =
      String(resource).includes(CALLBACK) &&
      options && typeof options.body === "string";
    const question = isCallback ? questionOf(options.body) : null;
    if (question === null) return send(resource, options);
    if (!underWay.has(question)) {
      const id = dc.gfo_request_id(question);
      const headers = { ...options.headers, "X-GFO-Request": id };
      const answer = send(resource, { ...options, headers })
        .then((response) => {
          dc.gfo_answered(question, response.status, response.headers.has(FAILED));
          return response;
        })
        .finally(() => underWay.delete(question));
      underWay.set(question, answer);
    }
    return underWay.get(question).then((response) => response.clone());
  };
})();
