import assert from "node:assert/strict";
import { test } from "node:test";
import { Element, Page, settled, tag } from "./page.mjs";

const ADDRESS = "https://portal.test/forecast?region=arizona&day=2025-07-13";
const CAPTIONS = ["# Temperature", "# How it was made.", `# ${ADDRESS}`];

/* A chart or a table with its button, on a page. */
function block(shown, dataset, { address = ADDRESS, globals = {} } = {}) {
  const page = new Page(address, globals).load("downloads");
  const button = tag("button", { class: "gfo-download" }, tag("span", {}, "CSV"));
  Object.assign(button.dataset, dataset);
  page.add(tag("section", {},
    tag("h2", {}, " Temperature "),
    tag("figure", {}, shown, tag("figcaption", { class: "gfo-caption" }, "How it was made. "),
      button)));
  return { page, press: () => page.click(button.firstChild) };
}

function chart(traces, format = "csv", options = {}) {
  const graph = tag("div", { class: "js-plotly-plot", data: traces, layout: { font: { size: 12 } } });
  return block(tag("div", { id: "forecast-chart" }, graph), { format, chart: "forecast-chart" }, options);
}

async function csv({ page, press }) {
  press();
  const [{ blob }] = page.saved;
  assert.equal(blob.type, "text/csv;charset=utf-8");
  const bytes = new Uint8Array(await blob.arrayBuffer());
  assert.deepEqual(Array.from(bytes.slice(0, 3)), [0xef, 0xbb, 0xbf]);
  const lines = (await blob.text()).split("\r\n");
  assert.equal(lines.pop(), "");
  return lines;
}

const series = (name, x, y) => ({ name, x, y });

test("series over time share a row for each instant, in UTC and in order", async () => {
  const lines = await csv(chart([
    series("mean", ["2025-07-13T01:00", "2025-07-13T00:00"], [31.5, 30]),
    series("measured, °C", ["2025-07-13T01:00", "2025-07-13T02:00:00Z"], [0, null]),
    series("empty", [], []), { name: "legend only" },
  ]));
  assert.deepEqual(lines, [
    ...CAPTIONS, 'time_utc,mean,"measured, °C"', "2025-07-13T00:00Z,30,",
    "2025-07-13T01:00Z,31.5,0", "2025-07-13T02:00:00Z,,",
  ]);
});

test("one instant is a time as well", async () => {
  const lines = await csv(chart([series("mean", ["2025-07-13T00:00"], [30])]));
  assert.deepEqual(lines.slice(3), ["time_utc,mean", "2025-07-13T00:00Z,30"]);
});

test("other charts are listed by series", async () => {
  const lines = await csv(chart([
    series("a", [1, 2], [3, 4]), series("b", ["2025-07-13T00:00"], [5]),
  ]));
  assert.deepEqual(lines.slice(3), ["series,x,y", "a,1,3", "a,2,4", "b,2025-07-13T00:00,5"]);
  assert.deepEqual((await csv(chart([{ name: "none" }]))).slice(3), ["series,x,y"]);
});

test("a file is named by what it shows, and two days differ", async () => {
  const name = async (query) => {
    const made = chart([series("a", [1], [2])], "csv", { address: `https://portal.test/x${query}` });
    await csv(made);
    return made.page.saved[0].name;
  };
  assert.equal(await name("?region=arizona&day=2025-07-13&shift=5"),
    "gfo-forecast-chart-arizona-2025-07-13.csv");
  assert.equal(await name("?target=ireland&source=a../b\\c"), "gfo-forecast-chart-abc-ireland.csv");
  assert.equal(await name(""), "gfo-forecast-chart.csv");
});

test("a file's address is given back to the browser, not before it was read", async () => {
  const made = chart([series("a", [1], [2])]);
  await csv(made);
  await made.page.clock.move(9000);
  assert.ok(made.page.blob);
  await made.page.clock.move(2000);
  assert.equal(made.page.blob, null);
  assert.equal(made.page.document.querySelector("a"), null, "the link is taken away");
});

test("cells are quoted, and a text that would run as a formula stays a text", async () => {
  const cells = [
    ["plain", "plain"], ["a,b", '"a,b"'], ['say "x"', '"say ""x"""'], ["a;b", '"a;b"'],
    ["a\tb", '"a\tb"'], ["a\nb", '"a\nb"'], [null, ""], [undefined, ""], [0, "0"], [-2.5, "-2.5"],
    ["-1e-7", "-1e-7"], ["-2+3", "'-2+3"], ["=1+1", "'=1+1"], ["+1", "'+1"], ["@sum", "'@sum"],
    ["-x", "'-x"], ["\uff1d1", "'\uff1d1"], ["\uff0b1", "'\uff0b1"], ["\uff0d1", "'\uff0d1"],
    ["\uff201", "'\uff201"], ["  =1", "  '=1"], ["a;=1", "\"a;'=1\""], ["a\t =1", "\"a\t '=1\""],
    ['"=1', "\"\"\"'=1\""], ["\tx", "\"'\tx\""], ["\rx", "\"'\rx\""], ["\t=1", "\"'\t'=1\""],
    ["'=1", "''=1"], ["1=1", "1=1"], ["a-b", "a-b"],
    ["\u200b=1", "\u200b'=1"], ["\ufeff\u2060@x", "\ufeff\u2060'@x"], ["\u00ad-x", "\u00ad'-x"],
    ["\u{e0041}=1", "\u{e0041}'=1"], ["a;\u202e+1", "\"a;\u202e'+1\""], ["\ufe661", "'\ufe661"],
  ];
  for (const [value, expected] of cells) {
    const { page, press } = chart([series("s", ["x"], [value])]);
    press();
    const text = await page.saved[0].blob.text();
    assert.equal(text.slice(text.indexOf("\ns,x,") + 5), `${expected}\r\n`);
  }
});

