import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, tag } from "./page.mjs";

const ORIGIN = "https://portal.test";

function at(path, ...elements) {
  const page = new Page(ORIGIN + path).load("pages");
  page.add(...elements, tag("p"));
  return page;
}

/* The address that a page was told to show, without its beginning. */
function shown(page) {
  assert.ok(page.setProps.length <= 1, "told twice");
  if (!page.setProps.length) return null;
  const [[id, { search, href }]] = page.setProps;
  assert.equal(href, ORIGIN + page.window.location.pathname + search);
  return [id, search];
}

const choice = (id, first) => tag("select", { id },
  tag("option", { value: "", disabled: "" }), tag("option", { value: first }),
  tag("option", { value: "other" }));
const FILTERS = ["audit-kind", "audit-words", "audit-order", "audit-live"];
const LIST = [
  choice("audit-kind", "any"), tag("input", { id: "audit-words", type: "search" }),
  choice("audit-order", "newest"), tag("input", { id: "audit-live", type: "checkbox" }),
];

function show(page) {
  return page.call("gfo_pages", "show_filters", [page.window.location.search],
    { inputs: ["audit-url"], outputs: FILTERS });
}

function follow(page, ...values) {
  page.call("gfo_pages", "follow_filters", [...values, "?what=state"],
    { inputs: FILTERS, states: ["audit-url"] });
  return shown(page);
}

test("an address shows in the filters, and an open one is as it was drawn", () => {
  assert.deepEqual(show(at("/audit", ...LIST)), ["any", "", "newest", false]);
  assert.deepEqual(
    show(at("/audit?words=a+b&live=1&order=other&kind=other&after=9", ...LIST)),
    ["other", "a b", "other", true]);
  assert.deepEqual(show(at("/audit?live=0&words=", ...LIST)), ["any", "", "newest", false]);
});

test("filters make an address without the open ones, in the order of the page", () => {
  assert.deepEqual(
    follow(at("/audit?live=1", ...LIST), "other", "  heat ", "newest", true),
    ["audit-url", "?kind=other&words=heat&live=1"]);
  assert.deepEqual(follow(at("/audit?kind=x", ...LIST), "any", null, "newest", false),
    ["audit-url", ""]);
  assert.deepEqual(follow(at("/audit", ...LIST), "any", 7, "other", undefined),
    ["audit-url", "?words=7&order=other"]);
});

test("another filter keeps what else the address says and begins at the first page", () => {
  for (const place of ["after=120.7", "at=33", "before=4"]) {
    assert.deepEqual(
      follow(at(`/audit?batch=5&${place}&order=other`, ...LIST), "other", "", "newest", false),
      ["audit-url", "?batch=5&kind=other"]);
  }
});

test("filters that the address has already change nothing", () => {
  assert.equal(
    follow(at("/audit?after=3&kind=other", ...LIST), "other", "", "newest", false), null);
});

test("what an address has set is no change, and a change is one", () => {
  const page = at("/audit", ...LIST);
  const held = show(page);
  page.window.history.replaceState(null, "", "/audit?order=other");
  assert.equal(follow(page, ...held), null);
  assert.deepEqual(follow(page, "other", "", "newest", false), ["audit-url", "?kind=other"]);
  page.setProps.length = 0;
  assert.equal(follow(page, "other", "", "newest", false), null); // followed already
});

test("filters of a page that was left are open", () => {
  assert.deepEqual(show(at("/audit?kind=x")), ["x", "", "", ""]);
});

test("an address leaves out what is empty, and knows 0 from nothing", () => {
  const page = at("/plan");
  page.dc.gfo_set_search("plan-url", { a: null, b: undefined, c: "", d: 0, e: "x y", f: false });
  assert.deepEqual(shown(page), ["plan-url", "?d=0&e=x+y&f=false"]);
});

test("a press is known by the button's own id", () => {
  const page = at("/plan");
  page.dc.callback_context = { triggered: [{ prop_id: "a.value" }, { prop_id: "b.n_clicks" }] };
  assert.equal(page.dc.gfo_was_pressed("b"), true);
  assert.equal(page.dc.gfo_was_pressed("a"), false);
});

test("the current page's link is marked, and decisions belong to Audit", () => {
  const link = (path) => tag("a", { href: ORIGIN + path });
  const links = ["/", "/audit", "/admin/models"].map(link);
  const page = at("/", tag("header", { class: "gfo-navbar" }, tag("nav", {}, ...links)), link("/"));
  const marked = (pathname) => {
    page.call("gfo_pages", "mark_current_link", [pathname]);
    return page.document.querySelectorAll("[aria-current=page]").map((one) => one.href);
  };
  assert.deepEqual(marked("/"), [ORIGIN + "/"]);
  assert.deepEqual(marked(null), [ORIGIN + "/"]);
  assert.deepEqual(marked("/audit"), [ORIGIN + "/audit"]);
  assert.deepEqual(marked("/audit/events"), [ORIGIN + "/audit"]);
  assert.deepEqual(marked("/decisions/5"), [ORIGIN + "/audit"]);
  assert.deepEqual(marked("/decisionsx"), []);
  assert.deepEqual(marked("/audits"), []);
  assert.deepEqual(marked("/admin/models/5"), [ORIGIN + "/admin/models"]);
});

