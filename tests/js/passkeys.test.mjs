import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, settled, tag } from "./page.mjs";

/* A form of the login page or of the account, in a browser that has passkeys or not. */
function open(kind, { credentials, hasPasskeys = true, isAnswered = true } = {}) {
  const asked = [];
  const globals = {
    navigator: { credentials },
    fetch: async (...question) => {
      asked.push(question);
      return { ok: isAnswered, json: async () => ({ challenge: "c" }) };
    },
  };
  if (hasPasskeys) {
    globals.PublicKeyCredential = {
      parseCreationOptionsFromJSON: (options) => ({ made: options }),
      parseRequestOptionsFromJSON: (options) => ({ used: options }),
    };
  }
  const page = new Page("https://portal.test/login", globals);
  const form = page.add(tag("form", {
    "data-passkey": kind, "data-options": "/options", hidden: true,
    elements: { csrf_token: { value: "token" }, credential: { value: "" } },
    sent: 0, submit() { this.sent += 1; },
  }, tag("span", { role: "status" })));
  page.load("passkeys");
  return { page, form, asked, status: () => form.querySelector("[role=status]").textContent };
}

const passkey = { toJSON: () => ({ id: "key" }) };

test("the form shows where the browser has passkeys", () => {
  assert.equal(open("get").form.hidden, false);
  assert.equal(open("get", { hasPasskeys: false }).form.hidden, true);
});

for (const [kind, method, field] of [["get", "get", "used"], ["create", "create", "made"]]) {
  test(`a passkey answers the server's challenge: ${kind}`, async () => {
    const given = [];
    const credentials = { [method]: async (options) => { given.push(options); return passkey; } };
    const { page, form, asked } = open(kind, { credentials });
    const event = page.fire(form, "submit");
    await settled();
    assert.equal(event.defaultPrevented, true);
    const [address, { method: verb, headers }] = asked[0];
    assert.deepEqual([address, verb, headers], ["/options", "POST", { "X-CSRFToken": "token" }]);
    assert.deepEqual(given, [{ publicKey: { [field]: { challenge: "c" } } }]);
    assert.equal(form.elements.credential.value, '{"id":"key"}');
    assert.equal(form.sent, 1);
  });
}

test("what failed is said and nothing is sent", async () => {
  const refuse = (name) => ({ get: async () => { throw Object.assign(new Error(), { name }); } });
  for (const [options, said] of [
    [{ credentials: refuse("NotAllowedError") }, "No passkey was used."],
    [{ credentials: refuse("SecurityError") }, "This passkey could not be used."],
    [{ credentials: {}, isAnswered: false }, "This passkey could not be used."],
  ]) {
    const { page, form, status } = open("get", options);
    page.fire(form, "submit");
    await settled();
    assert.equal(status(), said);
    assert.equal(form.sent, 0);
  }
});

test("other forms are left alone", () => {
  const { page } = open("get");
  const other = page.add(tag("form", {}));
  assert.equal(page.fire(other, "submit").defaultPrevented, false);
});
