import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, tag } from "./page.mjs";

const end = (slug, name) => ({
  slug, name, figure: { data: [slug] }, limit: "35 °C", allowed: "5 %",
  mean_c: [30, 31], lower_c: [29, 30], upper_c: [31, 32], rise_by_hour_c_per_pct: [0, 0],
  bound_by_pct_c: Array(101).fill(34), bounds: [[0, "34.0 °C"]], chances: [[0, "4 %"]],
});
const DATA = {
  title: "Arizona → Ireland", source: end("arizona", "Arizona"), target: end("ireland", "Ireland"),
  day: "2025-07-13", shift_pct: 20, may_decide: true, verdicts: [[0, "✓ APPROVED"]], hours: null,
  shares: { flexible_pct: 80, left_pct: [80, 80], used_pct: [0, 0] },
};
const STORED = {
  source: "arizona", target: "ireland", day: "2025-07-13", shift_pct: 20, hours: null,
};

function open(address = "/what-if?source=arizona") {
  const page = new Page(`https://portal.test${address}`, {
    fetch: () => Promise.resolve({ ok: true }), Plotly: { animate: () => {} },
    requestAnimationFrame: () => 1, cancelAnimationFrame: () => {},
  }).load("pages", "portal", "requests", "what_if");
  page.add(tag("input", { id: "what-if-slider", value: "20" }));
  const call = (name, args, ...pressed) => page.call(
    "gfo_what_if", name, args, { triggered: pressed });
  const requests = () => page.setProps.filter(([id]) => id === "what-if-request")
    .map(([, { data }]) => data);
  return { page, call, requests };
}

test("slider, number box and a link come to show the same shift", () => {
  const { page, call } = open();
  const { no_update: same } = page.dc;
  const agree = (from, slider, number, data = DATA) =>
    call("agree_on_shift", [slider, number, data], from);
  assert.deepEqual(agree("what-if-slider.value", 30, 20), [same, 30]);
  assert.deepEqual(agree("what-if-number.value", 30, 12.34), [12.3, same]);
  assert.deepEqual(agree("what-if-data.data", 30, 30), [20, 20]);
  assert.deepEqual(agree("what-if-data.data", 20, 20), [same, same]);
  for (const wrong of [null, "", -1, 101, "x"]) {
    assert.deepEqual(agree("what-if-number.value", 30, wrong), [same, same]);
  }
});

test("a verdict of another shift is faded, of other regions hidden, of this one shown", () => {
  const { page, call } = open();
  const mark = (slider, data, stored) => call("mark_stored", [slider, data, stored]);
  assert.deepEqual(mark(20, DATA, STORED), ["d-none", "", "", "d-none", false, false]);
  assert.deepEqual(
    mark(30, DATA, STORED), ["gfo-muted", "gfo-outdated", "gfo-outdated", "d-none", false, true]);
  const others = ["gfo-muted", "d-none", "d-none", "", false, true];
  for (const changes of [{ source: "texas" }, { target: "texas" }, { day: null }, { hours: "12-18" }]) {
    assert.deepEqual(mark(20, DATA, { ...STORED, ...changes }), others);
  }
  assert.deepEqual(mark(20, DATA, null), others);
  assert.equal(mark(30, DATA, null)[3], "gfo-outdated");
  assert.deepEqual(mark(20, { ...DATA, may_decide: false }, STORED).slice(4), [true, true]);
  assert.deepEqual(mark(20, { ...DATA, target: null }, null).slice(4), [true, true]);
  assert.deepEqual(mark(20, null, STORED), Array(6).fill(page.dc.no_update));
  assert.deepEqual(mark("x", DATA, STORED), Array(6).fill(page.dc.no_update));
});

test("links to other pages take regions, day and shift along", () => {
  const { page, call } = open();
  assert.deepEqual(call("links", [20, DATA]), [
    "/trade-offs?source=arizona&target=ireland&day=2025-07-13&shift=20",
    "/plan?region=arizona&day=2025-07-13",
  ]);
  assert.deepEqual(call("links", [0, { ...DATA, target: null, day: null }]),
    ["/trade-offs?source=arizona", "/plan?region=arizona"]);
  assert.equal(call("links", [20, { ...DATA, hours: "12-18" }])[0],
    "/trade-offs?source=arizona&target=ireland&day=2025-07-13&shift=20&hours=12-18");
  const none = [page.dc.no_update, page.dc.no_update];
  assert.deepEqual(call("links", [20, null]), none);
  assert.deepEqual(call("links", [null, DATA]), none);
});

test("a press on Evaluate asks at once, and the address shows what was asked", () => {
  const { page, requests } = open();
  page.add(tag("button", { id: "what-if-evaluate" }));
  page.dc.callback_context = { triggered: [{ prop_id: "what-if-evaluate.n_clicks", value: 1 }] };
  page.dc.gfo_what_if.request_evaluation(35, 1, DATA);
  const [{ request_id: id, ...asked }] = requests();
  assert.deepEqual(asked, { ...STORED, shift_pct: 35 });
  assert.match(id, /^[0-9a-f-]{36}$/);
  assert.equal(page.window.location.search, "?source=arizona&target=ireland&shift=35");
  page.dc.gfo_what_if.request_evaluation(35, 1, DATA);
  assert.notEqual(requests()[1].request_id, id);
});

