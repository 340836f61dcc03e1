// A page in memory: as much of a browser as the scripts of webapp/assets use.
// Its clock stands still until a test moves it; what scripts send and save is kept.
import { readFileSync } from "node:fs";
import { compileFunction } from "node:vm";

export const ASSETS = new URL("../../webapp/assets/", import.meta.url);

/* One condition of a selector such as a.b[c=d]:not([e]). */
const PIECE = /^(?::not\((?<not>[^)]+)\)|#(?<id>[\w-]+)|\.(?<css>[\w-]+)|\[(?<name>[\w-]+)(?:=(?<value>[^\]]+))?\]|(?<tag>[\w-]+))/;

function isMatchOfPiece(element, { not, id, css, name, value, tag: tagName }) {
  if (not) return !isMatchOfStep(element, not);
  if (id) return element.id === id;
  if (css) return element.classList.contains(css);
  if (tagName) return element.tagName.toLowerCase() === tagName.toLowerCase();
  return value ? element.getAttribute(name) === value : element.hasAttribute(name);
}

function isMatchOfStep(element, step) {
  let rest = step;
  while (rest) {
    const found = rest.match(PIECE);
    if (!found) throw new Error(`The selector ${step} is not understood.`);
    if (!isMatchOfPiece(element, found.groups)) return false;
    rest = rest.slice(found[0].length);
  }
  return true;
}

function isMatch(element, selector) {
  return selector.split(",").some((one) => {
    const steps = one.trim().split(/\s+/);
    if (!isMatchOfStep(element, steps.pop())) return false;
    let above = element.parent;
    for (; steps.length && above; above = above.parent) {
      if (isMatchOfStep(above, steps.at(-1))) steps.pop();
    }
    return !steps.length;
  });
}

/* Attributes are texts; what a test gives otherwise becomes a field of the element. */
export class Element {
  constructor(tagName, attributes = {}, ...children) {
    this.tagName = tagName.toUpperCase();
    this.nodeType = 1;
    this.attributes = new Map();
    this.children = [];
    this.parent = null;
    this.style = {};
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value !== "string") this[name] = value;
      else this.setAttribute(name, value);
    }
    this.append(...children);
  }

  get firstChild() { return this.children[0] || null; }
  get textContent() {
    return this.children.map((child) => child.textContent ?? child).join("");
  }
  set textContent(text) { this.children = [text]; }
  get innerText() { return this.textContent; }

  get classList() {
    const names = this.className.split(/\s+/).filter(Boolean);
    const set = (list) => { this.className = list.join(" "); };
    return {
      contains: (name) => names.includes(name),
      toggle: (name, isOn) => {
        const others = names.filter((known) => known !== name);
        set(isOn ? [...others, name] : others);
      },
    };
  }

  get dataset() {
    const key = (name) => "data-" + name.replaceAll(/[A-Z]/g, (letter) => "-" + letter.toLowerCase());
    return new Proxy(this, {
      get: (element, name) => element.getAttribute(key(name)) ?? undefined,
      has: (element, name) => element.hasAttribute(key(name)),
      set: (element, name, value) => { element.setAttribute(key(name), value); return true; },
      deleteProperty: (element, name) => { element.removeAttribute(key(name)); return true; },
    });
  }

  getAttribute(name) { return this.attributes.get(name) ?? null; }
  setAttribute(name, value) { this.attributes.set(name, String(value)); }
  hasAttribute(name) { return this.attributes.has(name); }
  removeAttribute(name) { this.attributes.delete(name); }
  toggleAttribute(name, isOn) {
    if (isOn) this.setAttribute(name, "");
    else this.removeAttribute(name);
  }

  append(...children) {
    for (const child of children) if (child instanceof Element) child.parent = this;
    this.children.push(...children);
  }
  prepend(child) { this.append(child); this.children.unshift(this.children.pop()); }
  remove() { this.parent.children.splice(this.parent.children.indexOf(this), 1); }

  matches(selector) { return isMatch(this, selector); }
  closest(selector) {
    if (this.matches(selector)) return this;
    return this.parent ? this.parent.closest(selector) : null;
  }
  all() {
    const elements = this.children.filter((child) => child instanceof Element);
    return elements.flatMap((child) => [child, ...child.all()]);
  }
  querySelectorAll(selector) { return this.all().filter((one) => one.matches(selector)); }
  querySelector(selector) { return this.querySelectorAll(selector)[0] || null; }
  getBoundingClientRect() { return { width: 640, height: 300 }; }
}

for (const [property, attribute] of [
  ["id", "id"], ["className", "class"], ["name", "name"], ["type", "type"],
  ["value", "value"], ["href", "href"], ["method", "method"], ["dateTime", "datetime"],
]) {
  Object.defineProperty(Element.prototype, property, {
    get() { return this.getAttribute(attribute) ?? ""; },
    set(value) { this.setAttribute(attribute, value); },
  });
}

export const tag = (tagName, attributes, ...children) =>
  new Element(tagName, attributes, ...children);

class Clock {
  now = 0;
  #timers = new Map();
  #count = 0;

  start(callback, wait, every) {
    this.#count += 1;
    this.#timers.set(this.#count, { callback, at: this.now + wait, every });
    return this.#count;
  }
  stop(number) { this.#timers.delete(number); }
  async move(milliseconds) {
    const end = this.now + milliseconds;
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a[1].at - b[1].at);
      if (!next || next[1].at > end) break;
      const [number, timer] = next;
      this.now = timer.at;
      if (timer.every) timer.at += timer.every;
      else this.stop(number);
      timer.callback();
      await settled();
    }
    this.now = end;
  }
}

