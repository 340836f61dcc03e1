import assert from "node:assert/strict";
import { test } from "node:test";
import { Page } from "./page.mjs";

const CALLBACK = "/_dash-update-component";
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/* A page whose server answers when a test says so. */
function open(globals = {}) {
  const sent = [];
  const fetch = (resource, options) => new Promise((resolve, reject) => {
    const answer = (status, headers = {}) =>
      resolve(new Response(status === 204 ? null : "{}", { status, headers }));
    sent.push({ resource, options, answer, fail: reject });
  });
  const page = new Page("https://portal.test/", { fetch, ...globals }).load("requests");
  return { page, sent };
}

const press = (changes = {}) => JSON.stringify({
  output: "status.children",
  changedPropIds: ["save.n_clicks"],
  inputs: [{ id: "save", property: "n_clicks", value: 1 }],
  state: [{ id: "limit", property: "value", value: "34" }],
  ...changes,
});
const held = (id, value, property = "value") => ({ id, property, value });
const ask = (page, body = press(), resource = CALLBACK) =>
  page.window.fetch(resource, { method: "POST", headers: { "X-CSRFToken": "t" }, body });
const idOf = ({ options }) => options.headers["X-GFO-Request"];

/* The ids that two presses get while both are unanswered. */
function idsOf(first, second) {
  const { page, sent } = open();
  ask(page, first);
  ask(page, second);
  return sent.map(idOf);
}

test("new ids are random UUIDs of version 4", () => {
  const { page } = open();
  const ids = Array.from({ length: 500 }, () => page.dc.gfo_new_id());
  for (const id of ids) assert.match(id, UUID);
  assert.equal(new Set(ids).size, 500);
  assert.deepEqual(new Set(ids.map((id) => id[19])), new Set("89ab"));
});

