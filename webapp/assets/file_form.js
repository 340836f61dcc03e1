/* Forms that send a file: the browser's own chooser, progress, one answer. */
(function () {
  "use strict";
  const dc = (window.dash_clientside = window.dash_clientside || {});
  const byId = (id) => document.getElementById(id);

  function token() {
    const cookie = document.cookie.match(/(?:^|; )_csrf_token=([^;]*)/);
    return cookie ? decodeURIComponent(cookie[1]) : "";
  }

  /* `name` begins the ids of the form: -status, -progress, -send, -file, -file-place.
     here, route: the page, and where it sends. accept: endings of files. waiting: what
     is said once all is sent. endIsUnknown: how long that takes is not known. problem(),
     fill(form), done(answer): what is missing, what else is sent, what follows. */
  dc.gfo_file_form = function (options) {
    const part = (suffix) => byId(`${options.name}-${suffix}`);
    let sending = null;
    let question = null;

    /* What is asked for: the same file with the same fields, whatever the password. */
    function questionOf(form, file) {
      const fields = [...form.entries()].filter(
        ([name]) => name !== "file" && name !== "password");
      return JSON.stringify(
        [options.route, file.name, file.size, file.lastModified, fields]);
    }

    function say(text, isProblem) {
      const status = part("status");
      if (!status) return;
      status.textContent = text;
      status.className = isProblem ? "gfo-problem" : "gfo-muted";
    }

    function progress(percent) {
      const bar = part("progress");
      if (!bar) return;
      bar.classList.toggle("d-none", percent === null);
      const isKnown = percent !== null && !(options.endIsUnknown && percent >= 100);
      if (isKnown) bar.value = percent;
      else if (options.endIsUnknown) bar.removeAttribute("value");
    }

    function disable(isDisabled) {
      for (const button of [part("send"), part("look")]) {
        if (button) button.disabled = isDisabled;
      }
    }

    function finished(answer, status, isLook) {
      sending = null;
      progress(null);
      disable(false);
      if (!isLook) dc.gfo_answered(question, status);
      if (status === 401) return location.assign("/login?next=" + encodeURIComponent(options.here));
      if (!answer || answer.error) {
        const why = answer ? answer.error : "The portal did not answer. Try again.";
        return say(why + (answer && answer.reference ? ` (reference ${answer.reference})` : ""), true);
      }
      say(answer.sentence, false);
      (isLook ? options.looked : options.done)(answer);
    }

    function send(isLook) {
      const file = part("file").files[0];
      if (sending) return;
      const problem = file ? options.problem() : "Choose a file first.";
      if (problem) return say(problem, true);
      const form = new FormData();
      options.fill(form, file);
      question = questionOf(form, file);
      if (!isLook) form.append("request_id", dc.gfo_request_id(question));
      sending = new XMLHttpRequest();
      sending.open("POST", isLook ? options.lookRoute : options.route);
      sending.setRequestHeader("X-CSRFToken", token());
      sending.responseType = "json";
      sending.upload.onprogress = (event) => {
        const percent = event.total ? (100 * event.loaded) / event.total : 0;
        progress(percent);
        say(percent < 100 ? `Sending, ${Math.round(percent)}\u202f%` : options.waiting, false);
      };
      const request = sending;
      request.onload = () => finished(request.response, request.status, isLook);
      request.onerror = () => finished(null, 0, isLook);
      disable(true);
      progress(0);
      request.send(form);
    }

    document.addEventListener("click", (event) => {
      if (event.target.closest(`#${options.name}-send`)) send(false);
      else if (event.target.closest(`#${options.name}-look`)) send(true);
    });

    return {
      /* Dash has no file chooser that streams; this one is the browser's own. */
      prepare() {
        const place = part("file-place");
        if (!place || part("file")) return;
        const input = document.createElement("input");
        input.type = "file";
        input.id = `${options.name}-file`;
        input.className = "form-control";
        input.accept = options.accept;
        place.append(input);
      },
    };
  };
})();
