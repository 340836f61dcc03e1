import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, tag } from "./page.mjs";

function open() {
  const page = new Page().load("dates");
  const [{ callback, target, what }] = page.observers;
  assert.equal(target, page.document);
  assert.deepEqual(what, { subtree: true, childList: true, attributeFilter: Object.keys(STATE) });
  return callback;
}

const picker = (attributes, ...children) =>
  tag("div", { class: "dash-datepicker-input-wrapper", ...attributes }, ...children);
const STATE = {
  "aria-expanded": "false", "aria-haspopup": "dialog", "aria-controls": "calendar",
  "aria-disabled": "false",
};
const added = (...addedNodes) => [{ type: "childList", addedNodes }];

test("what the picker says of its calendar moves to its text field", () => {
  const field = tag("input");
  const wrapper = picker({ ...STATE, "aria-labelledby": "label", title: "kept" }, field);
  open()(added(wrapper));
  assert.equal(field.getAttribute("role"), "combobox");
  for (const [name, value] of Object.entries(STATE)) {
    assert.equal(field.getAttribute(name), value);
    assert.equal(wrapper.hasAttribute(name), false);
  }
  assert.equal(wrapper.hasAttribute("aria-labelledby"), false);
  assert.equal(wrapper.getAttribute("title"), "kept");
});

test("pickers within what is added are mended too", () => {
  const fields = [tag("input"), tag("input")];
  open()(added({ nodeType: 3 }, tag("section", {}, ...fields.map((one) => picker(STATE, one)))));
  assert.deepEqual(fields.map((one) => one.getAttribute("aria-controls")), ["calendar", "calendar"]);
});

test("a calendar that opens says so, and what is not said stays", () => {
  const field = tag("input", { "aria-controls": "calendar" });
  const wrapper = picker({ "aria-expanded": "true" }, field);
  open()([{ type: "attributes", target: wrapper }]);
  assert.equal(field.getAttribute("aria-expanded"), "true");
  assert.equal(field.getAttribute("aria-controls"), "calendar");
  assert.equal(wrapper.hasAttribute("aria-expanded"), false);
});

test("other elements, and pickers without a field, are left alone", () => {
  const button = tag("button", { "aria-expanded": "true" }, tag("input"));
  open()([{ type: "attributes", target: button }, ...added(button)]);
  assert.equal(button.getAttribute("aria-expanded"), "true");
  const empty = picker({ "aria-expanded": "true" });
  open()(added(empty));
  assert.equal(empty.getAttribute("aria-expanded"), "true");
});
