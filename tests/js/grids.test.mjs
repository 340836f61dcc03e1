import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, settled, tag } from "./page.mjs";

/* Elements of React as plain records. */
const made = (type, properties, ...children) =>
  ({ type, ...properties, children: children.flat() });

function open(path = "/audit", { meta = "/grid.js", ready } = {}) {
  const effects = [];
  const page = new Page(`https://portal.test${path}`, {
    React: {
      createElement: made, Suspense: "suspense",
      lazy: (load) => ({ load }), useEffect: (effect, ...rest) => effects.push([effect, rest]),
    },
    ...(ready ? { dash_ag_grid: ready } : {}),
  });
  if (meta) page.add(tag("meta", { name: "gfo-grid-script", content: meta })).content = meta;
  return Object.assign(page.load("grids"), { effects });
}

test("the grid's script is fetched when a grid is drawn, and the stand-in stays", async () => {
  const page = open();
  const scripts = () => page.document.querySelectorAll("script");
  const { AgGrid } = page.window.dash_ag_grid;
  assert.equal(AgGrid.dashRenderType, true);
  const drawn = AgGrid({ id: "table" });
  assert.deepEqual([drawn.type, drawn.fallback], ["suspense", null]);
  const [{ type, id }] = drawn.children;
  assert.equal(id, "table");
  assert.equal(scripts().length, 0);

  const loaded = type.load();
  const [script] = scripts();
  assert.equal(script.src, "/grid.js");
  const real = { AgGrid: () => "real", other: 1 };
  page.window.dash_ag_grid = real; // as the script does
  script.onload();
  assert.deepEqual(await loaded, { default: real.AgGrid });
  assert.equal(page.window.dash_ag_grid.AgGrid, AgGrid);
  assert.equal(page.window.dash_ag_grid.other, 1);
});

test("a script that does not come is an error", async () => {
  const page = open();
  const loaded = page.window.dash_ag_grid.AgGrid({}).children[0].type.load();
  page.document.querySelector("script").onerror();
  await assert.rejects(loaded, /did not load/);
});

test("a grid that is there already, or a page without its address, has no stand-in", () => {
  const ready = { AgGrid: () => "real" };
  assert.equal(open("/audit", { ready }).window.dash_ag_grid, ready);
  assert.equal(open("/audit", { meta: "" }).window.dash_ag_grid, undefined);
  assert.equal(open().window.dashAgGridFunctions.gfoLeaveGrid(), false);
});

const cell = (value) => open().window.dashAgGridComponentFunctions.GfoCell({ value });

test("a cell of text is one line that shows whole under the mouse", () => {
  const { type, className, title, children } = cell("Arizona");
  assert.deepEqual([type, className, title, children], ["span", "gfo-oneline", "Arizona", ["Arizona"]]);
});

test("a cell of parts has links, marks, times and words", () => {
  const { className, children } = cell([
    "plain", { text: "412", href: "/decisions/412", title: "t" },
    { text: "APPROVED", shape: "✓", css: "gfo-status" }, { text: "high", shape: "▪▪▪", css: "gfo-risk" },
    { text: "noon", time: "2025-07-13T12:00:00+00:00" }, { text: "words", css: "gfo-mono", title: "all" },
  ]);
  assert.equal(className, "gfo-cell");
  const [plain, link, status, risk, time, words] = children;
  assert.equal(plain, "plain");
  assert.deepEqual(link, { type: "a", key: 1, href: "/decisions/412", title: "t", tabIndex: -1, className: "gfo-follow", children: ["412"] });
  assert.deepEqual([status.type, status.className, status.children[1]], ["span", "gfo-status", "APPROVED"]);
  const [shape] = status.children;
  assert.deepEqual([shape.className, shape["aria-hidden"], shape.children], ["gfo-shape", true, ["✓"]]);
  assert.equal(risk.children[0].className, "gfo-steps");
  assert.deepEqual([time.type, time.dateTime, time.title, time.children],
    ["time", "2025-07-13T12:00:00+00:00", "2025-07-13T12:00:00+00:00", ["noon"]]);
  assert.deepEqual(words, { type: "span", key: 5, className: "gfo-mono", title: "all", children: ["words"] });
});

test("a heading that sorts links to the other order and says the one it has", () => {
  for (const [direction, arrow] of [["ascending", "▲"], ["descending", "▼"], ["none", "↕"]]) {
    const page = open();
    const eGridHeader = tag("div");
    const { type, href, tabIndex, className, children } =
      page.window.dashAgGridComponentFunctions.GfoHeading(
        { displayName: "Taken", href: "/audit?order=oldest", direction, eGridHeader });
    assert.deepEqual([type, href, tabIndex, className], ["a", "/audit?order=oldest", -1, "gfo-follow gfo-sort"]);
    assert.equal(children[0], "Taken");
    assert.deepEqual([children[1]["aria-hidden"], children[1].children], [true, [arrow]]);
    const [[effect, when]] = page.effects;
    assert.deepEqual(when, [], "after every drawing");
    effect();
    assert.equal(eGridHeader.getAttribute("aria-sort"), direction);
  }
});

