import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, tag } from "./page.mjs";

const LABELS = ["00:00", "01:00", "02:00"];
const DATA = {
  title: "Arizona → Ireland", labels: LABELS,
  source: "arizona", target: "ireland", shift: 20, day: "2025-07-13", water: "on_site",
};

/* The page as drawn: its slider, its button and a chart with its frames. */
function open(query = "", { frames = LABELS, isCalm = false } = {}) {
  const drawn = [];
  const page = new Page(`https://portal.test/trade-offs${query}`, {
    Plotly: { animate: (_chart, names, how) => drawn.push({ names, how }) },
    matchMedia: (asked) => ({ matches: isCalm && asked === "(prefers-reduced-motion: reduce)" }),
  }).load("pages", "trade_offs");
  const chart = tag("div", { class: "js-plotly-plot", _transitionData: { _frames: frames } });
  const slider = tag("input", { id: "trade-offs-hour", value: "0" });
  const play = tag("button", { id: "trade-offs-play" }, "Play");
  const label = tag("output", { id: "trade-offs-hour-label" });
  page.add(tag("div", { id: "trade-offs-chart" }, chart), slider, play, label);
  page.dc.set_props = (id, properties) => {
    page.setProps.push([id, properties]);
    if (id === "trade-offs-hour") slider.value = properties.value;
  };
  const begin = (data = DATA) => page.call("gfo_trade_offs", "begin", [data]);
  const said = () => [play.textContent, play.getAttribute("aria-pressed")];
  return { page, chart, slider, play, label, drawn, begin, said };
}

test("the page begins at the hour of its address", () => {
  for (const [query, hour] of [["", 0], ["?hour=2", 2], ["?hour=0", 0], ["?hour=3", 0],
    ["?hour=-1", 0], ["?hour=1.5", 0], ["?hour=x", 0]]) {
    const { page, label, slider, drawn, begin } = open(query);
    begin();
    assert.equal(page.document.title, "Trade-offs: Arizona → Ireland");
    assert.deepEqual(page.setProps, [["trade-offs-hour", { value: hour }]]);
    assert.equal(label.textContent, LABELS[hour]);
    assert.equal(slider.getAttribute("aria-valuetext"), LABELS[hour]);
    assert.deepEqual(drawn.map(({ names }) => names), [[String(hour)]]);
  }
});

test("nothing begins without data", () => {
  const { page, begin } = open();
  begin(null);
  assert.deepEqual(page.setProps, []);
  assert.equal(page.document.title, "");
});

test("a chart that is not drawn yet is waited for, and for three seconds only", async () => {
  const { page, chart, drawn, begin } = open("?hour=1");
  chart._transitionData = undefined;
  begin();
  await page.clock.move(250);
  assert.deepEqual(page.setProps, []);
  chart._transitionData = { _frames: [] };
  await page.clock.move(250);
  assert.deepEqual(page.setProps, []);
  chart._transitionData = { _frames: LABELS };
  await page.clock.move(100);
  assert.deepEqual(page.setProps, [["trade-offs-hour", { value: 1 }]]);
  assert.equal(drawn.length, 1);

  const never = open("?hour=1", { frames: [] });
  never.begin();
  await never.page.clock.move(2999);
  assert.deepEqual(never.page.setProps, []);
  await never.page.clock.move(1);
  assert.deepEqual(never.page.setProps, [["trade-offs-hour", { value: 1 }]]);
  assert.deepEqual(never.drawn, []);
});

test("play moves through the hours and round, smoothly, until it is pressed again", async () => {
  const { page, play, label, drawn, begin, said } = open();
  begin();
  assert.deepEqual(drawn.at(-1).how, {
    mode: "immediate", frame: { duration: 0, redraw: false },
    transition: { duration: 0, easing: "cubic-in-out" },
  });
  page.click(play);
  assert.deepEqual(said(), ["Pause", "true"]);
  const seen = [];
  for (let step = 0; step < 4; step += 1) {
    await page.clock.move(900);
    seen.push(label.textContent);
  }
  assert.deepEqual(seen, ["01:00", "02:00", "00:00", "01:00"]);
  assert.deepEqual(drawn.at(-1).how, {
    mode: "immediate", frame: { duration: 900, redraw: false },
    transition: { duration: 540, easing: "cubic-in-out" },
  });
  page.click(play);
  assert.deepEqual(said(), ["Play", "false"]);
  assert.equal(page.window.location.search, "?hour=1");
  await page.clock.move(9000);
  assert.equal(label.textContent, "01:00");
});

test("play can begin again, and has nowhere to go without hours", async () => {
  const { page, play, label, begin, said } = open();
  begin();
  for (let press = 0; press < 3; press += 1) page.click(play);
  assert.deepEqual(said(), ["Pause", "true"]);
  await page.clock.move(900);
  assert.equal(label.textContent, "01:00");

  const empty = open();
  empty.begin({ ...DATA, labels: [] });
  empty.page.click(empty.play);
  await empty.page.clock.move(900);
  assert.deepEqual(empty.page.setProps.at(-1), ["trade-offs-hour", { value: 0 }]);
});