test("two decisions are compared on a page of their own", () => {
  const page = at("/decisions/12");
  page.call("gfo_pages", "compare_decisions", [1, null]);
  assert.deepEqual(page.setProps, []);
  page.call("gfo_pages", "compare_decisions", [1, "4&5"]);
  assert.deepEqual(
    page.setProps, [["shell-go", { href: "/audit/compare?left=12&right=4%265" }]]);
});

test("the forecast's title is that of what is shown", () => {
  const page = at("/forecast");
  page.call("gfo_pages", "show_forecast", [null]);
  assert.equal(page.document.title, "");
  page.call("gfo_pages", "show_forecast", [{ title: "Arizona" }]);
  assert.equal(page.document.title, "Forecast: Arizona");
});

const PAST = { region: "arizona", day: "2025-07-13", issue: "06" };
const LIVE = { region: "arizona", day: null, issue: "12" };
for (const [what, values, data, triggered, wanted] of [
  ["nothing is shown yet", ["wyoming", null, 0, null], null, [], null],
  ["nothing changed", ["arizona", "2025-07-13", 0, "06"], PAST, [], null],
  ["no issue is chosen", ["arizona", "2025-07-13", 0, null], PAST, [], null],
  ["a live window has no day", ["arizona", "", 0, "12"], LIVE, [], null],
  ["another issue", ["arizona", "2025-07-13", 0, "00"], PAST, [],
    "?region=arizona&day=2025-07-13&issued=00"],
  ["another region", ["wyoming", "2025-07-13", 0, "06"], PAST, [],
    "?region=wyoming&day=2025-07-13"],
  ["another day", ["arizona", "2025-07-14", 0, "06"], PAST, [], "?region=arizona&day=2025-07-14"],
  ["the next 24 h", ["arizona", "2025-07-13", 1, "06"], PAST, ["forecast-next-24h.n_clicks"],
    "?region=arizona"],
  ["the next 24 h again", ["arizona", null, 2, "12"], LIVE, ["forecast-next-24h.n_clicks"],
    "?region=arizona"],
]) {
  test(`forecast controls: ${what}`, () => {
    const page = at("/forecast?issued=06");
    page.call("gfo_pages", "follow_forecast_controls", [...values, data], { triggered });
    assert.deepEqual(shown(page), wanted && ["forecast-url", wanted]);
  });
}

test("another window of a forecast is compared with the same days", () => {
  const page = at("/forecast?compare=7&frozen=1");
  page.call("gfo_pages", "follow_forecast_controls", ["wyoming", null, 0, "12", LIVE]);
  assert.deepEqual(shown(page), ["forecast-url", "?region=wyoming&compare=7"]);
});

for (const [what, values, triggered, wanted] of [
  ["a span ends what two dates said", ["30", "2026-07-01", ""], ["fleet-span.value"],
    [["fleet-from", { value: "" }], ["fleet-to", { value: "" }]]],
  ["now ends them too", ["any", "2026-07-01", ""], ["fleet-span.value"],
    [["fleet-from", { value: "" }], ["fleet-to", { value: "" }]]],
  ["a date ends a span", ["30", "2026-07-01", ""], ["fleet-from.value"],
    [["fleet-span", { value: "dates" }]]],
  ["an address of dates says so", ["any", "2026-07-01", ""],
    ["fleet-span.value", "fleet-from.value"], [["fleet-span", { value: "dates" }]]],
  ["a span alone stays", ["30", "", ""], ["fleet-span.value"], []],
  ["dates alone stay", ["dates", "2026-07-01", "2026-07-02"], ["fleet-to.value"], []],
]) {
  test(`one way of time: ${what}`, () => {
    const page = at("/");
    const inputs = ["fleet-span", "fleet-from", "fleet-to"];
    page.call("gfo_pages", "one_way_of_time", values, { inputs, triggered });
    assert.deepEqual(page.setProps, wanted);
  });
}

test("a frozen page is not asked for again", () => {
  const page = at("/forecast");
  assert.equal(page.call("gfo_pages", "hold_frozen", ["?region=a&frozen=1"]), true);
  assert.equal(page.call("gfo_pages", "hold_frozen", [""]), false);
});

test("a page with a single filter shows what its address says", () => {
  const page = at("/trade-offs?frozen=1");
  page.add(tag("input", { id: "trade-offs-frozen", type: "checkbox" }));
  page.dc.callback_context = {
    outputs_list: { id: "trade-offs-frozen" }, inputs_list: [{ id: "trade-offs-url" }],
  };
  assert.equal(page.dc.gfo_pages.show_filters("?frozen=1"), true);
  assert.equal(page.dc.gfo_pages.show_filters(""), false);
});

