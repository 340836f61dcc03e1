import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, settled, tag } from "./page.mjs";

/* A form as the server draws it, on a page whose server answers when a test says so. */
function open({ id = "", ...dataset } = {}, address = "https://portal.test/admin/telemetry?batch=3") {
  const sent = [];
  class XMLHttpRequest {
    upload = {};
    headers = {};
    open(...how) { this.how = how; }
    setRequestHeader(name, value) { this.headers[name] = value; }
    send(body) { this.body = body; sent.push(this); }
    answer(status, response = null) {
      Object.assign(this, { status, response });
      this.onload();
    }
  }
  const page = new Page(address, { XMLHttpRequest, fetch: () => { throw new Error("no"); } });
  page.document.cookie = "a=b; _csrf_token=to%2Fken";
  page.load("file_forms", "pages", "portal", "requests");
  const form = tag("div", { id },
    tag("div", { "data-chooser": "telemetry-file" }),
    tag("select", { id: "telemetry-format", name: "format", value: "csv" }),
    tag("span", { role: "status" }), // of another control
    tag("input", { id: "telemetry-zone", name: "time_zone", value: "" }),
    tag("textarea", { id: "telemetry-columns", name: "columns", value: "t=timestamp" }),
    tag("button", {}, tag("span", {}, "Import")), tag("progress", { class: "d-none", value: "0" }),
    tag("span", { role: "status", "data-said": "true" }));
  Object.assign(form.dataset, {
    upload: "/_telemetry", accept: ".csv,.gz", waiting: "Reading the rows…",
    location: "telemetry-url", ...dataset,
  });
  page.add(form);
  page.call("gfo_file_forms", "prepare", []);
  const chooser = form.querySelector("input[type=file]");
  chooser.files = [];
  const choose = (name = "july.csv", content = "rows", lastModified = 7) => {
    chooser.files = [new File([content], name, { lastModified })];
  };
  const press = () => page.click(form.querySelector("button").firstChild);
  const status = () => {
    const { textContent, className } = form.querySelector("[data-said]");
    return [textContent, className];
  };
  return { page, form, chooser, choose, press, sent, status };
}

function withPassword(shown) {
  const password = tag("input", {
    id: "models-password", name: "password", type: "password", value: "",
    required: true, labels: [tag("label", {}, "Your password")],
  });
  shown.form.append(password);
  return password;
}

test("the chooser is made once, where the form has its place", () => {
  const { page, form, chooser } = open();
  assert.equal(chooser.id, "telemetry-file");
  assert.equal(chooser.className, "form-control");
  assert.equal(chooser.accept, ".csv,.gz");
  page.call("gfo_file_forms", "prepare", []);
  assert.deepEqual(form.querySelector("[data-chooser]").children, [chooser]);
});

test("a page without a form is left alone", () => {
  const page = new Page().load("file_forms");
  page.call("gfo_file_forms", "prepare", []);
  page.click(page.add(tag("button")));
});

test("without a file nothing is sent", () => {
  const { press, sent, status } = open();
  press();
  assert.deepEqual(status(), ["Choose a file first.", "gfo-problem"]);
  assert.deepEqual(sent, []);
});

test("a press beside the button sends nothing", () => {
  const { page, form, choose, sent } = open();
  choose();
  page.click(form.querySelector("select"));
  assert.deepEqual(sent, []);
});

test("a field that must be filled is named", () => {
  const shown = open();
  const password = withPassword(shown);
  shown.choose();
  shown.press();
  assert.deepEqual(shown.status(), ["Your password is empty.", "gfo-problem"]);
  assert.deepEqual(shown.sent, []);
  password.value = "secret";
  shown.press();
  assert.equal(shown.sent.length, 1);
  assert.equal(shown.sent[0].body.get("password"), "secret");
  assert.deepEqual(shown.page.setProps, [["models-password", { value: "" }]]);
});

test("a file goes with every field, the form token and an id", async () => {
  const { form, choose, press, sent } = open();
  choose("july.csv", "a,b");
  press();
  const [{ how, headers, body, responseType }] = sent;
  assert.deepEqual(how, ["POST", "/_telemetry"]);
  assert.deepEqual(headers, { "X-CSRFToken": "to/ken" });
  assert.equal(responseType, "json");
  assert.deepEqual([...body.keys()], ["format", "time_zone", "columns", "file", "request_id"]);
  assert.equal(body.get("format"), "csv");
  assert.equal(body.get("columns"), "t=timestamp");
  assert.equal(await body.get("file").text(), "a,b");
  assert.match(body.get("request_id"), /^[0-9a-f-]{36}$/);
  assert.equal(form.querySelector("button").disabled, true);
});

