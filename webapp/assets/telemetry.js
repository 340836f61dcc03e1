/* The import form: a file chooser, progress while the file goes up, then its import. */
(function () {
  "use strict";
  const dc = (window.dash_clientside = window.dash_clientside || {});
  const byId = (id) => document.getElementById(id);
  let sending = null;

  function say(text, isProblem) {
    const status = byId("telemetry-status");
    if (!status) return;
    status.textContent = text;
    status.className = isProblem ? "gfo-problem" : "gfo-muted";
  }

  function token() {
    const cookie = document.cookie.match(/(?:^|; )_csrf_token=([^;]*)/);
    return cookie ? decodeURIComponent(cookie[1]) : "";
  }

  function progress(percent) {
    const bar = byId("telemetry-progress");
    if (!bar) return;
    bar.classList.toggle("d-none", percent === null);
    if (percent !== null && percent < 100) bar.value = percent;
    else bar.removeAttribute("value"); // how long the rows take is not known
  }

  function finished(answer, status) {
    sending = null;
    progress(null);
    const button = byId("telemetry-send");
    if (button) button.disabled = false;
    if (status === 401) return location.assign("/login?next=" + encodeURIComponent("/admin/telemetry"));
    if (!answer || answer.error) {
      const why = answer ? answer.error : "The portal did not answer. Try again.";
      return say(why + (answer && answer.reference ? ` (reference ${answer.reference})` : ""), true);
    }
    say(answer.sentence, false);
    dc.gfo_pages.set_search("telemetry-url", { batch: answer.batch_id, at: Date.now() });
  }

  function send() {
    const file = byId("telemetry-file").files[0];
    if (sending || !file) return say(file ? "" : "Choose a file first.", !file);
    const form = new FormData();
    form.append("file", file);
    form.append("format", byId("telemetry-format").value);
    form.append("region", byId("telemetry-region").value || "");
    form.append("time_zone", byId("telemetry-zone").value);
    form.append("carbon_kind", byId("telemetry-carbon").value);
    sending = new XMLHttpRequest();
    sending.open("POST", "/_telemetry");
    sending.setRequestHeader("X-CSRFToken", token());
    sending.responseType = "json";
    sending.upload.onprogress = (event) => {
      const percent = event.total ? (100 * event.loaded) / event.total : 0;
      progress(percent);
      say(percent < 100 ? `Sending, ${Math.round(percent)}\u202f%` : "Reading the rows…", false);
    };
    const request = sending;
    request.onload = () => finished(request.response, request.status);
    request.onerror = () => finished(null, 0);
    byId("telemetry-send").disabled = true;
    progress(0);
    request.send(form);
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("#telemetry-send")) send();
  });

  dc.gfo_telemetry = {
    /* Dash has no file chooser that streams; this one is the browser's own. */
    prepare() {
      const place = byId("telemetry-file-place");
      if (!place || byId("telemetry-file")) return;
      const input = document.createElement("input");
      input.type = "file";
      input.id = "telemetry-file";
      input.className = "form-control";
      input.accept = ".csv,.json,.gz";
      place.append(input);
    },
  };
})();