test("captions are comments of one line that run nothing", async () => {
  const { page, press } = chart([series("a", [1], [2])]);
  page.document.querySelector("h2").textContent = "Cost,\n=1+1; @x, -2;a";
  press();
  assert.match(await page.saved[0].blob.text(), /^\ufeff?# Cost, '=1\+1; '@x, '-2;a\r\n/);
});

test("without a heading the page's title stands first, and no caption leaves no line", async () => {
  const page = new Page(ADDRESS).load("downloads");
  page.document.title = "Fleet";
  const button = tag("button", { class: "gfo-download" });
  Object.assign(button.dataset, { table: "t" });
  page.add(tag("div", { class: "gfo-table-block" }, tag("table", { id: "t" }), button));
  assert.deepEqual(await csv({ page, press: () => page.click(button) }), ["# Fleet", `# ${ADDRESS}`]);
  const alone = new Page(ADDRESS).load("downloads");
  alone.document.title = "Fleet";
  alone.add(button, tag("table", { id: "t" }));
  button.parent = alone.body;
  assert.deepEqual(
    await csv({ page: alone, press: () => alone.click(button) }), ["# Fleet", `# ${ADDRESS}`]);
});

const cell = (text, attributes = {}) => tag("td", attributes, text);
const row = (...cells) => tag("tr", {}, ...cells);

test("a table is saved as it reads, without typography", async () => {
  const table = tag("table", { id: "t" },
    row(tag("th", {}, "Region", tag("span", { "aria-hidden": "true" }, "▲")), tag("th", {}, "Value")),
    row(cell("Arizona"), cell("1,234,567.5")),
    row(cell("\u2212 3"), cell("\u22123.5\u202f°C")),
    row(cell("\u2013"), cell("12,34")),
    row(cell("  a \n b\u00a0c "), cell("-1,000")),
    row(cell("shown", { "data-csv": "35.25" }), cell("left out", { "data-csv-skip": "" })),
    row(cell(tag("time", { datetime: "2025-07-13T00:00:00Z" }, "13 July")),
      cell(tag("time", { datetime: "2025-07-13T00:00:00Z" }, "13 July"))));
  table.children.at(-1).children[1].append(", noon");
  assert.deepEqual((await csv(block(table, { table: "t" }))).slice(3), [
    "Region,Value", "Arizona,1234567.5", "\u2212 3,'-3.5 °C", ',"12,34"', "a b c,-1000", "35.25",
    '2025-07-13T00:00:00Z,"13 July, noon"',
  ]);
});

test("a grid is saved like a table", async () => {
  const item = (role, text) => tag("div", { role }, text);
  const grid = tag("div", { id: "g" },
    tag("div", { role: "row" }, item("columnheader", "No.")),
    tag("div", { role: "row" }, item("gridcell", "7"), item("presentation", "x")));
  const made = block(grid, { table: "g" });
  assert.deepEqual((await csv(made)).slice(3), ["No.", "7"]);
  assert.equal(made.page.saved[0].name, "gfo-g-arizona-2025-07-13.csv");
});

test("a press elsewhere, or before the chart is drawn, saves nothing", () => {
  const { page, press } = chart(undefined);
  press();
  page.click(page.add(tag("button")));
  page.document.querySelector(".js-plotly-plot").remove();
  press();
  assert.deepEqual(page.saved, []);
});

/* What a picture is made with: Plotly's own SVG, and elements for what is added. */
function drawing(traces, format, layout = {}) {
  const asked = [];
  const globals = {
    Plotly: {
      toImage: (figure, options) => {
        asked.push({ figure, options });
        return Promise.resolve("data:image/svg+xml,%3Csvg%2F%3E");
      },
    },
    DOMParser: class {
      parseFromString(text, type) {
        assert.deepEqual([text, type], ["<svg/>", "image/svg+xml"]);
        return { documentElement: tag("svg", { id: "plotly" }) };
      }
    },
    XMLSerializer: class { serializeToString(element) { globals.drawn = element; return "<svg>all</svg>"; } },
    Image: class {
      set src(address) { globals.image = this; this.address = address; }
    },
    getComputedStyle: (element) => ({
      color: "ink", backgroundColor: element.matches(".gfo-card") ? "card" : "paper", fontFamily: "sans",
    }),
  };
  const made = chart(traces, format, { globals });
  Object.assign(made.page.document.querySelector(".js-plotly-plot").layout, layout);
  return { ...made, asked, globals };
}

test("a picture holds the chart as drawn, its title, caption and address", async () => {
  const { page, press, asked, globals } = drawing([series("a", [1], [2])], "svg");
  press();
  await settled();
  const [{ name, blob }] = page.saved;
  assert.equal(name, "gfo-forecast-chart-arizona-2025-07-13.svg");
  assert.equal(blob.type, "image/svg+xml");
  assert.equal(await blob.text(), "<svg>all</svg>");
  assert.equal(blob.size, "<svg>all</svg>".length, "no mark before it");
  const [{ figure, options }] = asked;
  assert.deepEqual(figure.layout.font, { size: 12, color: "ink" });
  assert.deepEqual(page.document.querySelector(".js-plotly-plot").layout.font, { size: 12 });
  assert.deepEqual(figure.data, [series("a", [1], [2])]);
  assert.deepEqual(options, { format: "svg", width: 640, height: 300 });

  const { drawn } = globals;
  const texts = drawn.querySelectorAll("text");
  assert.deepEqual(texts.map((one) => [one.textContent, one.getAttribute("y"), one.getAttribute("font-size")]), [
    ["Temperature", "28", "15"], ["How it was made.", "354", "11"], [ADDRESS, "370", "11"],
  ]);
  assert.ok(texts.every((one) => one.getAttribute("x") === "12" && one.getAttribute("fill") === "ink"));
  assert.deepEqual(texts.map((one) => one.getAttribute("font-weight")), ["600", "400", "400"]);
  assert.equal(texts[0].getAttribute("font-family"), "sans");
  assert.equal(drawn.getAttribute("xmlns"), "http://www.w3.org/2000/svg");
  assert.equal(drawn.querySelector("#plotly").getAttribute("y"), "40");
  assert.deepEqual([drawn.getAttribute("width"), drawn.getAttribute("height")], ["640", "384"]);
  const ground = drawn.querySelector("rect");
  assert.deepEqual(["width", "height", "fill"].map((key) => ground.getAttribute(key)),
    ["640", "384", "paper"]);
});

test("a picture stands on the colour of its card", async () => {
  const { page, press, globals } = drawing([series("a", [1], [2])], "svg");
  page.document.querySelector("section").className = "gfo-card";
  press();
  await settled();
  assert.equal(globals.drawn.querySelector("rect").getAttribute("fill"), "card");
});

test("long captions are wrapped at words, and words longer than a line are cut", async () => {
  const { page, press, globals } = drawing([series("a", [1], [2])], "svg");
  const graph = page.document.querySelector(".js-plotly-plot");
  graph.getBoundingClientRect = () => ({ width: 64, height: 100 }); // 10 letters to a line
  page.document.querySelector("figcaption").textContent = "aa bbb cccc ddddd 0123456789abc d";
  press();
  await settled();
  const lines = globals.drawn.querySelectorAll("text").map((one) => one.textContent);
  assert.deepEqual(lines.slice(1, 5), ["aa bbb", "cccc ddddd", "0123456789", "abc d"]);
  assert.equal(lines.slice(5).join(""), ADDRESS);
  assert.ok(lines.slice(1).every((line) => line.length <= 10));
});

test("a narrow chart still has eight letters to a line", async () => {
  const { page, press, globals } = drawing([series("a", [1], [2])], "svg");
  page.document.querySelector(".js-plotly-plot").getBoundingClientRect =
    () => ({ width: 13, height: 100 });
  page.document.querySelector("figcaption").textContent = "0123456789";
  press();
  await settled();
  const lines = globals.drawn.querySelectorAll("text").map((one) => one.textContent);
  assert.deepEqual(lines.slice(1, 3), ["01234567", "89"]);
});

test("a PNG is the same picture at twice the size", async () => {
  const { page, press, globals } = drawing([series("a", [1], [2])], "png");
  const drawn = [];
  const made = page.document.createElement;
  page.document.createElement = (name) => {
    if (name !== "canvas") return made(name);
    return Object.assign(new Element("canvas"), {
      getContext: () => ({ drawImage: (...place) => drawn.push(place.slice(1)) }),
      toBlob(callback, type) {
        callback(new Blob([`${this.width}x${this.height}`], { type }));
      },
    });
  };
  press();
  await settled();
  assert.equal(globals.image.address, "blob:1");
  assert.equal(await page.blob.text(), "<svg>all</svg>");
  assert.deepEqual(page.saved, []);
  globals.image.onload();
  assert.equal(page.revoked, 1);
  const [{ name, blob }] = page.saved;
  assert.deepEqual([name, blob.type], ["gfo-forecast-chart-arizona-2025-07-13.png", "image/png"]);
  assert.equal(await blob.text(), "1280x768");
  assert.deepEqual(drawn, [[0, 0, 1280, 768]]);
});
