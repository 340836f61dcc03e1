import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, tag } from "./page.mjs";

const THIN = "\u202f";
const BLOCKED = "■ BLOCKED: at least 24 % is needed";

/* One end of 101 percents: the bound falls by 0.05 degC for each, from 36. */
const end = (slug, name, changes = {}) => ({
  slug, name, figure: { data: [slug] },
  mean_c: [30, 31.04], lower_c: [29, 30], upper_c: [31, null], rise_by_hour_c_per_pct: [-0.05, -0.1],
  bound_by_pct_c: Array.from({ length: 101 }, (_, percent) => 36 - 0.05 * percent),
  bounds: [[0, "36.0 °C"], [10, "35.9 °C"], [240, "34.8 °C"]],
  chances: [[0, "9 %"], [240, "4 %"]], limit: "35 °C", allowed: "5 %",
  ...changes,
});
const DATA = {
  title: "Arizona → Ireland", source: end("arizona", "Arizona"), target: end("ireland", "Ireland"),
  day: "2025-07-13", shift_pct: 0, may_decide: true,
  shares: { flexible_pct: 80, left_pct: [80, 80], used_pct: [0, 0] },
  verdicts: [[0, BLOCKED], [240, "✓ APPROVED"], [801, "■ BLOCKED: at most 80 % can be called safe"]],
};

/* The page with its texts and charts, and a slider that a test moves. */
function open(data = DATA) {
  const drawn = {};
  const frames = new Map();
  const page = new Page("https://portal.test/what-if", {
    fetch: () => {},
    Plotly: {
      animate: (chart, { data: values, traces }) => {
        drawn[chart.parent.id] = { values: values.map(({ y }) => y), traces };
      },
    },
    requestAnimationFrame: (callback) => {
      const number = frames.size + 1;
      frames.set(number, callback);
      return number;
    },
    cancelAnimationFrame: (number) => { if (number) frames.set(number, null); },
  }).load("pages", "requests", "what_if");
  const slider = page.add(tag("input", { id: "what-if-slider", value: "0" }));
  const metas = [undefined, "lower_after", "upper_after", "mean_after", "bound_after"];
  for (const name of ["source", "target"]) {
    const chart = tag("div", { class: "js-plotly-plot", data: metas.map((meta) => ({ meta })) });
    page.add(tag("div", { id: `what-if-${name}-chart` }, chart));
    page.add(tag("p", { id: `what-if-preview-${name}` }));
    page.add(tag("p", { id: `what-if-${name}-chart-summary` }));
  }
  page.add(tag("p", { id: "what-if-preview" }));
  page.call("gfo_what_if", "show_charts", [data]);
  const text = (id) => page.document.getElementById(id).textContent;
  const waiting = () => [...frames.values()].filter(Boolean);
  const paint = () => {
    const callbacks = waiting();
    for (const number of frames.keys()) frames.set(number, null);
    for (const callback of callbacks) callback();
  };
  const move = (value) => {
    slider.value = String(value);
    page.fire(slider, "input");
  };
  return { page, drawn, text, move, paint, waiting };
}

test("the verdict is that of the step, up to both ends of the safe interval", () => {
  const { text, move, paint } = open();
  assert.equal(text("what-if-preview"), `Preview at 0${THIN}%: ${BLOCKED}`);
  for (const [shift, words] of [
    [0.1, BLOCKED], [23.9, BLOCKED], [24, "✓ APPROVED"], [80, "✓ APPROVED"],
    [80.1, DATA.verdicts[2][1]], [100, DATA.verdicts[2][1]],
  ]) {
    move(shift);
    paint();
    assert.equal(text("what-if-preview"), `Preview at ${shift}${THIN}%: ${words}`);
  }
});

test("bound and chance are the words of the step, before and after", () => {
  const warm = end("ireland", "Ireland", { bounds: [[0, "21.0 °C"], [5, "21.1 °C"]] });
  const { text, move, paint } = open({ ...DATA, target: warm });
  for (const [shift, bound, chance] of [
    [0, "36.0 °C", "9 %"], [0.9, "36.0 °C", "9 %"], [1, "35.9 °C", "9 %"],
    [23.9, "35.9 °C", "9 %"], [24, "34.8 °C", "4 %"],
  ]) {
    move(shift);
    paint();
    const words = `Arizona: day bound 36.0 °C → ${bound}, limit 35 °C;`
      + ` chance of exceeding it 9 % → ${chance} (allowed 5 %)`;
    assert.equal(text("what-if-preview-source"), words);
    assert.ok(text("what-if-source-chart-summary").startsWith(`${words}. `));
    assert.ok(text("what-if-preview-target").startsWith(
      `Ireland: day bound 21.0 °C → ${shift < 0.5 ? "21.0" : "21.1"} °C,`));
  }
});

