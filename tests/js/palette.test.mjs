import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, tag } from "./page.mjs";

const dialog = (id, ...children) =>
  tag("dialog", {
    id,
    open: false,
    showModal() { this.open = true; },
    close() { this.open = false; },
  }, ...children);

/* A link or field that can have the focus of `page`. */
function focusable(page, name, attributes) {
  const element = tag(name, attributes);
  element.focus = () => { page.document.activeElement = element; };
  element.select = () => {};
  element.click = () => page.clicked.push(element.id);
  return element;
}

function open() {
  const heard = {};
  const page = new Page("https://portal.test/", {
    addEventListener: (type, listener) => { heard[type] = listener; },
    print: () => { page.printed = true; },
  });
  page.clicked = [];
  page.heard = heard;
  const words = focusable(page, "input", { id: "palette-words" });
  const found = tag("div", { id: "palette-found" },
    focusable(page, "a", { id: "first" }), focusable(page, "a", { id: "second" }));
  page.add(
    dialog("palette", words, found), dialog("shortcuts"), tag("p", { id: "shortcuts-state" }),
    tag("header", { class: "gfo-navbar" },
      tag("button", { id: "nav-toggle" }),
      tag("nav", {}, focusable(page, "a", { id: "forecast", href: "/forecast" }))));
  page.load("palette");
  page.byId = (id) => page.document.getElementById(id);
  page.key = (key, fields = {}) =>
    page.fire(fields.target || page.body, "keydown", { key, ...fields });
  return page;
}

test("Ctrl-K opens the search, arrows choose and Enter opens the first", () => {
  const page = open();
  const words = page.byId("palette-words");
  assert.ok(page.key("k", { ctrlKey: true }).defaultPrevented);
  assert.ok(page.byId("palette").open);
  assert.equal(page.document.activeElement.id, "palette-words");
  page.key("Enter", { target: words });
  assert.deepEqual(page.clicked, ["first"]);
  for (const expected of ["first", "second", "second"]) {
    page.key("ArrowDown", { target: words });
    assert.equal(page.document.activeElement.id, expected);
  }
  page.key("ArrowUp");
  page.key("ArrowUp");
  assert.equal(page.document.activeElement.id, "palette-words");
  page.click(page.byId("second"));
  assert.ok(!page.byId("palette").open);
});

test("single keys work outside fields, and can be switched off", () => {
  const page = open();
  page.key("g", { target: page.byId("palette-words") });
  page.key("f");
  assert.deepEqual(page.clicked, []);
  page.key("g");
  page.key("f");
  assert.deepEqual(page.clicked, ["forecast"]);
  page.key("?");
  assert.ok(page.byId("shortcuts").open);
  page.byId("shortcuts").close();
  const off = page.add(tag("button", { id: "shortcuts-switch" }));
  page.click(off);
  assert.match(page.byId("shortcuts-state").textContent, /off/);
  page.key("?");
  assert.ok(!page.byId("shortcuts").open);
});

test("a sequence that takes too long is none", async () => {
  const page = open();
  page.key("g");
  await page.clock.move(5000);
  page.key("f");
  assert.deepEqual(page.clicked, []);
});

test("the menu of a phone opens, and closes with the page that it led to", () => {
  const page = open();
  const button = page.byId("nav-toggle");
  page.click(button);
  assert.ok(page.root.hasAttribute("data-gfo-menu"));
  assert.equal(button.getAttribute("aria-expanded"), "true");
  page.click(page.byId("forecast"));
  assert.ok(!page.root.hasAttribute("data-gfo-menu"));
});

test("the density is remembered", () => {
  const page = open();
  const button = page.add(tag("button", { class: "gfo-density-toggle" }));
  page.click(button);
  assert.equal(page.root.dataset.density, "compact");
  assert.equal(page.stored.get("local.gfo-density"), "compact");
  page.click(button);
  assert.equal(page.root.dataset.density, undefined);
});

test("a page is printed unfolded", () => {
  const page = open();
  const folded = tag("details", { open: false });
  page.add(tag("main", {}, folded));
  page.heard.beforeprint();
  assert.ok(folded.open);
  page.click(page.add(tag("button", { class: "gfo-print" })));
  assert.ok(page.printed);
});

test("a menu of the navigation closes by Escape, and when somebody goes on", () => {
  const page = open();
  const summary = focusable(page, "summary", { id: "run" });
  const link = focusable(page, "a", { id: "models", href: "/admin/models" });
  const menu = page.add(tag("details", { class: "gfo-nav-menu", open: "" }, summary, link));
  menu.contains = (one) => one === menu || menu.all().includes(one);
  Object.defineProperty(menu, "open", {
    get: () => menu.hasAttribute("open"),
    set: (isOpen) => { menu.toggleAttribute("open", isOpen); },
  });
  page.document.querySelector("header").append(menu);

  page.key("Escape");
  assert.ok(!menu.open);
  assert.equal(page.document.activeElement.id, "run");
  for (const [clicked, isOpen] of [[summary, true], [link, false], [page.byId("palette-words"), false]]) {
    menu.open = true;
    page.click(clicked);
    assert.equal(menu.open, isOpen, clicked.id);
  }
});
