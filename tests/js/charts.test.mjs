// webapp/assets/charts.js: charts over time share a cursor and zoom alike.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, settled, tag } from "./page.mjs";

const HOURS = ["2026-07-01T00:00:00", "2026-07-01T01:00:00", "2026-07-01T02:00:00"];

function chartOf(type, data) {
  const chart = tag("div", {
    class: "js-plotly-plot",
    data,
    handlers: {},
    _fullLayout: {
      xaxis: { type, _offset: 50, _length: 300, d2p: (x) => 100 * HOURS.indexOf(x) },
    },
  });
  chart.on = (name, act) => { chart.handlers[name] = act; };
  return chart;
}

const line = (y, extra = {}) => ({ x: HOURS, y, ...extra });

function charts(...made) {
  const page = new Page("https://portal.test/regions/arizona").load("charts");
  const calls = [];
  page.window.Plotly = {
    Fx: {
      hover: (chart, points) => calls.push(["hover", chart, points]),
      unhover: (chart) => calls.push(["unhover", chart]),
    },
    relayout: (chart, change) => {
      calls.push(["relayout", chart, change]);
      // As Plotly does: whoever follows says so too.
      chart.handlers.plotly_relayout?.(change);
      return Promise.resolve();
    },
  };
  for (const chart of made) {
    page.add(chart);
    page.fire(chart, "pointerover");
  }
  return { page, calls };
}

test("the instant under the pointer is pointed at in every chart over time", () => {
  const first = chartOf("date", [line([1, 2, 3])]);
  const second = chartOf("date", [
    line([4, 5, null]), line([9, 9, 9], { hoverinfo: "skip" }), line([1, 1, 1], { yaxis: "y2" }),
  ]);
  const other = chartOf("linear", [line([1, 2, 3])]);
  const { calls } = charts(first, second, other);
  first.handlers.plotly_hover({ points: [{ data: line([]), pointNumber: 1 }], event: {} });
  assert.deepEqual(calls, [["hover", second, [{ curveNumber: 0, pointNumber: 1 }]]]);
  for (const chart of [first, second]) {
    const cursor = chart.querySelector(".gfo-cursor");
    assert.equal(cursor.style.left, "150px");
    assert.equal(cursor.hasAttribute("hidden"), false);
  }
  assert.equal(other.querySelector(".gfo-cursor"), null);
  first.handlers.plotly_hover({ points: [{ data: line([]), pointNumber: 2 }], event: {} });
  assert.deepEqual(calls.at(-1), ["unhover", second]);
  first.handlers.plotly_unhover({ event: {} });
  assert.equal(first.querySelector(".gfo-cursor").hasAttribute("hidden"), true);
});

test("a chart that only follows leads nobody", () => {
  const first = chartOf("date", [line([1, 2, 3])]);
  const second = chartOf("date", [line([4, 5, 6])]);
  const { calls } = charts(first, second);
  second.handlers.plotly_hover({ points: [{ data: line([]), pointNumber: 1 }] });
  second.handlers.plotly_unhover({});
  assert.deepEqual(calls, []);
});

test("an instant outside what another chart shows is not pointed at there", () => {
  const first = chartOf("date", [line([1, 2, 3])]);
  const second = chartOf("date", [line([4, 5, 6])]);
  second._fullLayout.xaxis.d2p = () => -5;
  const { calls } = charts(first, second);
  first.handlers.plotly_hover({ points: [{ data: line([]), pointNumber: 1 }], event: {} });
  assert.deepEqual(calls, [["unhover", second]]);
  assert.equal(second.querySelector(".gfo-cursor").hasAttribute("hidden"), true);
});

for (const [what, change, wanted] of [
  ["a range", { "xaxis.range": ["a", "b"] }, { "xaxis.range": ["a", "b"] }],
  ["its ends", { "xaxis.range[0]": "a", "xaxis.range[1]": "b" }, { "xaxis.range": ["a", "b"] }],
  ["a reset", { "xaxis.autorange": true }, { "xaxis.autorange": true }],
  ["something else", { width: 300 }, null],
]) {
  test(`charts over time zoom alike: ${what}`, async () => {
    const first = chartOf("date", [line([1, 2, 3])]);
    const second = chartOf("date", [line([4, 5, 6])]);
    const { calls } = charts(first, second, chartOf("linear", []));
    first.handlers.plotly_relayout(change);
    assert.deepEqual(calls, wanted ? [["relayout", second, wanted]] : []);
    await settled();
    second.handlers.plotly_relayout({ "xaxis.range": ["c", "d"] });
    assert.equal(calls.at(-1)?.[1], first);
  });
}

test("a click opens what the point is about, a double click does not", async () => {
  const chart = chartOf("linear", [line([1, 2, 3])]);
  const { page } = charts(chart);
  const click = (data, pointNumber) => chart.handlers.plotly_click({ points: [{ data, pointNumber }] });
  click({ meta: { href: ["/a", "/b"] } }, 1);
  await page.clock.move(1000);
  assert.deepEqual(page.setProps, [["shell-go", { href: "/b" }]]);
  click({}, 0);
  click({ meta: { href: [""] } }, 0);
  click({ meta: { href: ["/a"] } }, 0);
  chart.handlers.plotly_doubleclick();
  click({ meta: { href: ["/a"] } }, 0);
  await page.clock.move(1000);
  assert.equal(page.setProps.length, 1);
});