test("what is no longer frozen shows the newest issue again", () => {
  const page = at("/forecast?region=a&issued=06&frozen=1");
  page.add(tag("input", { id: "forecast-frozen", type: "checkbox" }));
  const controls = { inputs: ["forecast-frozen"], states: ["forecast-url"] };
  page.call("gfo_pages", "follow_filters", [false, ""], controls);
  assert.deepEqual(shown(page), ["forecast-url", "?region=a"]);
});

const PAIR = { source: { slug: "arizona" }, target: { slug: "ireland" }, day: "2025-07-13" };
const ALONE = { source: { slug: "arizona" }, target: null, day: null };
for (const [what, values, data, triggered, wanted] of [
  ["nothing is shown yet", ["arizona", "ireland", null, 0], null, [], null],
  ["nothing changed", ["arizona", "ireland", "2025-07-13", 0], PAIR, [], null],
  ["a source without a target", ["arizona", "", "", 0], ALONE, [], null],
  ["another source", ["texas", "ireland", "2025-07-13", 0], PAIR, [],
    "?source=texas&target=ireland&day=2025-07-13&shift=20"],
  ["another target", ["arizona", "texas", "2025-07-13", 0], PAIR, [],
    "?source=arizona&target=texas&day=2025-07-13&shift=20"],
  ["a region cannot shift to itself", ["ireland", "ireland", "2025-07-13", 0], PAIR, [],
    "?source=ireland&day=2025-07-13&shift=20"],
  ["another day", ["arizona", "ireland", "2025-07-14", 0], PAIR, [],
    "?source=arizona&target=ireland&day=2025-07-14&shift=20"],
  ["the next 24 h", ["arizona", "ireland", "2025-07-13", 1], PAIR, ["what-if-next-24h.n_clicks"],
    "?source=arizona&target=ireland&shift=20"],
  ["some hours", ["arizona", "ireland", "2025-07-13", 0, "12", "18"], PAIR, [],
    "?source=arizona&target=ireland&day=2025-07-13&shift=20&hours=12-18"],
  ["the hours that are shown", ["arizona", "ireland", "2025-07-13", 0, "12", "18"],
    { ...PAIR, hours: "12-18" }, [], null],
  ["every hour again", ["arizona", "ireland", "2025-07-13", 0, "any", "18"],
    { ...PAIR, hours: "12-18" }, [], "?source=arizona&target=ireland&day=2025-07-13&shift=20"],
]) {
  test(`what-if controls: ${what}`, () => {
    const page = at("/what-if?shift=20");
    const [source, target, day, clicks, from = "", until = "24"] = values;
    const controls = [source, target, day, from, until, clicks, data];
    page.call("gfo_pages", "follow_what_if_controls", controls, { triggered });
    assert.deepEqual(shown(page), wanted && ["what-if-url", wanted]);
  });
}

for (const [what, values, data, triggered, wanted] of [
  ["nothing is shown yet", ["arizona", null, 0], null, [], null],
  ["nothing changed", ["arizona", "2025-07-13", 0], PAST, [], null],
  ["another region", ["texas", "2025-07-13", 0], PAST, [], "?region=texas&day=2025-07-13"],
  ["another day", ["arizona", "2025-07-14", 0], PAST, [], "?region=arizona&day=2025-07-14"],
  ["no day", ["arizona", "", 0], PAST, [], "?region=arizona"],
  ["the next 24 h", ["arizona", "2025-07-13", 1], PAST, ["plan-next-24h.n_clicks"],
    "?region=arizona"],
]) {
  test(`plan controls: ${what}`, () => {
    const page = at("/plan?plan=3");
    page.call("gfo_pages", "follow_plan_controls", [...values, data], { triggered });
    assert.deepEqual(shown(page), wanted && ["plan-url", wanted]);
  });
}

test("a press on Find says that it is solved, a page that loads says nothing", () => {
  const page = at("/plan");
  page.call("gfo_pages", "announce_search_for_plan", [0]);
  assert.deepEqual(page.setProps, []);
  page.call("gfo_pages", "announce_search_for_plan", [1]);
  const [[id, { children }]] = page.setProps;
  assert.equal(id, "plan-status");
  assert.match(children, /^Solving\. .* you may leave this page\.$/);
});

test("a plan that was found is opened, in its window", () => {
  const page = at("/plan?region=arizona&day=2025-07-13&plan=3");
  page.call("gfo_pages", "open_plan", [null]);
  assert.deepEqual(page.setProps, []);
  page.call("gfo_pages", "open_plan", [{ plan_id: 8 }]);
  assert.deepEqual(page.setProps.shift(), ["plan-recorded", { children: null }]);
  assert.deepEqual(shown(page), ["plan-url", "?region=arizona&day=2025-07-13&plan=8"]);
});

test("a region that was added is opened once", () => {
  const page = at("/admin/regions?region=ontario");
  for (const saved of [null, {}, { region: "ontario" }]) {
    page.call("gfo_pages", "open_saved_region", [saved]);
    assert.deepEqual(page.setProps, []);
  }
  page.call("gfo_pages", "open_saved_region", [{ region: "quebec" }]);
  assert.deepEqual(shown(page), ["regions-url", "?region=quebec"]);
});
