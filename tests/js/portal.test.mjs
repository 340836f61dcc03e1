import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, settled, tag } from "./page.mjs";

const HERE = "https://portal.test/forecast?region=arizona";

/* A page whose portal answers with what `state` holds. */
function open(state = {}) {
  const fetch = (resource, options) => {
    const url = String(resource.url || resource);
    if (url === "/readyz") {
      assert.equal(options.cache, "no-store");
      assert.ok(options.signal instanceof AbortSignal);
    }
    const found = url === "/readyz" ? state.readiness : state.callback;
    if (found instanceof Error) return Promise.reject(found);
    const { status = 200, body = "{}" } = found || {};
    const response = new Response(body, { status });
    Object.defineProperty(response, "url", { value: new URL(url, HERE).href });
    return Promise.resolve(response);
  };
  const page = new Page(HERE, { fetch }).load("portal");
  return { page, state, fetch: (resource, options) => page.window.fetch(resource, options) };
}

const isOff = (page) => page.root.hasAttribute("data-gfo-offline");
const banner = (page) => page.document.getElementById("gfo-connection")?.textContent ?? null;
const CALLBACK = "/_dash-update-component";

test("a cookie is found by its whole name, and decoded", () => {
  const { page } = open();
  assert.equal(page.dc.gfo_cookie("token"), "");
  page.document.cookie = "xtoken=1; token=a%20b; last=z";
  assert.equal(page.dc.gfo_cookie("token"), "a b");
  assert.equal(page.dc.gfo_cookie("xtoken"), "1");
  assert.equal(page.dc.gfo_cookie("last"), "z");
  assert.equal(page.dc.gfo_cookie("oken"), "");
});

test("the theme changes back and forth, is remembered and announced", () => {
  const { page } = open();
  const button = page.add(tag("button", { class: "gfo-theme-toggle" }, tag("i")));
  const heard = [];
  page.document.addEventListener("gfo-theme", (event) => heard.push(event.detail));
  page.root.setAttribute("data-bs-theme", "light");
  page.click(button.firstChild);
  assert.equal(page.root.getAttribute("data-bs-theme"), "dark");
  assert.equal(page.stored.get("local.gfo-theme"), "dark");
  page.click(button);
  assert.equal(page.root.getAttribute("data-bs-theme"), "light");
  page.click(page.body);
  assert.deepEqual(heard, ["dark", "light"]);
});

test("without storage the theme changes all the same", () => {
  const { page } = open();
  page.window.localStorage.setItem = () => { throw new Error("storage is off"); };
  page.click(page.add(tag("button", { class: "gfo-theme-toggle" })));
  assert.equal(page.root.getAttribute("data-bs-theme"), "dark");
});

test("only while the portal is out of reach, a press that decides is stopped", () => {
  const { page } = open();
  const decides = page.add(tag("button", { class: "gfo-decides" }, tag("i")));
  const looks = page.add(tag("button"));
  let heard = 0;
  page.document.addEventListener("click", () => { heard += 1; });
  assert.equal(page.click(decides.firstChild).defaultPrevented, false);
  page.root.setAttribute("data-gfo-offline", "");
  assert.equal(page.click(decides.firstChild).defaultPrevented, true);
  assert.equal(page.click(looks).defaultPrevented, false);
  assert.equal(heard, 2);
});

test("a plain form gets its token once, and a form that only asks gets none", () => {
  const { page } = open();
  page.document.cookie = "_csrf_token=t%3D1";
  const send = (fields) => {
    const form = tag("form", { elements: {}, method: "post", ...fields });
    page.fire(form, "submit");
    return form.children;
  };
  const [field] = send({});
  assert.deepEqual([field.type, field.name, field.value], ["hidden", "csrf_token", "t=1"]);
  assert.deepEqual(send({ method: "get" }), []);
  assert.deepEqual(send({ elements: { csrf_token: {} } }), []);
});

test("a callback without a login leads to the login and back", async () => {
  const { page, fetch } = open({ callback: { status: 401 } });
  await fetch(CALLBACK);
  assert.deepEqual(page.opened, ["/login?ended=1&next=%2Fforecast%3Fregion%3Darizona"]);
  await fetch(new Request("https://portal.test/_dash-layout"));
  assert.equal(page.opened.length, 2);
  await fetch("/_models");
  assert.equal(page.opened.length, 2);
});