test("an id holds the random bytes, and nothing is lost at small ones", () => {
  const counted = { getRandomValues: (bytes) => bytes.map((_byte, place) => place) };
  assert.equal(
    open({ crypto: counted }).page.dc.gfo_new_id(), "00010203-0405-4607-8809-0a0b0c0d0e0f");
  const full = { getRandomValues: (bytes) => bytes.fill(255) };
  assert.equal(
    open({ crypto: full }).page.dc.gfo_new_id(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
});

test("a press is sent once with an id, its headers kept, and each asker gets the answer", async () => {
  const { page, sent } = open();
  const answers = [ask(page), ask(page)];
  assert.equal(sent.length, 1);
  assert.match(idOf(sent[0]), UUID);
  assert.equal(sent[0].options.headers["X-CSRFToken"], "t");
  assert.equal(sent[0].options.body, press());
  sent[0].answer(200);
  for (const answer of answers) assert.deepEqual(await (await answer).json(), {});
});

test("once it is done the same press is a new change; an id that was reused too", async () => {
  for (const status of [200, 204, 299, 422]) {
    const { page, sent } = open();
    const first = ask(page);
    sent[0].answer(status);
    await first;
    ask(page);
    assert.equal(sent.length, 2);
    assert.notEqual(idOf(sent[0]), idOf(sent[1]), `${status}`);
  }
});

test("until it is done the same press keeps its id, also when the page says it failed", async () => {
  const failed = { "X-GFO-Failed": "1" };
  for (const [status, headers] of [
    [200, failed], [204, failed], [400], [401], [403], [499], [500], [502], [503],
  ]) {
    const { page, sent } = open();
    const first = ask(page);
    sent[0].answer(status, headers);
    await first;
    ask(page);
    assert.equal(sent.length, 2);
    assert.equal(idOf(sent[0]), idOf(sent[1]), `${status}`);
  }
});

test("a lost answer is told, and the page that loads again keeps the id", async () => {
  const { page, sent } = open();
  const first = ask(page);
  sent[0].fail(new TypeError("the line is down"));
  await assert.rejects(first, /the line is down/);
  const again = open();
  again.page.stored = page.stored; // the tab's storage
  ask(again.page);
  assert.equal(idOf(again.sent[0]), idOf(sent[0]));
  const kept = page.stored.get("session.gfo-unanswered");
  // A checksum and an id: what was typed is not kept.
  assert.match(kept, /^\{"[0-9a-f]{16}":"[0-9a-f-]{36}"\}$/);
});

test("presses that ask for different things have different ids", () => {
  const state = (...items) => press({ state: items });
  const ids = idsOf(state(held("limit", "34")), state(held("limit", "35")));
  assert.equal(new Set(ids).size, 2);
  assert.equal(new Set(idsOf(press(), press({ output: "other.children" }))).size, 2);
  assert.equal(new Set(idsOf(press(), press({ changedPropIds: ["add.n_clicks"] }))).size, 2);
  assert.equal(new Set(idsOf(
    press(), press({ inputs: [held("day", "2025-07-13")] }))).size, 2);
  // By the first or the last letter alone.
  assert.equal(new Set(idsOf(state(held("a", "xab")), state(held("a", "yab")))).size, 2);
  assert.equal(new Set(idsOf(state(held("a", "abx")), state(held("a", "aby")))).size, 2);
});

test("how often a button was pressed, passwords and number or text do not count", () => {
  const same = (first, second) => assert.equal(idsOf(first, second).length, 1);
  same(press(), press({ inputs: [held("save", 2, "n_clicks")] }));
  same(press({ state: [held("users-add-password", "a"), held("name", "nora")] }),
    press({ state: [held("users-add-password", "b"), held("name", "nora")] }));
  same(press({ state: [held("limit", 34)] }), press({ state: [held("limit", "34")] }));
  same(press({ inputs: undefined, state: undefined }),
    press({ inputs: [], state: [] }));
  same(press({ state: [[held("row-1", "a")]] }), press({ state: [held("row-1", "a")] }));
});

test("what no button asked for goes as it is", async () => {
  for (const [resource, options] of [
    [CALLBACK, { body: press({ changedPropIds: ["audit-url.search"] }) }],
    [CALLBACK, { body: press({ changedPropIds: [] }) }],
    [CALLBACK, { body: press({ changedPropIds: undefined }) }],
    [CALLBACK, { body: "no JSON" }],
    [CALLBACK, { body: new Blob(["{}"]) }],
    [CALLBACK, undefined],
    ["/_models", { body: press() }],
  ]) {
    const { page, sent } = open();
    const first = page.window.fetch(resource, options);
    page.window.fetch(resource, options);
    assert.equal(sent.length, 2);
    assert.equal(sent[0].options, options);
    sent[0].answer(200);
    assert.equal((await first).status, 200);
  }
});

test("the id of a question stays until it is done", () => {
  const { page } = open();
  const first = page.dc.gfo_request_id("a file");
  const other = page.dc.gfo_request_id("another file");
  assert.notEqual(first, other);
  assert.equal(page.dc.gfo_request_id("a file"), first);
  for (const status of [0, 199, 300, 413, 500]) page.dc.gfo_answered("a file", status);
  page.dc.gfo_answered("a file", 200, true);
  assert.equal(page.dc.gfo_request_id("a file"), first);
  page.dc.gfo_answered("a file", 200);
  assert.notEqual(page.dc.gfo_request_id("a file"), first);
  assert.equal(page.dc.gfo_request_id("another file"), other);
});

test("questions are told apart by more than one checksum of 32 bits", () => {
  const { page } = open();
  page.dc.gfo_request_id("");
  const [[key]] = Object.entries(JSON.parse(page.stored.get("session.gfo-unanswered")));
  // FNV-1a of nothing is the value that it begins with.
  assert.deepEqual([key.slice(0, 8), key.slice(8)], ["811c9dc5", "deadbeef"]);
  page.dc.gfo_request_id("a");
  const keys = Object.keys(JSON.parse(page.stored.get("session.gfo-unanswered")));
  assert.equal(keys[1].slice(0, 8), "e40c292c"); // the published value for "a"
  assert.match(keys[1], /^[0-9a-f]{16}$/);
});

test("without storage, or with spoilt storage, a press still has an id", () => {
  const forbidden = () => { throw new Error("storage is off"); };
  const off = { getItem: forbidden, setItem: forbidden };
  const { page, sent } = open({ sessionStorage: off });
  ask(page);
  assert.match(idOf(sent[0]), UUID);
  for (const content of ["{", "null"]) {
    const spoilt = open();
    spoilt.page.stored.set("session.gfo-unanswered", content);
    ask(spoilt.page);
    assert.match(idOf(spoilt.sent[0]), UUID);
  }
});