const bar = (form) => {
  const progress = form.querySelector("progress");
  return [progress.classList.contains("d-none"), progress.getAttribute("value")];
};

test("how much is sent is shown, then what is waited for", () => {
  const { form, choose, press, sent, status } = open();
  choose();
  press();
  assert.deepEqual(bar(form), [false, "0"]);
  sent[0].upload.onprogress({ loaded: 1, total: 3 });
  assert.deepEqual(status(), ["Sending, 33\u202f%", "gfo-muted"]);
  assert.equal(Math.round(bar(form)[1]), 33);
  sent[0].upload.onprogress({ loaded: 5, total: 0 });
  assert.deepEqual(status(), ["Sending, 0\u202f%", "gfo-muted"]);
  sent[0].upload.onprogress({ loaded: 3, total: 3 });
  assert.deepEqual(status(), ["Reading the rows…", "gfo-muted"]);
  assert.deepEqual(bar(form), [false, "100"]);
  sent[0].answer(200, { sentence: "Done." });
  assert.deepEqual(bar(form), [true, "100"]);
});

test("where the end is not known, a bar without a value says so", () => {
  const { form, choose, press, sent } = open({ ends: "unknown" });
  choose();
  press();
  assert.deepEqual(bar(form), [false, "0"]);
  sent[0].upload.onprogress({ loaded: 99, total: 100 });
  assert.deepEqual(bar(form), [false, "99"]);
  sent[0].upload.onprogress({ loaded: 100, total: 100 });
  assert.deepEqual(bar(form), [false, null]);
  sent[0].answer(200, { sentence: "Done." });
  assert.deepEqual(bar(form), [true, null]);
});

test("an answer is said and opens what came of it", () => {
  const { page, form, choose, press, sent, status } = open();
  choose();
  press();
  sent[0].answer(200, { sentence: "3 rows are new.", batch_id: 12 });
  assert.deepEqual(status(), ["3 rows are new.", "gfo-muted"]);
  assert.equal(form.querySelector("button").disabled, false);
  const [[id, { search }]] = page.setProps;
  assert.equal(id, "telemetry-url");
  assert.match(search, /^\?batch=12&at=\d+$/);
});

test("a form whose answer has no address tells the page's store", () => {
  const { page, choose, press, sent } = open({ changed: "models-changed" });
  choose();
  press();
  sent[0].answer(200, { sentence: "In quarantine." });
  const [[id, { data }]] = page.setProps;
  assert.equal(id, "models-changed");
  assert.ok(data > 0);
});

test("a refusal is said with its reference, and opens nothing", () => {
  for (const [answer, said] of [
    [{ error: "No CSV.", reference: "abc" }, "No CSV. (reference abc)"],
    [{ error: "No CSV." }, "No CSV."],
    [null, "The portal did not answer. Try again."],
  ]) {
    const { page, form, choose, press, sent, status } = open();
    choose();
    press();
    sent[0].answer(400, answer);
    assert.deepEqual(status(), [said, "gfo-problem"]);
    assert.deepEqual(page.setProps, []);
    assert.equal(form.querySelector("button").disabled, false);
  }
});

test("an ended login is asked for, and leads back", () => {
  const { page, choose, press, sent, status } = open();
  choose();
  press();
  sent[0].answer(401, { error: "Log in." });
  assert.deepEqual(page.opened, ["/login?ended=1&next=%2Fadmin%2Ftelemetry%3Fbatch%3D3"]);
  assert.deepEqual(status(), ["", ""]);
});

/* The ids that a file gets when it is sent, lost, changed, and sent again. */
function idsAround(change, lose = (request) => request.onerror()) {
  const shown = open();
  const password = withPassword(shown);
  password.value = "first";
  shown.choose();
  shown.press();
  lose(shown.sent[0]);
  change(shown, password);
  shown.press();
  return shown.sent.map(({ body }) => body.get("request_id"));
}

