/* The upload form of the Models page: a file chooser, a password, progress, an answer. */
(function () {
  "use strict";
  const dc = (window.dash_clientside = window.dash_clientside || {});
  const byId = (id) => document.getElementById(id);
  const HERE = "/admin/models";
  let sending = null;

  function say(text, isProblem) {
    const status = byId("models-status");
    if (!status) return;
    status.textContent = text;
    status.className = isProblem ? "gfo-problem" : "gfo-muted";
  }

  function token() {
    const cookie = document.cookie.match(/(?:^|; )_csrf_token=([^;]*)/);
    return cookie ? decodeURIComponent(cookie[1]) : "";
  }

  function progress(percent) {
    const bar = byId("models-progress");
    if (!bar) return;
    bar.classList.toggle("d-none", percent === null);
    if (percent !== null) bar.value = percent;
  }

  function finished(answer, status) {
    sending = null;
    progress(null);
    const button = byId("models-send");
    if (button) button.disabled = false;
    if (status === 401) return location.assign("/login?next=" + encodeURIComponent(HERE));
    if (!answer || answer.error) {
      const why = answer ? answer.error : "The portal did not answer. Try again.";
      return say(why + (answer && answer.reference ? ` (reference ${answer.reference})` : ""), true);
    }
    say(answer.sentence, false);
    dc.set_props("models-changed", { data: Date.now() });
  }

  function send() {
    const file = byId("models-file").files[0];
    const password = byId("models-password");
    if (sending) return;
    if (!file) return say("Choose a file first.", true);
    if (!password.value) return say("Type your password as well.", true);
    const form = new FormData();
    form.append("password", password.value);
    form.append("file", file);
    dc.set_props("models-password", { value: "" });
    sending = new XMLHttpRequest();
    sending.open("POST", "/_models");
    sending.setRequestHeader("X-CSRFToken", token());
    sending.responseType = "json";
    sending.upload.onprogress = (event) => {
      const percent = event.total ? (100 * event.loaded) / event.total : 0;
      progress(percent);
      say(percent < 100 ? `Sending, ${Math.round(percent)}\u202f%` : "Putting it into quarantine…", false);
    };
    const request = sending;
    request.onload = () => finished(request.response, request.status);
    request.onerror = () => finished(null, 0);
    byId("models-send").disabled = true;
    progress(0);
    request.send(form);
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("#models-send")) send();
  });

  dc.gfo_models = {
    /* Dash has no file chooser that streams; this one is the browser's own. */
    prepare() {
      const place = byId("models-file-place");
      if (!place || byId("models-file")) return;
      const input = document.createElement("input");
      input.type = "file";
      input.id = "models-file";
      input.className = "form-control";
      input.accept = ".onnx";
      place.append(input);
    },
  };
})();