test("a shift that rests is asked for once, the newest one", async () => {
  const { page, call, requests } = open();
  call("request_evaluation", [30, 0, DATA]);
  await page.clock.move(700);
  call("request_evaluation", [35, 0, DATA]);
  await page.clock.move(799);
  assert.deepEqual(requests(), []);
  await page.clock.move(1);
  assert.deepEqual(requests().map(({ shift_pct: shift }) => shift), [35]);
  call("request_evaluation", [35, 0, DATA]);
  await page.clock.move(1000);
  assert.equal(requests().length, 1);
});

test("while the pointer holds the slider nothing is asked for", async () => {
  const { page, call, requests } = open();
  page.fire(page.body, "pointerdown");
  call("request_evaluation", [30, 0, DATA]);
  await page.clock.move(1000);
  assert.deepEqual(requests(), []);
  page.fire(page.body, "pointerup");
  await page.clock.move(799);
  assert.deepEqual(requests(), [], "let go only to be moved on");
  await page.clock.move(1);
  assert.equal(requests().length, 1);
});

test("nothing is asked for that cannot be decided, or is known from the link", async () => {
  const { page, call, requests } = open();
  for (const data of [null, { ...DATA, may_decide: false }, { ...DATA, target: null }]) {
    call("request_evaluation", [30, 0, data]);
  }
  call("request_evaluation", ["x", 0, DATA]);
  call("agree_on_shift", [0, 0, DATA], "what-if-data.data");
  call("request_evaluation", [20, 0, DATA]);
  await page.clock.move(1000);
  assert.deepEqual(requests(), []);
});

test("nothing is asked for without the portal, or after the page was left", async () => {
  for (const leave of [
    (page) => page.root.setAttribute("data-gfo-offline", ""),
    (page) => page.root.setAttribute("data-gfo-old", ""),
    (page) => page.document.getElementById("what-if-slider").remove(),
  ]) {
    const { page, call, requests } = open();
    call("request_evaluation", [30, 0, DATA]);
    leave(page);
    await page.clock.move(1000);
    assert.deepEqual(requests(), []);
  }
});

test("Record opens its form anew, with an id of its own", () => {
  const { page, call } = open();
  call("open_record", []);
  assert.deepEqual(page.setProps, [["what-if-record-modal", { is_open: false }]]);
  page.setProps.length = 0;
  page.dc.callback_context = { triggered: [{ prop_id: "what-if-record.n_clicks", value: 1 }] };
  page.dc.gfo_what_if.open_record();
  const told = Object.fromEntries(page.setProps);
  assert.match(told["what-if-record-request"].data, /^[0-9a-f-]{36}$/);
  assert.deepEqual(told["what-if-comment"], { value: "" });
  assert.deepEqual(told["what-if-record-status"], { children: null });
  assert.deepEqual(told["what-if-record-modal"], { is_open: true });
});

test("a verdict of another issue is hidden; of a newer one, its issue is asked for", () => {
  const { page, call } = open();
  const live = { ...DATA, day: null, issue: "2025-07-13T12:00Z" };
  const stored = { ...STORED, day: null, issue: live.issue, decision_id: 7 };
  const mark = (changes) => call("mark_stored", [20, live, { ...stored, ...changes }]);
  const hidden = ["gfo-muted", "d-none", "d-none", "", false, true];
  const asked = () => page.setProps.filter(([id]) => id === "what-if-refresh").length;
  assert.equal(mark({})[0], "d-none");
  assert.deepEqual(mark({ issue: "2025-07-13T11:00Z" }), hidden);
  assert.equal(asked(), 0);
  assert.deepEqual(mark({ issue: "2025-07-13T13:00Z", decision_id: 8 }), hidden);
  mark({ issue: "2025-07-13T13:00Z", decision_id: 8 });
  assert.equal(asked(), 1, "once for a verdict");
});

test("the address names the issue that is shown, and no issue of a day", () => {
  const { page, call } = open();
  call("show_charts", [{ ...DATA, is_issued: true, issue: "2025-07-13T07:00Z" }]);
  const search = () => page.window.location.search;
  assert.equal(search(), "?source=arizona");
  call("show_charts", [{ ...DATA, day: null, is_issued: false, issue: "2025-07-13T12:00Z" }]);
  assert.equal(search(), "?source=arizona");
  call("show_charts", [{ ...DATA, day: null, is_issued: true, issue: "2025-07-13T12:00Z" }]);
  assert.equal(search(), "?source=arizona&issued=2025-07-13T12%3A00Z");
});

test("the address names the regions that it left to the page, and no other", () => {
  const { page, call } = open();
  call("show_charts", [{ ...DATA, named: { source: "wyoming", target: "ireland" } }]);
  assert.equal(page.window.location.search, "?source=arizona&target=ireland");
  call("show_charts", [{ ...DATA, named: { source: "arizona", target: null } }]);
  assert.equal(page.window.location.search, "?source=arizona&target=ireland");
});

test("new regions show their charts, and an end without a region an empty one", () => {
  const { page, call } = open();
  assert.deepEqual(call("show_charts", [DATA]), [{ data: ["arizona"] }, { data: ["ireland"] }]);
  assert.equal(page.document.title, "What-if: Arizona → Ireland");
  assert.deepEqual(
    call("show_charts", [{ ...DATA, target: null }]), [{ data: ["arizona"] }, { data: [], layout: {} }]);
  const { no_update: same } = page.dc;
  assert.deepEqual(call("show_charts", [null]), [same, same]);
});