test("an answer goes through as it is", async () => {
  const { page, fetch } = open({ callback: { status: 204, body: null } });
  assert.equal((await fetch(CALLBACK)).status, 204);
  assert.equal(isOff(page), false);
  assert.equal(page.reloads, 0);
});

for (const [what, resource, callback] of [
  ["no database", CALLBACK, { status: 503 }],
  ["no line", CALLBACK, new TypeError("the line is down")],
  ["no database", new Request(`https://portal.test${CALLBACK}?as=Request`), { status: 503 }],
]) {
  test(`a callback to ${resource.url || resource} that failed for ${what} is made good by loading the page again`, async () => {
    const { page, state, fetch } = open({ callback });
    const answer = fetch(resource);
    if (callback instanceof Error) await assert.rejects(answer, callback);
    else assert.equal((await answer).status, 503);
    assert.equal(isOff(page), true);
    assert.match(banner(page), /^The portal cannot be reached\./);
    state.callback = {};
    await page.clock.move(3999);
    assert.equal(page.reloads, 0);
    await page.clock.move(1);
    assert.equal(page.reloads, 1);
  });
}

test("what is given up, or is no callback, is not missed", async () => {
  for (const [resource, callback] of [
    [CALLBACK, Object.assign(new Error("given up"), { name: "AbortError" })],
    ["/elsewhere", new TypeError("the line is down")],
  ]) {
    const { page, fetch } = open({ callback });
    await assert.rejects(fetch(resource), callback);
    assert.equal(isOff(page), false);
  }
  const { page, fetch } = open({ callback: { status: 503 } });
  await fetch("/elsewhere");
  assert.equal(isOff(page), false);
});

test("the portal is asked every four seconds, and what was missed is not loaded for nothing", async () => {
  const { page, state } = open({ readiness: new TypeError("no answer") });
  assert.equal(banner(page), null);
  await page.clock.move(3999);
  assert.equal(isOff(page), false);
  await page.clock.move(1);
  assert.equal(isOff(page), true);
  assert.match(banner(page), /^The portal cannot be reached\./);
  const element = page.document.getElementById("gfo-connection");
  assert.equal(element.getAttribute("role"), "alert");
  assert.equal(element.className, "gfo-connection");
  assert.equal(page.body.firstChild, element);
  const words = element.children;
  await page.clock.move(4000);
  assert.equal(element.children, words, "an alert that is written again is read out again");
  state.readiness = {};
  await page.clock.move(3999);
  assert.equal(isOff(page), true);
  await page.clock.move(1);
  assert.equal(isOff(page), false);
  assert.equal(banner(page), "");
  assert.equal(page.document.querySelectorAll("#gfo-connection").length, 1);
  assert.equal(page.reloads, 0);
});

test("a portal that is ready says nothing", async () => {
  const { page } = open();
  await page.clock.move(20000);
  assert.equal(isOff(page), false);
  assert.equal(banner(page), "");
});

test("why the portal is not ready is said, and said anew when it changes", async () => {
  const { page, state } = open();
  const ready = (facts) => ({ status: 503, body: typeof facts === "string" ? facts : JSON.stringify(facts) });
  for (const [facts, said] of [
    [{ models: "damaged" }, /^The stored model is not/],
    [{ audit_chain: "not writable" }, /^The history takes no new entries/],
    [{ data_folder: "full" }, /^The portal's disk is full/],
    [{ database: "unreachable" }, /^The portal cannot be reached/],
    ["<html>proxy</html>", /^The portal cannot be reached/],
  ]) {
    state.readiness = ready(facts);
    await page.clock.move(4000);
    await settled();
    assert.equal(isOff(page), true);
    assert.match(banner(page), said);
  }
});

test("a refresh that is refused leaves the page, which says that it stands still", async () => {
  const { page, state, fetch } = open({ callback: { status: 401 } });
  const asked = (...changedPropIds) => ({ body: JSON.stringify({ changedPropIds }) });
  await fetch(CALLBACK, asked("fleet-refresh.n_intervals"));
  assert.deepEqual(page.opened, []);
  assert.match(banner(page), /Your login ended.*stood still since.*Log in to go on/);
  assert.ok(isOff(page));
  state.readiness = {};
  await page.clock.move(10000);
  assert.ok(isOff(page)); // the portal answers, but not to this page
  await fetch(CALLBACK, asked("fleet-url.search"));
  assert.equal(page.opened.length, 1);
});