test("curves move by the shift times each hour's rise, the bound as the table says", () => {
  const { drawn, move, paint } = open();
  move(10.5);
  paint();
  const { values, traces } = drawn["what-if-source-chart"];
  assert.deepEqual(traces, [1, 2, 3, 4]);
  const [lower, upper, mean, bound] = values;
  const close = (found, expected) => assert.ok(Math.abs(found - expected) < 1e-9, `${found}`);
  close(lower[0], 28.475);
  close(lower[1], 28.95);
  close(mean[0], 29.475);
  close(upper[0], 30.475);
  assert.equal(upper[1], null);
  close(bound[0], 36 - 0.05 * 10.5);
  assert.equal(bound[0], bound[1]);
  assert.ok(drawn["what-if-target-chart"]);
});

test("a used-up hour gives what is left, and beyond what may move all would give more", () => {
  const shares = { flexible_pct: 40, left_pct: [40, 10], used_pct: [0, 30] };
  const { drawn, move, paint } = open({ ...DATA, shares });
  for (const [shift, first, second] of [[20, 20, 10], [40, 40, 10], [60, 60, 30]]) {
    move(shift);
    paint();
    const mean = drawn["what-if-source-chart"].values[2];
    assert.ok(Math.abs(mean[0] - (30 - 0.05 * first)) < 1e-9, `${mean[0]}`);
    assert.ok(Math.abs(mean[1] - (31.04 - 0.1 * second)) < 1e-9, `${mean[1]}`);
  }
});

test("at a whole percent and at both ends of the slider the bound is that of the table", () => {
  const { drawn, move, paint } = open();
  for (const shift of [0, 37, 100]) {
    move(shift);
    paint();
    const bound = drawn["what-if-source-chart"].values.at(-1);
    assert.deepEqual(bound, Array(2).fill(DATA.source.bound_by_pct_c[shift]));
  }
});

test("the chart in words tells the range of the mean before and after", () => {
  const { text, move, paint } = open();
  move(10);
  paint();
  assert.ok(text("what-if-source-chart-summary").endsWith(
    `Forecast mean 30.0${THIN}°C to 31.0${THIN}°C before, 29.5${THIN}°C to 30.0${THIN}°C after`
    + ` a shift of 10${THIN}%.`));
  const cold = end("arizona", "Arizona", { mean_c: [-3.14, null] });
  const winter = open({ ...DATA, source: cold });
  assert.ok(winter.text("what-if-source-chart-summary").includes(
    `Forecast mean \u22123.1${THIN}°C to \u22123.1${THIN}°C before`));
});

test("where no shift can be computed only no shift has a curve and a bound", () => {
  const unknown = end("arizona", "Arizona", {
    rise_by_hour_c_per_pct: [], bound_by_pct_c: [36], bounds: [[0, "36.0 °C"], [1, "–"]],
  });
  const { drawn, text, move, paint } = open({ ...DATA, source: unknown });
  for (const [shift, mean, bound, words] of [
    [0, [30, 31.04], [36, 36], "36.0 °C → 36.0 °C"],
    [0.1, [null, null], [null, null], "36.0 °C → –"],
    [50, [null, null], [null, null], "36.0 °C → –"],
  ]) {
    move(shift);
    paint();
    assert.deepEqual(drawn["what-if-source-chart"].values.slice(2), [mean, bound]);
    assert.ok(text("what-if-preview-source").includes(words));
  }
  assert.ok(text("what-if-source-chart-summary").includes("not known after a shift"));
});

test("without a forecast or a target there is nothing to move", () => {
  const bare = end("arizona", "Arizona", { mean_c: [], lower_c: [], upper_c: [] });
  const { drawn, text, move, paint } = open({ ...DATA, source: bare, target: null });
  move(10);
  paint();
  assert.deepEqual(drawn["what-if-source-chart"].values, [[], [], [], []]);
  assert.equal(drawn["what-if-target-chart"], undefined);
  assert.equal(text("what-if-preview-target"), "");
  assert.equal(text("what-if-target-chart-summary"), "No target to draw.");
});

test("a chart that is not there yet, or has nothing that moves, is left alone", () => {
  const { page, drawn, move, paint } = open();
  page.document.querySelector("#what-if-source-chart .js-plotly-plot").data = [{}, { meta: "x" }];
  page.document.querySelector("#what-if-target-chart .js-plotly-plot").data = undefined;
  move(10);
  paint();
  assert.deepEqual(drawn, {});
});

test("movements wait for the next frame, and only the newest is drawn", () => {
  const { text, move, paint, waiting } = open();
  move(10);
  move(30);
  assert.equal(waiting().length, 1);
  assert.ok(text("what-if-preview").startsWith(`Preview at 0${THIN}%`));
  paint();
  assert.ok(text("what-if-preview").startsWith(`Preview at 30${THIN}%`));
  move("x");
  move(101);
  assert.deepEqual(waiting(), []);
});

test("the number box and the keys move the preview too, but not before the data", () => {
  const { page, text, paint } = open();
  page.call("gfo_what_if", "follow_shift", [42]);
  paint();
  assert.ok(text("what-if-preview").startsWith(`Preview at 42${THIN}%`));
  const empty = open(null);
  empty.move(10);
  assert.deepEqual(empty.waiting(), []);
});