/* Everything that a promise was waiting for has happened. */
export const settled = () => new Promise((resolve) => { setImmediate(resolve); });

export class Page {
  constructor(address = "https://portal.test/", globals = {}) {
    this.clock = new Clock();
    this.listeners = [];
    this.setProps = []; // [id, properties], as given to Dash
    this.opened = []; // addresses that the browser was sent to
    this.reloads = 0;
    this.saved = []; // {name, blob}
    this.revoked = 0;
    this.observers = []; // {callback, target, what}; a test calls back itself
    this.stored = new Map();
    this.body = tag("body");
    this.root = tag("html", {}, this.body);
    this.window = this.#makeWindow(new URL(address), globals);
    this.document = this.window.document;
  }

  get dc() { return this.window.dash_clientside; }
  add(...elements) { this.body.append(...elements); return elements[0]; }

  load(...names) {
    for (const name of names) {
      const file = new URL(`${name}.js`, ASSETS);
      const known = Object.keys(this.window);
      const script = compileFunction(readFileSync(file, "utf8"), known, { filename: file.href });
      script(...known.map((key) => this.window[key]));
    }
    return this;
  }

  /* What Dash does around a callback: ids as "id" or "id.property". */
  call(namespace, name, args, { triggered = [], inputs = [], states = [], outputs = [] } = {}) {
    const listed = (ids) => ids.map((id) => ({ id }));
    this.dc.callback_context = {
      triggered: triggered.map((prop_id) => ({ prop_id })),
      inputs_list: listed(inputs), states_list: listed(states), outputs_list: listed(outputs),
    };
    try {
      return this.dc[namespace][name](...args);
    } finally {
      delete this.dc.callback_context;
    }
  }

  /* Capturing listeners of the document first, then the others, unless one stops it. */
  fire(target, type, fields = {}) {
    const event = {
      type, target, defaultPrevented: false, isStopped: false, ...fields,
      preventDefault() { this.defaultPrevented = true; },
      stopPropagation() { this.isStopped = true; },
    };
    const heard = this.listeners.filter((one) => one.type === type);
    for (const one of heard.filter((each) => each.capture)) one.listener(event);
    if (event.isStopped || event.staysBelow) return event; // a component stopped it
    for (const one of heard.filter((each) => !each.capture)) one.listener(event);
    return event;
  }

  click(target, fields) { return this.fire(target, "click", fields); }

  #makeWindow(url, globals) {
    const page = this;
    const location = {
      get href() { return url.href; },
      get origin() { return url.origin; },
      get pathname() { return url.pathname; },
      get search() { return url.search; },
      assign: (address) => page.opened.push(address),
      reload: () => { page.reloads += 1; },
    };
    const document = {
      body: this.body, documentElement: this.root, title: "", cookie: "",
      head: { append: (element) => page.body.append(element) },
      addEventListener: (type, listener, capture = false) =>
        page.listeners.push({ type, listener, capture }),
      dispatchEvent: (event) => page.fire(document, event.type, event),
      createElement: (name) => page.#made(name),
      createElementNS: (_space, name) => tag(name),
      getElementById: (id) => page.root.querySelector(`#${id}`),
      querySelector: (selector) => page.root.querySelector(selector),
      querySelectorAll: (selector) => page.root.querySelectorAll(selector),
    };
    const window = {
      document, location, Element,
      dash_clientside: {
        no_update: Symbol("no update"),
        set_props: (id, properties) => page.setProps.push([id, properties]),
      },
      history: {
        state: null,
        replaceState: (_state, _title, address) => { url.href = new URL(address, url).href; },
      },
      localStorage: this.#storage("local"), sessionStorage: this.#storage("session"),
      performance: { now: () => page.clock.now },
      Date: class extends Date { static now() { return 1e12 + page.clock.now; } },
      setTimeout: (callback, wait = 0) => page.clock.start(callback, wait),
      setInterval: (callback, wait) => page.clock.start(callback, wait, wait),
      clearTimeout: (number) => page.clock.stop(number),
      clearInterval: (number) => page.clock.stop(number),
      addEventListener: (type, listener) => page.listeners.push({ type, listener, capture: false }),
      matchMedia: () => ({ matches: false }),
      getComputedStyle: () => ({ color: "ink", backgroundColor: "paper", fontFamily: "sans" }),
      CSS: { escape: (text) => text },
      Node: { ELEMENT_NODE: 1 },
      CustomEvent: function (type, options) { Object.assign(this, options, { type }); },
      MutationObserver: class {
        constructor(callback) { this.callback = callback; }
        observe(target, what) { page.observers.push({ callback: this.callback, target, what }); }
      },
      URL: Object.assign(class extends URL {}, {
        createObjectURL: (blob) => { page.blob = blob; return "blob:1"; },
        revokeObjectURL: () => { page.blob = null; page.revoked += 1; },
      }),
      scrollTo: (...place) => { page.scrolledTo = place; },
      crypto: globalThis.crypto, fetch: undefined,
      ...globals,
    };
    window.window = window;
    return window;
  }

  #made(name) {
    const element = tag(name);
    if (name === "a") {
      element.click = () => this.saved.push({ name: element.download, blob: this.blob });
    }
    return element;
  }

  #storage(kind) {
    return {
      getItem: (key) => this.stored.get(`${kind}.${key}`) ?? null,
      setItem: (key, value) => this.stored.set(`${kind}.${key}`, value),
    };
  }
}
