/* Forms that send a file: the browser's own chooser, progress, one answer.

   An element with data-upload is such a form, and the server says in its other
   attributes which files it takes (data-accept), what stands there once all is sent
   (data-waiting), whether it is known how long that takes (data-ends), and what shows the
   answer: a dcc.Location (data-location) or a dcc.Store (data-changed). */
(function () {
  "use strict";
  const dc = (window.dash_clientside = window.dash_clientside || {});

  const fieldsOf = (form) => [...form.querySelectorAll("input[name], select[name]")];
  const isPassword = (field) => field.type === "password";

  /* What is asked for: the same file with the same fields, whatever the password. */
  function questionOf(form, file) {
    const fields = fieldsOf(form).filter((field) => !isPassword(field))
      .map((field) => [field.name, field.value]);
    return JSON.stringify(
      [form.dataset.upload, file.name, file.size, file.lastModified, fields]);
  }

  function say(form, text, isProblem) {
    const status = form.querySelector("[role=status]");
    status.textContent = text;
    status.className = isProblem ? "gfo-problem" : "gfo-muted";
  }

  function showProgress(form, percent) {
    const bar = form.querySelector("progress");
    bar.classList.toggle("d-none", percent === null);
    if (form.dataset.ends === "unknown" && (percent === null || percent >= 100)) {
      bar.removeAttribute("value");
    } else if (percent !== null) {
      bar.value = percent;
    }
  }

  function finish(form, question, answer, status) {
    showProgress(form, null);
    form.querySelector("button").disabled = false;
    dc.gfo_answered(question, status);
    if (status === 401) return dc.gfo_ask_for_login();
    if (!answer || answer.error) {
      const why = answer ? answer.error : "The portal did not answer. Try again.";
      const reference = answer && answer.reference ? ` (reference ${answer.reference})` : "";
      return say(form, why + reference, true);
    }
    say(form, answer.sentence, false);
    const { location, changed } = form.dataset;
    if (changed) dc.set_props(changed, { data: Date.now() });
    else dc.gfo_set_search(location, { batch: answer.batch_id, at: Date.now() });
  }

  function problemOf(form, file) {
    if (!file) return "Choose a file first.";
    const empty = fieldsOf(form).find((field) => field.required && !field.value);
    return empty ? `${empty.labels[0].textContent} is empty.` : "";
  }

  function send(form) {
    const file = form.querySelector("input[type=file]").files[0];
    const problem = problemOf(form, file);
    if (problem) return say(form, problem, true);
    const question = questionOf(form, file);
    const body = new FormData();
    for (const field of fieldsOf(form)) {
      body.append(field.name, field.value);
      if (isPassword(field)) dc.set_props(field.id, { value: "" });
    }
    body.append("file", file);
    body.append("request_id", dc.gfo_request_id(question));
    const request = new XMLHttpRequest();
    request.open("POST", form.dataset.upload);
    request.setRequestHeader("X-CSRFToken", dc.gfo_cookie("_csrf_token"));
    request.responseType = "json";
    request.upload.onprogress = (event) => {
      const percent = event.total ? (100 * event.loaded) / event.total : 0;
      showProgress(form, percent);
      const isSent = percent >= 100;
      say(form, isSent ? form.dataset.waiting : `Sending, ${Math.round(percent)}\u202f%`, false);
    };
    request.onload = () => finish(form, question, request.response, request.status);
    request.onerror = () => finish(form, question, null, 0);
    form.querySelector("button").disabled = true; // until the answer: one press at a time
    showProgress(form, 0);
    request.send(body);
  }

  document.addEventListener("click", (event) => {
    const form = event.target.closest("[data-upload]");
    if (form && event.target.closest("button")) send(form);
  });

  dc.gfo_file_forms = {
    /* Dash has no file chooser that streams; this one is the browser's own. */
    prepare() {
      const place = document.querySelector("[data-upload] [data-chooser]");
      if (!place || place.firstChild) return;
      const input = document.createElement("input");
      input.type = "file";
      input.id = place.dataset.chooser;
      input.className = "form-control";
      input.accept = place.closest("[data-upload]").dataset.accept;
      place.append(input);
    },
  };
})();
