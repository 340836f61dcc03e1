import assert from "node:assert/strict";
import { test } from "node:test";
import { Page } from "./page.mjs";

/* Elements of React as plain records. */
const made = (type, properties, ...children) => ({ type, properties, children });

function open() {
  const pushed = [];
  const page = new Page("https://portal.test/", {
    React: { createElement: made, memo: (draw, isSame) => ({ draw, isSame }) },
    scrollTo: (...place) => pushed.push(place),
  });
  page.window.history.pushState = (_state, _title, href) => pushed.push(href);
  page.window.dispatchEvent = (event) => pushed.push(event.type);
  return { Still: page.load("still").window.gfo.Still, pushed };
}

test("a tree is drawn as plain elements, and a row keeps its own", () => {
  const { Still } = open();
  const tree = ["tr", { id: "row", className: "a" }, ["td", { scope: "row" }, "12", 3], "x"];
  const row = Still.draw({ tree });
  assert.deepEqual(row.properties, { id: "row", className: "a", key: "row" });
  const [cell, text] = row.children;
  assert.deepEqual([cell.type, cell.children, text], ["td", ["12", 3], "x"]);
  assert.equal(cell.properties.key, undefined);
});

test("the same tree is not drawn again", () => {
  const { Still } = open();
  const tree = ["p", {}];
  assert.equal(Still.isSame({ tree }, { tree, other: 1 }), true);
  assert.equal(Still.isSame({ tree }, { tree: ["p", {}] }), false);
});

test("a link within the portal is followed without loading the frame", () => {
  const { Still, pushed } = open();
  const link = Still.draw({ tree: ["a", { href: "/forecast", "data-within": "" }, "Forecast"] });
  let prevented = 0;
  const click = (keys) => link.properties.onClick(
    { currentTarget: { href: "/forecast" }, preventDefault: () => { prevented += 1; }, ...keys });
  click({ ctrlKey: true });
  assert.deepEqual([prevented, pushed], [0, []]);
  click({});
  assert.deepEqual([prevented, pushed], [1, ["/forecast", "_dashprivate_pushstate", [0, 0]]]);
  const outside = Still.draw({ tree: ["a", { href: "https://elsewhere.test" }] });
  assert.equal(outside.properties.onClick, undefined);
});
