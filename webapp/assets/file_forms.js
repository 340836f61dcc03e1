/* Forms that send a file: the browser's own chooser, progress, one answer.

   An element with data-upload is such a form, and the server says in its other
   attributes which files it takes (data-accept), what stands there once all is sent
   (data-waiting), whether it is known how long that takes (data-ends), and what shows the
   answer: a dcc.Location (data-location) or a dcc.Store (data-changed). What is said of it
   stands in its element with data-said. Its button named
   preview sends the same to the address of the element with data-preview, which shows the
   tables and notes that come back. */
(function () {
  "use strict";
  const dc = (window.dash_clientside = window.dash_clientside || {});

  const fieldsOf = (form) =>
    [...form.querySelectorAll("input[name], select[name], textarea[name]")];
  const isPassword = (field) => field.type === "password";

  /* What is asked for: the same file with the same fields, whatever the password. */
  function questionOf(form, file) {
    const fields = fieldsOf(form).filter((field) => !isPassword(field))
      .map((field) => [field.name, field.value]);
    return JSON.stringify(
      [form.dataset.upload, file.name, file.size, file.lastModified, fields]);
  }

  function say(form, text, isProblem) {
    const status = form.querySelector("[data-said]");
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

  function disable(form, isDisabled) {
    for (const button of form.querySelectorAll("button")) button.disabled = isDisabled;
  }

  function element(name, ...children) {
    const made = document.createElement(name);
    made.append(...children);
    return made;
  }

  function tableOf({ caption, rows: [heads, ...rows] }) {
    const row = (name, texts) =>
      element("tr", ...texts.map((text) => element(name, text)));
    const table = element("table", element("caption", caption),
      element("thead", row("th", heads)),
      element("tbody", ...rows.map((texts) => row("td", texts))));
    table.className = "gfo-table";
    for (const head of table.querySelectorAll("th")) head.setAttribute("scope", "col");
    return table;
  }

  function showPreview(form, preview) {
    const place = form.querySelector("[data-preview]");
    if (!place) return;
    place.textContent = "";
    if (!preview) return;
    place.append(...preview.tables.map(tableOf),
      element("ul", ...preview.notes.map((note) => element("li", note))));
  }

  /* `question` is null for a preview, which changes nothing and may be asked again. */
  function finish(form, question, answer, status) {
    showProgress(form, null);
    disable(form, false);
    if (question) dc.gfo_answered(question, status);
    if (status === 401) return dc.gfo_ask_for_login();
    if (!answer || answer.error) {
      const why = answer ? answer.error : "The portal did not answer. Try again.";
      const reference = answer && answer.reference ? ` (reference ${answer.reference})` : "";
      return say(form, why + reference, true);
    }
    say(form, answer.sentence, false);
    if (!question) return showPreview(form, answer.preview);
    const { location, changed } = form.dataset;
    if (changed) dc.set_props(changed, { data: Date.now() });
    else dc.gfo_set_search(location, { batch: answer.batch_id, at: Date.now() });
  }

  function problemOf(form, file) {
    if (!file) return "Choose a file first.";
    const empty = fieldsOf(form).find((field) => field.required && !field.value);
    return empty ? `${empty.labels[0].textContent} is empty.` : "";
  }

  function send(form, previewAddress) {
    const file = form.querySelector("input[type=file]").files[0];
    const problem = problemOf(form, file);
    if (problem) return say(form, problem, true);
    const question = previewAddress ? null : questionOf(form, file);
    const body = new FormData();
    for (const field of fieldsOf(form)) {
      body.append(field.name, field.value);
      if (isPassword(field)) dc.set_props(field.id, { value: "" });
    }
    body.append("file", file);
    if (question) body.append("request_id", dc.gfo_request_id(question));
    const request = new XMLHttpRequest();
    request.open("POST", previewAddress || form.dataset.upload);
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
    disable(form, true); // until the answer: one press at a time
    showPreview(form, null);
    showProgress(form, 0);
    request.send(body);
  }

  document.addEventListener("click", (event) => {
    const form = event.target.closest("[data-upload]");
    const button = event.target.closest("button");
    if (!form || !button) return;
    const isPreview = button.name === "preview";
    send(form, isPreview ? form.querySelector("[data-preview]").dataset.preview : null);
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
