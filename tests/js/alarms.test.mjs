import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, tag } from "./page.mjs";

function open() {
  const played = [];
  const told = [];
  class AudioContext {
    currentTime = 0;
    destination = {};
    createGain() { return { gain: {}, connect: (next) => next }; }
    createOscillator() {
      const tone = { frequency: {}, connect: (next) => next, start: () => played.push(tone.frequency.value), stop() {} };
      return tone;
    }
  }
  class Notification {
    static permission = "granted";
    static requestPermission() { return Promise.resolve("granted"); }
    constructor(title, { body }) { told.push(`${title}: ${body}`); }
  }
  const page = new Page("https://portal.test/alarms", { AudioContext, Notification });
  page.load("alarms");
  return { page, played, told };
}

const line = (newest, priority = "high") => tag(
  "div", { id: "alarm-bar-line", "data-newest": newest, "data-priority": priority },
  tag("span", { class: "gfo-alarm-newest" }, "Above the limit"));

function shows(page, newest, priority) {
  page.body.children = [];
  page.add(line(newest, priority));
  page.observers[0].callback();
}

test("arrow keys lead along the list and stop at its ends", () => {
  const { dc } = open().page;
  assert.equal(dc.gfo_next_row("ArrowDown", -1, 3), 0);
  assert.equal(dc.gfo_next_row("ArrowDown", 0, 3), 1);
  assert.equal(dc.gfo_next_row("ArrowDown", 2, 3), 2);
  assert.equal(dc.gfo_next_row("ArrowUp", 0, 3), 0);
  assert.equal(dc.gfo_next_row("ArrowDown", -1, 0), null);
  assert.equal(dc.gfo_next_row("b", 1, 3), null);
});

test("what was done is asked for at once", () => {
  const { page } = open();
  page.call("gfo_alarms", "ask_again", [null]);
  assert.deepEqual(page.setProps, []);
  page.call("gfo_alarms", "ask_again", [7]);
  assert.equal(page.setProps[0][0], "alarm-bar-refresh");
});

test("an alarm is told of once, and only where somebody asked for it", () => {
  const { page, played, told } = open();
  shows(page, "1@10:00");
  assert.deepEqual([played, told], [[], []]);
  page.stored.set("local.gfo-alarm-sound", "on");
  page.stored.set("local.gfo-alarm-notify", "on");
  shows(page, "1@10:00");
  assert.deepEqual([played, told], [[], []]);
  shows(page, "2@10:05", "low");
  assert.deepEqual(played, [550]);
  assert.deepEqual(told, ["Alarm: Above the limit"]);
  shows(page, "");
  assert.equal(told.length, 1);
});

test("the choice is kept, shown, and taken back", async () => {
  const { page, played } = open();
  const button = page.add(tag("button", { id: "alarms-sound", "aria-pressed": "false" }));
  page.click(button);
  await Promise.resolve();
  assert.equal(page.stored.get("local.gfo-alarm-sound"), "on");
  assert.equal(button.getAttribute("aria-pressed"), "true");
  assert.deepEqual(played, [550], "a tone shows what it sounds like");
  page.click(button);
  await Promise.resolve();
  assert.equal(page.stored.get("local.gfo-alarm-sound"), "off");
  assert.equal(button.getAttribute("aria-pressed"), "false");
});
