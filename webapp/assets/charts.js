/* Charts over time on one page share a cursor and zoom alike; a click on a point opens
   what it is about. Plotly tells of a chart what happens on it; listeners are added when
   a pointer first enters it. */
(function () {
  "use strict";
  const dc = (window.dash_clientside = window.dash_clientside || {});
  const DOUBLE_CLICK_MS = 320;
  let opening = null; // a page, after a click
  let doubledAt = 0;
  let isFollowing = false; // while the others are moved along, they say so too

  const axisOf = (chart) => chart._fullLayout?.xaxis;
  const isOverTime = (chart) => axisOf(chart)?.type === "date";
  const overTime = () =>
    [...document.querySelectorAll(".js-plotly-plot")].filter(isOverTime);

  /* Points of a chart at an instant: what is not to be hovered has no label either. */
  function pointsAt(chart, x) {
    return chart.data.flatMap((trace, curveNumber) => {
      if (trace.hoverinfo === "skip" || trace.yaxis === "y2") return [];
      const pointNumber = Array.from(trace.x || []).indexOf(x);
      const value = pointNumber < 0 ? null : trace.y[pointNumber];
      return value === null || value === undefined ? [] : [{ curveNumber, pointNumber }];
    });
  }

  function cursorOf(chart) {
    let line = chart.querySelector(".gfo-cursor");
    if (!line) {
      line = document.createElement("div");
      line.className = "gfo-cursor";
      line.setAttribute("aria-hidden", "true");
      chart.append(line);
    }
    return line;
  }

  function point(source, x) {
    for (const chart of overTime()) {
      const axis = axisOf(chart);
      const place = axis.d2p(x);
      const isInside = place >= 0 && place <= axis._length;
      const line = cursorOf(chart);
      line.toggleAttribute("hidden", !isInside);
      line.style.left = `${axis._offset + place}px`;
      if (chart === source) continue;
      const found = isInside ? pointsAt(chart, x) : [];
      if (found.length) window.Plotly.Fx.hover(chart, found);
      else window.Plotly.Fx.unhover(chart);
    }
  }

  function leave(source) {
    for (const chart of overTime()) {
      cursorOf(chart).toggleAttribute("hidden", true);
      if (chart !== source) window.Plotly.Fx.unhover(chart);
    }
  }

  /* The range that a chart was moved to; null when something else changed. */
  function rangeOf(change) {
    if (change["xaxis.range"]) return change["xaxis.range"];
    const low = change["xaxis.range[0]"];
    return low === undefined ? null : [low, change["xaxis.range[1]"]];
  }

  function zoomAlike(source, change) {
    const range = rangeOf(change);
    const isReset = change["xaxis.autorange"] === true;
    if (!range && !isReset) return;
    const wanted = range ? { "xaxis.range": [...range] } : { "xaxis.autorange": true };
    isFollowing = true;
    const others = overTime().filter((chart) => chart !== source);
    Promise.all(others.map((chart) => window.Plotly.relayout(chart, { ...wanted })))
      .finally(() => { isFollowing = false; });
  }

  /* Opened once it is known that no second click follows, which would end a zoom: of two,
     Plotly tells that they were two before it tells of the second. */
  function open(points) {
    const [{ data, pointNumber }] = points;
    const href = data.meta?.href?.[pointNumber];
    window.clearTimeout(opening);
    if (!href || Date.now() - doubledAt < DOUBLE_CLICK_MS) return;
    opening = window.setTimeout(() => dc.set_props("shell-go", { href }), DOUBLE_CLICK_MS);
  }

  /* What people do is told by all charts that follow, too: only the first counts. */
  const first = (act) => (event) => {
    if (!isFollowing) act(event);
  };

  function listen(chart) {
    chart.dataset.gfoListens = "1";
    chart.on("plotly_hover", first(({ points, event }) => {
      // A chart that follows has no event of a pointer.
      const [{ data, pointNumber }] = points;
      if (event && isOverTime(chart)) point(chart, data.x[pointNumber]);
    }));
    chart.on("plotly_unhover", first(({ event }) => {
      if (event) leave(chart);
    }));
    chart.on("plotly_relayout", first((change) => {
      if (isOverTime(chart)) zoomAlike(chart, change);
    }));
    chart.on("plotly_click", ({ points }) => open(points));
    chart.on("plotly_doubleclick", () => {
      doubledAt = Date.now();
      window.clearTimeout(opening);
    });
  }

  document.addEventListener("pointerover", (event) => {
    const chart = event.target.closest(".js-plotly-plot");
    if (chart && chart.on && !chart.dataset.gfoListens) listen(chart);
  }, true);
})();
