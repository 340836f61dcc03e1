import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, tag } from "./page.mjs";

function open(cookie = "", timeZone = "Europe/Madrid") {
  const Intl = { DateTimeFormat: () => ({ resolvedOptions: () => ({ timeZone }) }) };
  const page = new Page("https://portal.test/", { Intl, fetch: () => Promise.reject(new Error("no")) });
  page.document.cookie = cookie;
  return page.load("portal", "times");
}

const kept = (value) => `gfo_times=${value}; path=/; max-age=31536000; samesite=lax`;

function choose(page, value, id = "times-choice") {
  page.fire(tag("select", { id, value }), "change");
}

test("a chosen clock is kept, and the page is shown again in it", () => {
  const page = open();
  choose(page, "utc");
  assert.equal(page.document.cookie, kept("utc"));
  assert.equal(page.reloads, 1);
  choose(page, "browser");
  assert.equal(page.document.cookie, kept("browser%3AEurope%2FMadrid"));
  assert.equal(page.reloads, 2);
});

test("another control changes no clock", () => {
  const page = open();
  choose(page, "utc", "audit-kind");
  assert.equal(page.document.cookie, "");
  assert.equal(page.reloads, 0);
});

test("a browser without a zone is in UTC", () => {
  const page = open("", "");
  choose(page, "browser");
  assert.equal(page.document.cookie, kept("browser%3AUTC"));
});

test("who travels sees the time of where they are", () => {
  const moved = open("gfo_times=browser%3AAsia%2FTokyo");
  assert.equal(moved.document.cookie, kept("browser%3AEurope%2FMadrid"));
  assert.equal(moved.reloads, 0);
  for (const cookie of ["gfo_times=browser%3AEurope%2FMadrid", "gfo_times=utc", "a=b"]) {
    assert.equal(open(cookie).document.cookie, cookie);
  }
});

test("Try again loads the page again", () => {
  const page = open();
  const button = page.add(tag("button", { class: "gfo-retry" }, tag("i")));
  page.click(button.firstChild);
  assert.equal(page.reloads, 1);
  page.click(page.body);
  assert.equal(page.reloads, 1);
});

test("what no longer refreshes says its age, until it does", async () => {
  const page = open();
  const isOld = () => page.root.hasAttribute("data-gfo-old");
  const mark = page.add(tag("p", { "data-as-of": "10:00" }));
  await page.clock.move(5000); // seen from here on
  await page.clock.move(110000);
  assert.equal(isOld(), false);
  assert.equal("age" in mark.dataset, false);
  await page.clock.move(5000);
  assert.equal(isOld(), true);
  assert.equal(mark.dataset.age, ", 2 min old");
  await page.clock.move(120000);
  assert.equal(mark.dataset.age, ", 4 min old");
  mark.dataset.asOf = "10:05";
  await page.clock.move(5000);
  assert.equal(isOld(), false);
  assert.equal("age" in mark.dataset, false);
});

test("a page without such a mark never grows old", async () => {
  const page = open();
  await page.clock.move(1000000);
  assert.equal(page.root.hasAttribute("data-gfo-old"), false);
});