test("the same file without an answer keeps its id, whatever the password", () => {
  const [first, second] = idsAround((_shown, password) => { password.value = "second"; });
  assert.equal(first, second);
  const [third, fourth] = idsAround(() => {}, (request) => request.answer(503));
  assert.equal(third, fourth);
});

test("another file, other fields, or an answer make another id", () => {
  for (const change of [
    ({ choose }) => choose("june.csv"),
    ({ choose }) => choose("july.csv", "more rows"),
    ({ choose }) => choose("july.csv", "rows", 8),
    ({ form }) => { form.querySelector("select").value = "json"; },
    ({ form }) => { form.dataset.upload = "/_models"; },
  ]) {
    const [first, second] = idsAround(change);
    assert.notEqual(first, second);
  }
  const answered = idsAround(() => {}, (request) => request.answer(200, { sentence: "x" }));
  assert.notEqual(answered[0], answered[1]);
});

test("a line that breaks is said", async () => {
  const { choose, press, sent, status } = open();
  choose();
  press();
  sent[0].onerror();
  await settled();
  assert.deepEqual(status(), ["The portal did not answer. Try again.", "gfo-problem"]);
});

const PREVIEW = {
  tables: [{ caption: "Columns", rows: [["Column", "Read as"], ["Load (kW)", "it_load_mw"]] }],
  notes: ["1 x bad_number, first in line 3: <b>."],
};

function openWithPreview() {
  const shown = open();
  const button = tag("button", { name: "preview" }, "Preview");
  const place = tag("div", { "data-preview": "/_telemetry/preview" });
  shown.form.append(button, place);
  shown.choose();
  return { ...shown, button, place, look: () => shown.page.click(button) };
}

test("a preview sends the same fields elsewhere, without an id", () => {
  const { form, look, sent } = openWithPreview();
  look();
  const [{ how, headers, body }] = sent;
  assert.deepEqual(how, ["POST", "/_telemetry/preview"]);
  assert.deepEqual(headers, { "X-CSRFToken": "to/ken" });
  assert.deepEqual([...body.keys()], ["format", "time_zone", "columns", "file"]);
  assert.deepEqual(form.querySelectorAll("button").map((one) => one.disabled), [true, true]);
});

test("a preview shows tables and notes as text, and opens nothing", () => {
  const { page, form, place, look, sent, status } = openWithPreview();
  look();
  sent[0].answer(200, { sentence: "Nothing is stored yet.", preview: PREVIEW });
  assert.deepEqual(status(), ["Nothing is stored yet.", "gfo-muted"]);
  const texts = (selector) => place.querySelectorAll(selector).map((one) => one.textContent);
  assert.deepEqual(texts("caption"), ["Columns"]);
  assert.deepEqual(texts("thead th[scope=col]"), ["Column", "Read as"]);
  assert.deepEqual(texts("tbody td"), ["Load (kW)", "it_load_mw"]);
  assert.deepEqual(texts("li"), PREVIEW.notes);
  assert.deepEqual(page.setProps, []);
  assert.deepEqual(form.querySelectorAll("button").map((one) => one.disabled), [false, false]);
});

test("a preview makes way for what is sent next", () => {
  for (const next of ["look", "press"]) {
    const shown = openWithPreview();
    shown.look();
    shown.sent[0].answer(200, { sentence: "Nothing is stored yet.", preview: PREVIEW });
    assert.notDeepEqual(shown.place.children, []);
    shown[next]();
    assert.deepEqual(shown.place.querySelectorAll("table"), []);
  }
});

test("a file that cannot be previewed says why", () => {
  const { place, look, sent, status } = openWithPreview();
  look();
  sent[0].answer(400, { error: "No CSV.", reference: "abc" });
  assert.deepEqual(status(), ["No CSV. (reference abc)", "gfo-problem"]);
  assert.deepEqual(place.querySelectorAll("table"), []);
});

test("a preview leaves the id of an import without an answer", () => {
  const shown = openWithPreview();
  shown.press();
  shown.sent[0].onerror();
  shown.look();
  shown.sent[1].answer(200, { sentence: "Nothing is stored yet.", preview: PREVIEW });
  shown.press();
  const [first, , again] = shown.sent.map(({ body }) => body.get("request_id"));
  assert.equal(first, again);
});
