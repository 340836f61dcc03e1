/* The What-if slider: dragging redraws here and sends nothing; letting go asks the
   server once. Verdicts, bounds and chances are looked up in the tables that
   pages/what_if/preview.py made; only the hourly curves are moved here. */
(function () {
  "use strict";
  const dc = (window.dash_clientside = window.dash_clientside || {});
  const THIN = "\u202f";
  const QUIET_MS = 800; // what rests that long is evaluated, what is passed over is not

  let shown = null; // the data that the page shows
  let frame = null; // a redraw that waits for the next animation frame
  let pointerIsDown = false;
  let timer = null;
  let pending = null; // {data, shift} to be evaluated when the slider is let go
  let caughtUpWith = null; // the decision that showed that a newer issue is there
  let known = { data: null, shift: null }; // asked for already, or given by a link

  document.addEventListener("pointerdown", () => { pointerIsDown = true; }, true);
  // Dash hears of the slider when it rests; the charts follow every movement.
  document.addEventListener("input", (event) => {
    if (event.target.id === "what-if-slider") follow(parseShift(event.target.value));
  }, true);
  for (const name of ["pointerup", "pointercancel"]) {
    document.addEventListener(name, () => { pointerIsDown = false; settle(); }, true);
  }

  function isNumber(value) {
    return typeof value === "number" && Number.isFinite(value);
  }

  function parseShift(value) {
    if (value === null || value === undefined || value === "") return null;
    const shift = Math.round(Number(value) * 10) / 10;
    return Number.isFinite(shift) && shift >= 0 && shift <= 100 ? shift : null;
  }

  function celsius(value) {
    return value.toFixed(1).replace("-", "\u2212") + THIN + "°C";
  }

  /* Tables are by steps of 0.1 %. */
  function stepOf(shift) {
    return Math.round(shift * 10);
  }

  /* What a table of [first step, words] says at a shift. */
  function wordsAt(table, shift) {
    return table.filter(([first]) => first <= stepOf(shift)).at(-1)[1];
  }

  /* What an hour of the source gives of its load in a shift, percent; see
     core/shares.py. */
  function givenPct(shift, hour) {
    const { flexible_pct: flexible, left_pct: left, used_pct: used } = shown.shares;
    const most = shift > flexible + 1e-9
      ? Math.max(left[hour], shift - used[hour]) : left[hour];
    return Math.min(shift, most);
  }

  /* Hourly values after a shift; null where one is not known. */
  function moved(values, end, shift) {
    if (shift === 0) return values;
    return values.map((value, hour) => {
      const rise = end.rise_by_hour_c_per_pct[hour];
      return isNumber(value) && isNumber(rise) ? value + givenPct(shift, hour) * rise : null;
    });
  }

  /* Where to draw the bound: between two whole percents of the server's table. */
  function boundAt(end, shift) {
    const percent = Math.floor(shift);
    const from = end.bound_by_pct_c[percent];
    const to = end.bound_by_pct_c[Math.ceil(shift)];
    return isNumber(from) && isNumber(to) ? from + (shift - percent) * (to - from) : null;
  }

  /* The traces of one end that a shift moves: their values, by the trace's meta. */
  function movedTraces(end, shift) {
    const bound = boundAt(end, shift);
    return {
      mean_after: moved(end.mean_c, end, shift),
      lower_after: moved(end.lower_c, end, shift),
      upper_after: moved(end.upper_c, end, shift),
      bound_after: end.mean_c.length ? [bound, bound] : [],
    };
  }

  function redrawChart(id, end, shift) {
    const chart = document.querySelector(`#${id} .js-plotly-plot`);
    if (!chart || !chart.data || !end) return;
    const after = movedTraces(end, shift);
    const traces = chart.data.flatMap((trace, index) => (after[trace.meta] ? [index] : []));
    if (!traces.length) return;
    const data = traces.map((index) => ({ y: after[chart.data[index].meta] }));
    window.Plotly.animate(chart, { data, traces }, {
      mode: "immediate",
      frame: { duration: 0, redraw: false },
      transition: { duration: 0 },
    });
  }

  function setText(id, text) {
    const element = document.getElementById(id);
    if (element) element.textContent = text;
  }

  function writePreview(shift) {
    const verdict = wordsAt(shown.verdicts, shift);
    setText("what-if-preview", `Preview at ${shift}${THIN}%: ${verdict}`);
    setText("what-if-preview-source", endText(shown.source, shift));
    setText("what-if-preview-target", endText(shown.target, shift));
    setText("what-if-source-chart-summary", chartText(shown.source, shift));
    setText("what-if-target-chart-summary", chartText(shown.target, shift));
  }

  /* Draw the shift in the next animation frame; only the newest one counts. */
  function follow(shift) {
    if (!shown || shift === null) return;
    window.cancelAnimationFrame(frame);
    frame = window.requestAnimationFrame(() => {
      writePreview(shift);
      redrawChart("what-if-source-chart", shown.source, shift);
      redrawChart("what-if-target-chart", shown.target, shift);
    });
  }

  function endText(end, shift) {
    if (!end) return "";
    const change = (table) => `${wordsAt(table, 0)} → ${wordsAt(table, shift)}`;
    return `${end.name}: day bound ${change(end.bounds)}, limit ${end.limit};` +
      ` chance of exceeding it ${change(end.chances)} (allowed ${end.allowed})`;
  }

  /* The chart in words: what it shows before and after this shift. */
  function chartText(end, shift) {
    if (!end) return "No target to draw.";
    const reach = (values) => {
      const numbers = values.filter(isNumber);
      return numbers.length
        ? `${celsius(Math.min(...numbers))} to ${celsius(Math.max(...numbers))}` : "not known";
    };
    const after = movedTraces(end, shift).mean_after;
    return `${endText(end, shift)}. Forecast mean ${reach(end.mean_c)} before,` +
      ` ${reach(after)} after a shift of ${shift}${THIN}%.`;
  }

  function key(data, shift) {
    const target = data.target ? data.target.slug : null;
    const window = data.day || data.issue;
    return JSON.stringify([data.source.slug, target, window, shift, data.hours || null]);
  }

  function storedKey(stored) {
    const window = stored.day || stored.issue;
    const hours = stored.hours || null;
    return JSON.stringify([stored.source, stored.target, window, stored.shift_pct, hours]);
  }

  /* A verdict on a newer issue than the page shows: show that issue. */
  function catchUp(data, stored) {
    if (!stored || data.day || stored.issue <= data.issue) return;
    if (caughtUpWith === stored.decision_id) return;
    caughtUpWith = stored.decision_id;
    dc.set_props("what-if-refresh", { n_intervals: Date.now() });
  }

  function settle() {
    if (!pending) return;
    window.clearTimeout(timer);
    timer = window.setTimeout(() => {
      if (pointerIsDown || !pending) return;
      const { data, shift } = pending;
      pending = null;
      evaluate(data, shift);
    }, QUIET_MS);
  }

  function evaluate(data, shift) {
    if (!document.getElementById("what-if-slider")) return; // the page was left
    if (dc.gfo_is_off()) return;
    known = { data, shift };
    const url = new URL(window.location.href);
    url.searchParams.set("source", data.source.slug);
    url.searchParams.set("target", data.target.slug);
    url.searchParams.set("shift", String(shift));
    window.history.replaceState(window.history.state, "", url);
    dc.set_props("what-if-request", {
      data: {
        source: data.source.slug,
        target: data.target.slug,
        day: data.day,
        shift_pct: shift,
        hours: data.hours,
        request_id: dc.gfo_new_id(),
      },
    });
  }

  dc.gfo_what_if = {
    /* Slider, number box and a newly opened link show the same shift. */
    agree_on_shift(slider, number, data) {
      const source = dc.callback_context.triggered[0];
      const from = source ? source.prop_id.split(".")[0] : "what-if-data";
      const value = { "what-if-slider": slider, "what-if-number": number }[from];
      const shift = from === "what-if-data" && data ? data.shift_pct : parseShift(value);
      if (from === "what-if-data" && data) known = { data, shift };
      const same = (control) => shift === null || parseShift(control) === shift;
      return [
        same(slider) ? dc.no_update : shift,
        same(number) ? dc.no_update : shift,
      ];
    },

    /* New regions or a new day: new charts, drawn by the server at the link's shift. */
    show_charts(data) {
      if (!data) return [dc.no_update, dc.no_update];
      shown = data;
      document.title = `What-if: ${data.title}`;
      dc.gfo_name_shown(data);
      writePreview(data.shift_pct);
      const empty = { data: [], layout: {} };
      return [data.source.figure, data.target ? data.target.figure : empty];
    },

    /* The number box and the keys move the slider too. */
    follow_shift(slider) {
      follow(parseShift(slider));
    },

    /* A verdict of another shift is shown faded, one of other regions not at all. Until
       one is stored, the impact is that of the address. */
    mark_stored(slider, data, stored) {
      const shift = parseShift(slider);
      if (!data || shift === null) return Array(6).fill(dc.no_update);
      catchUp(data, stored);
      const current = Boolean(stored) && storedKey(stored) === key(data, shift);
      const sameQuestion =
        Boolean(stored) && storedKey(stored) === key(data, stored.shift_pct);
      const css = current ? "" : sameQuestion ? "gfo-outdated" : "d-none";
      const mayEvaluate = data.may_decide && Boolean(data.target);
      return [
        current || data.is_look ? "d-none" : "gfo-muted",
        css,
        css,
        sameQuestion ? "d-none" : shift === data.shift_pct ? "" : "gfo-outdated",
        !mayEvaluate,
        !(mayEvaluate && current),
      ];
    },

    links(slider, data) {
      const shift = parseShift(slider);
      if (!data || shift === null) return [dc.no_update, dc.no_update];
      const plan = new URLSearchParams({ region: data.source.slug });
      if (data.day) plan.set("day", data.day);
      const query = new URLSearchParams({ source: data.source.slug });
      if (data.target) query.set("target", data.target.slug);
      if (data.day) query.set("day", data.day);
      else if (data.is_issued) query.set("issued", data.issue);
      if (shift) query.set("shift", String(shift));
      if (data.hours) query.set("hours", data.hours);
      return [`/trade-offs?${query}`, `/plan?${plan}`];
    },

    request_evaluation(slider, _clicks, data) {
      const shift = parseShift(slider);
      if (!data || !data.may_decide || !data.target || shift === null) return;
      const pressed = dc.callback_context.triggered.some(
        (item) => item.prop_id === "what-if-evaluate.n_clicks" && item.value);
      if (pressed) {
        pending = null;
        evaluate(data, shift);
        return;
      }
      const isKnown = known.data === data && known.shift === shift;
      pending = isKnown ? null : { data, shift };
      settle();
    },

    open_record() {
      const opens = dc.callback_context.triggered.some(
        (item) => item.prop_id === "what-if-record.n_clicks" && item.value);
      if (opens) {
        // One request id for each opening: pressing Record twice records once.
        dc.set_props("what-if-record-request", { data: dc.gfo_new_id() });
        dc.set_props("what-if-comment", { value: "" });
        dc.set_props("what-if-record-status", { children: null });
      }
      dc.set_props("what-if-record-modal", { is_open: opens });
    },
  };
})();