test("a heading that does not sort is a word", () => {
  const page = open();
  const eGridHeader = tag("div", { "aria-sort": "ascending" });
  const { type, children } =
    page.window.dashAgGridComponentFunctions.GfoHeading({ displayName: "Why", eGridHeader });
  assert.deepEqual([type, children], ["span", ["Why"]]);
  page.effects[0][0]();
  assert.equal(eGridHeader.hasAttribute("aria-sort"), false);
});

test("Enter in a cell or a heading follows its link, and nothing else does", () => {
  const page = open();
  let followed = 0;
  const link = () => tag("a", { href: "/decisions/1", click: () => { followed += 1; } });
  const item = tag("div", { class: "ag-cell" }, link());
  const heading = tag("div", { class: "ag-header-cell" }, link());
  const empty = tag("div", { class: "ag-cell" });
  const outside = page.add(tag("div", { class: "ag-cell" }, link()));
  page.add(tag("div", { class: "gfo-grid" }, item, heading, empty));
  for (const target of [item, heading, empty]) page.fire(target, "keydown", { key: "Enter" });
  assert.equal(followed, 2);
  page.fire(item, "keydown", { key: " " });
  page.fire(item, "keydown", { key: "Enter", defaultPrevented: true });
  page.fire(outside, "keydown", { key: "Enter" });
  page.fire(item.firstChild, "keydown", { key: "Enter" });
  assert.equal(followed, 2);
});

/* A list with a link in its heading, in its rows and in its pager. */
function list(path) {
  const page = open(path);
  const link = (href) => Object.assign(tag("a", { class: "gfo-follow" }, tag("b")), { href });
  const links = {
    order: link("https://portal.test/audit?order=oldest"),
    row: link("https://portal.test/decisions/412"),
    next: link("https://portal.test/audit?after=9"),
    plain: Object.assign(tag("a", {}, tag("b")), { href: "https://portal.test/audit?x=1" }),
  };
  const scrolled = [];
  page.add(tag("div", { "data-location": "audit-url", scrollIntoView: (how) => scrolled.push(how) },
    links.order, links.row, links.plain, tag("div", { class: "gfo-pager" }, links.next)));
  return { page, links, scrolled };
}

test("another view of the list on this page sets the page's own location only", () => {
  const { page, links, scrolled } = list("/audit");
  assert.equal(page.click(links.order.firstChild).defaultPrevented, true);
  assert.deepEqual(page.setProps, [["audit-url",
    { search: "?order=oldest", href: "https://portal.test/audit?order=oldest" }]]);
  assert.deepEqual(scrolled, []);
  page.click(links.next.firstChild);
  assert.deepEqual(page.setProps[1],
    ["audit-url", { search: "?after=9", href: "https://portal.test/audit?after=9" }]);
  assert.deepEqual(scrolled, [{ block: "start" }]);
});

test("another page is opened by the frame, from its top", async () => {
  const { page, links } = list("/audit");
  assert.equal(page.click(links.row.firstChild).defaultPrevented, true);
  assert.deepEqual(page.setProps, [["shell-go", { href: "https://portal.test/decisions/412" }]]);
  assert.deepEqual(page.scrolledTo, [0, 0]);
  const elsewhere = list("/decisions/5");
  elsewhere.page.click(elsewhere.links.order.firstChild);
  assert.equal(elsewhere.page.setProps[0][0], "shell-go");
  const alone = open("/audit");
  alone.click(alone.add(tag("a", { class: "gfo-follow", href: "https://portal.test/audit?a=1" })));
  assert.equal(alone.setProps[0][0], "shell-go");
  await settled();
});

test("a link that is opened elsewhere, or is not one of these, is the browser's", () => {
  for (const fields of [{ button: 1 }, { ctrlKey: true }, { metaKey: true }, { shiftKey: true },
    { altKey: true }, { defaultPrevented: true }]) {
    const { page, links } = list("/audit");
    page.click(links.row.firstChild, fields);
    assert.deepEqual(page.setProps, [], JSON.stringify(fields));
  }
  const { page, links } = list("/audit");
  assert.equal(page.click(links.plain.firstChild).defaultPrevented, false);
  assert.deepEqual(page.setProps, []);
});