test("a page whose chart is gone still shows its hours", () => {
  const { page, chart, slider, label, begin } = open();
  begin();
  chart.remove();
  slider.value = "1";
  page.fire(slider, "input");
  assert.equal(label.textContent, "01:00");
});

test("who wants less motion sees the hours without any", async () => {
  const { page, play, drawn, begin } = open("", { isCalm: true });
  begin();
  page.click(play);
  await page.clock.move(900);
  assert.equal(drawn.at(-1).how.frame.duration, 0);
  assert.equal(drawn.at(-1).how.transition.duration, 0);
});

test("new data stops what plays", async () => {
  const { page, play, begin, said } = open();
  begin();
  page.click(play);
  await page.clock.move(900);
  begin({ ...DATA, labels: ["06:00", "07:00"] });
  assert.deepEqual(said(), ["Play", "false"]);
});

test("play ends with the page that it was on", async () => {
  const { page, play, slider, begin } = open();
  begin();
  page.click(play);
  play.remove();
  slider.remove();
  page.setProps.length = 0;
  await page.clock.move(9000);
  assert.deepEqual(page.setProps, []);
});

test("the slider shows its hour at once, stops what plays, and keeps the hour when let go", async () => {
  const { page, slider, play, label, begin, said } = open("?source=arizona");
  begin();
  page.click(play);
  slider.value = "2";
  page.fire(slider, "input", { staysBelow: true });
  assert.equal(label.textContent, "02:00");
  assert.deepEqual(said(), ["Play", "false"]);
  await page.clock.move(9000);
  assert.equal(label.textContent, "02:00");
  slider.value = "1";
  page.fire(slider, "input");
  assert.equal(page.window.location.search, "?source=arizona&hour=2", "kept when play stopped");
  page.fire(slider, "change", { staysBelow: true });
  assert.equal(page.window.location.search, "?source=arizona&hour=1");
  slider.value = "0";
  page.fire(slider, "change");
  assert.equal(page.window.location.search, "?source=arizona");
  slider.value = "9";
  page.fire(slider, "input");
  assert.equal(label.textContent, "");
  assert.equal(slider.getAttribute("aria-valuetext"), "");
});

test("other controls move no hour", async () => {
  const { page, slider, label, begin } = open("?hour=1");
  begin();
  slider.value = "2";
  const other = page.add(tag("input", { id: "trade-offs-shift", value: "2" }));
  page.fire(other, "input");
  page.fire(other, "change");
  page.click(other);
  await page.clock.move(900);
  assert.equal(label.textContent, "01:00");
  assert.equal(page.window.location.search, "?hour=1");
});

test("a page without its slider keeps no hour", () => {
  const { page, slider, label, begin } = open("?hour=1");
  slider.remove();
  label.remove();
  page.dc.set_props = () => {};
  begin();
  page.fire(slider, "change");
  assert.equal(page.window.location.search, "?hour=1");
});

const SHOWN = ["arizona", "ireland", 20, "2025-07-13", 0, "on_site"];
const changed = (place, value) => SHOWN.with(place, value);
for (const [what, values, data, triggered, wanted] of [
  ["nothing is shown yet", SHOWN, null, [], null],
  ["nothing changed", SHOWN, DATA, [], null],
  ["numbers as text", changed(2, "20"), DATA, [], null],
  ["no target and no day", ["arizona", "", null, "", 0, "on_site"],
    { ...DATA, target: null, day: null, shift: 0 }, [], null],
  ["another source", changed(0, "texas"), DATA, [],
    "?source=texas&target=ireland&day=2025-07-13&shift=20&hour=2"],
  ["another target", changed(1, "texas"), DATA, [],
    "?source=arizona&target=texas&day=2025-07-13&shift=20&hour=2"],
  ["a region cannot shift to itself", changed(0, "ireland"), DATA, [],
    "?source=ireland&day=2025-07-13&shift=20&hour=2"],
  ["another shift", changed(2, 35.5), DATA, [],
    "?source=arizona&target=ireland&day=2025-07-13&shift=35.5&hour=2"],
  ["no shift", changed(2, null), DATA, [],
    "?source=arizona&target=ireland&day=2025-07-13&hour=2"],
  ["another day", changed(3, "2025-07-14"), DATA, [],
    "?source=arizona&target=ireland&day=2025-07-14&shift=20&hour=2"],
  ["another water", changed(5, "total"), DATA, [],
    "?source=arizona&target=ireland&day=2025-07-13&shift=20&water=total&hour=2"],
  ["the usual water", SHOWN, { ...DATA, water: "total" }, [],
    "?source=arizona&target=ireland&day=2025-07-13&shift=20&hour=2"],
  ["the next 24 h", SHOWN, DATA, ["trade-offs-next-24h.n_clicks"],
    "?source=arizona&target=ireland&shift=20&hour=2"],
]) {
  test(`controls: ${what}`, () => {
    const { page } = open("?hour=2");
    page.call("gfo_trade_offs", "follow_controls", [...values, data], { triggered });
    assert.deepEqual(
      page.setProps.map(([id, { search }]) => [id, search]),
      wanted ? [["trade-offs-url", wanted]] : []);
  });
}
