/* The Trade-offs page: play, pause and the hour slider move between frames that the
   figure already has; controls change the address. */
(function () {
  "use strict";
  const dc = (window.dash_clientside = window.dash_clientside || {});
  const STEP_MS = 900;

  let labels = [];
  let timer = null;

  const byId = (id) => document.getElementById(id);
  const hourNow = () => Number((byId("trade-offs-hour") || { value: 0 }).value);

  function graph() {
    return document.querySelector("#trade-offs-chart .js-plotly-plot");
  }

  function show(hour) {
    const label = byId("trade-offs-hour-label");
    if (label) label.textContent = labels[hour] || "";
    const slider = byId("trade-offs-hour");
    if (slider) slider.setAttribute("aria-valuetext", labels[hour] || "");
    const chart = graph();
    if (!chart || !chart._transitionData || !chart._transitionData._frames.length) return;
    const moves = timer !== null && !matchMedia("(prefers-reduced-motion: reduce)").matches;
    window.Plotly.animate(chart, [String(hour)], {
      mode: "immediate",
      frame: { duration: moves ? STEP_MS : 0, redraw: false },
      transition: { duration: moves ? STEP_MS * 0.6 : 0, easing: "cubic-in-out" },
    });
  }

  function setHour(hour) {
    dc.set_props("trade-offs-hour", { value: hour });
    show(hour);
  }

  function stop() {
    window.clearInterval(timer);
    timer = null;
    const button = byId("trade-offs-play");
    if (!button) return;
    button.textContent = "Play";
    button.setAttribute("aria-pressed", "false");
    keepHour();
  }

  function play() {
    const button = byId("trade-offs-play");
    button.textContent = "Pause";
    button.setAttribute("aria-pressed", "true");
    timer = window.setInterval(() => {
      if (!byId("trade-offs-play")) return stop(); // the page was left
      setHour((hourNow() + 1) % Math.max(labels.length, 1));
    }, STEP_MS);
  }

  /* The hour is part of the view, so a copied link opens at it. */
  function keepHour() {
    if (!byId("trade-offs-hour")) return;
    const url = new URL(window.location.href);
    if (hourNow()) url.searchParams.set("hour", String(hourNow()));
    else url.searchParams.delete("hour");
    window.history.replaceState(window.history.state, "", url);
  }

  document.addEventListener("click", (event) => {
    if (!event.target.closest("#trade-offs-play")) return;
    if (timer === null) play();
    else stop();
  });
  document.addEventListener("input", (event) => {
    if (event.target.id !== "trade-offs-hour") return;
    if (timer !== null) stop();
    show(Number(event.target.value));
  }, true);
  document.addEventListener("change", (event) => {
    if (event.target.id === "trade-offs-hour") keepHour();
  }, true);

  function wantedHour() {
    const hour = Number(new URLSearchParams(window.location.search).get("hour"));
    return Number.isInteger(hour) && hour >= 0 && hour < labels.length ? hour : 0;
  }

  /* The figure's frames are there a moment after its data. */
  function showWhenDrawn(hour, triesLeft) {
    const chart = graph();
    const ready = chart && chart._transitionData && chart._transitionData._frames.length;
    if (ready || triesLeft === 0) setHour(hour);
    else window.setTimeout(() => showWhenDrawn(hour, triesLeft - 1), 100);
  }

  dc.gfo_trade_offs = {
    begin(data) {
      if (!data) return;
      labels = data.labels;
      document.title = `Trade-offs: ${data.title}`;
      dc.gfo_name_shown(data);
      if (timer !== null) stop();
      showWhenDrawn(wantedHour(), 30);
    },

    follow_controls(source, target, shift, day, _clicks, water, data) {
      if (!data) return;
      const isLive = dc.gfo_was_pressed("trade-offs-next-24h");
      const wantedDay = isLive ? null : day || null;
      const amount = Number(shift) || 0;
      const asked = [source, target || null, amount, wantedDay, water];
      const shown = [data.source, data.target, data.shift, data.day, data.water];
      const isOld = isLive && !data.is_newest;
      if (!isOld && asked.every((value, i) => value === shown[i])) return;
      const hour = new URLSearchParams(window.location.search).get("hour");
      dc.gfo_set_search("trade-offs-url", {
        source,
        target: target === source ? null : target,
        day: wantedDay,
        shift: amount || null,
        water: water === "on_site" ? null : water,
        ground: data.ground,
        hours: data.hours,
        hour,
        issued: wantedDay || source !== data.source
          ? null : dc.gfo_kept_issue(data, isLive),
      });
    },
  };
})();
