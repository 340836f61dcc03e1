/* Download what you see: a chart as CSV, PNG or SVG, a table as CSV. Everything is made
   from what is on the page, so it holds what is shown and asks the server for nothing. */
(function () {
  "use strict";

  const LINE_PX = 16;
  const PAD_PX = 12;
  const SVG = "http://www.w3.org/2000/svg";

  document.addEventListener("click", (event) => {
    const button = event.target.closest(".gfo-download");
    if (!button) return;
    const { format, chart, table } = button.dataset;
    const captions = captionLines(button);
    if (table) return save(tableCsv(document.getElementById(table), captions), table, "csv");
    const graph = document.querySelector(`#${CSS.escape(chart)} .js-plotly-plot`);
    if (!graph || !graph.data) return;
    if (format === "csv") return save(chartCsv(graph.data, captions), chart, "csv");
    picture(graph, captions).then((svg) =>
      format === "svg" ? save(svg.text, chart, "svg") : savePng(svg, chart));
  });

  function captionLines(button) {
    const figure = button.closest("figure, section, .gfo-table-block");
    const caption = figure && figure.querySelector(".gfo-caption");
    const heading = figure && figure.closest("section") &&
      figure.closest("section").querySelector("h2");
    return [
      heading ? heading.textContent.trim() : document.title,
      caption ? caption.textContent.trim() : "",
      window.location.href,
    ].filter(Boolean);
  }

  /* CSV ------------------------------------------------------------------------- */

  /* As orchestrator/list_exports.py: a formula also begins behind what parts cells, and
     behind characters that nobody sees. */
  const UNSEEN = "\\s\"'\\x00-\\x1f\\x7f-\\x9f\\xad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5" +
    "\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f" +
    "\\ufeff\\uffa0\\ufff9-\\ufffb\\u{e0000}-\\u{e0fff}";
  const FORMULA = "[=+\\-@\\uff1d\\uff0b\\uff0d\\uff20\\ufe66\\ufe62\\ufe63\\ufe6b]";
  const BEGINS = new RegExp(`(^|[;\\t\\r\\n])([${UNSEEN}]*)(?=${FORMULA})`, "gu");

  function neutral(text) {
    const inner = text.replace(BEGINS, "$1$2'");
    return /^[\t\r]/.test(text) && !inner.startsWith("'") ? "'" + inner : inner;
  }

  function cell(value) {
    if (value === null || value === undefined) return "";
    const text = String(value);
    // A text that a spreadsheet would run as a formula stays a text; "-2+3" is one too.
    const isNumber = /^-\d+(\.\d+)?([eE][-+]?\d+)?$/.test(text);
    const safe = isNumber ? text : neutral(text);
    // Some spreadsheets also part cells at semicolons and tabs.
    return /[",;\t\n\r]/.test(safe) ? '"' + safe.replaceAll('"', '""') + '"' : safe;
  }

  /* A line of words above the table; its commas part cells as well. */
  function captionLine(line) {
    const tidy = line.replace(/\s+/g, " ");
    return "# " + tidy.replace(/([,;]\s*)([=+@-])/g, "$1'$2");
  }

  function csv(captions, rows) {
    const head = captions.map(captionLine);
    return [...head, ...rows.map((row) => row.map(cell).join(","))].join("\r\n") + "\r\n";
  }

  const isInstant = (x) => /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(String(x));
  const iso = (x) => (isInstant(x) && !String(x).endsWith("Z") ? x + "Z" : x);

  /* Series over time share a row for each instant; anything else is listed. */
  function chartCsv(traces, captions) {
    const series = traces.filter((trace) => trace.x && trace.x.length);
    if (!series.length || !series.every((trace) => isInstant(trace.x[0]))) {
      const rows = series.flatMap((trace) =>
        Array.from(trace.x, (x, i) => [trace.name, x, trace.y[i]]));
      return csv(captions, [["series", "x", "y"], ...rows]);
    }
    const instants = [...new Set(series.flatMap((trace) => Array.from(trace.x)))].sort();
    const columns = series.map((trace) =>
      new Map(Array.from(trace.x, (x, i) => [x, trace.y[i]])));
    return csv(captions, [
      ["time_utc", ...series.map((trace) => trace.name)],
      ...instants.map((x) => [iso(x), ...columns.map((values) => values.get(x))]),
    ]);
  }

  /* A cell may carry its plain value; else its text, without typography. */
  function plain(element) {
    if ("csv" in element.dataset) return element.dataset.csv;
    const time = element.querySelector("time[datetime]");
    if (time && time.innerText === element.innerText.trim()) return time.dateTime;
    let shown = element.innerText;
    for (const mark of element.querySelectorAll("[aria-hidden=true]")) {
      shown = shown.replace(mark.innerText, ""); // a shape, or a heading's arrow
    }
    const text = shown.replace(/[\u202f\u00a0]/g, " ").replace(/\s+/g, " ");
    const tidy = text.replace(/\u2212(?=\d)/g, "-").trim();
    if (tidy === "\u2013") return "";
    return /^-?\d{1,3}(,\d{3})+(\.\d+)?$/.test(tidy) ? tidy.replaceAll(",", "") : tidy;
  }

  function tableCsv(table, captions) {
    // Both kinds of tables: the browser's own, and a grid's.
    const rows = [...table.querySelectorAll("tr, [role=row]")].map((row) =>
      [...row.querySelectorAll("th, td, [role=columnheader], [role=gridcell]")]
        .filter((item) => !("csvSkip" in item.dataset)).map(plain));
    return csv(captions, rows);
  }

  /* Pictures ---------------------------------------------------------------------- */

  async function picture(graph, captions) {
    const style = getComputedStyle(document.body);
    const card = graph.closest(".gfo-card") || document.body;
    const ink = style.color;
    const layout = structuredClone(graph.layout);
    layout.font = { ...layout.font, color: ink };
    const { width, height } = graph.getBoundingClientRect();
    const address = await window.Plotly.toImage(
      { data: graph.data, layout, frames: [] }, { format: "svg", width, height });
    const inner = new DOMParser().parseFromString(
      decodeURIComponent(address.slice(address.indexOf(",") + 1)), "image/svg+xml",
    ).documentElement;
    const [title, ...rest] = captions;
    const lines = rest.flatMap((line) => wrap(line, Math.floor(width / 6.4)));
    const top = LINE_PX + 2 * PAD_PX;
    const total = top + height + lines.length * LINE_PX + PAD_PX;
    const outer = document.createElementNS(SVG, "svg");
    outer.setAttribute("xmlns", SVG);
    outer.setAttribute("width", width);
    outer.setAttribute("height", total);
    const ground = part(outer, "rect", { width, height: total });
    ground.setAttribute("fill", getComputedStyle(card).backgroundColor);
    words(outer, title, PAD_PX + LINE_PX, ink, 15, 600);
    inner.setAttribute("y", top);
    outer.append(inner);
    lines.forEach((line, index) =>
      words(outer, line, top + height + (index + 1) * LINE_PX - 2, ink, 11, 400));
    return { text: new XMLSerializer().serializeToString(outer), width, height: total };
  }

  function part(parent, name, attributes) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    parent.append(element);
    return element;
  }

  function words(parent, text, y, ink, size, weight) {
    const element = part(parent, "text", {
      x: PAD_PX, y, fill: ink, "font-size": size, "font-weight": weight,
      "font-family": getComputedStyle(document.body).fontFamily,
    });
    element.textContent = text;
  }

  function wrap(text, columns) {
    const lines = [""];
    for (const word of text.match(new RegExp(`\\S{1,${Math.max(columns, 8)}}`, "g")) || []) {
      const longer = lines.at(-1) ? lines.at(-1) + " " + word : word;
      if (longer.length > columns && lines.at(-1)) lines.push(word);
      else lines[lines.length - 1] = longer;
    }
    return lines;
  }

  function savePng(svg, name) {
    const address = URL.createObjectURL(new Blob([svg.text], { type: "image/svg+xml" }));
    const image = new Image();
    image.onload = () => {
      const canvas = document.createElement("canvas");
      canvas.width = svg.width * 2; // sharp on paper and on dense screens
      canvas.height = svg.height * 2;
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      URL.revokeObjectURL(address);
      canvas.toBlob((blob) => saveBlob(blob, name, "png"), "image/png");
    };
    image.src = address;
  }

  function save(text, name, extension) {
    const type = extension === "csv" ? "text/csv;charset=utf-8" : "image/svg+xml";
    // The mark makes spreadsheets read the degree sign as one.
    saveBlob(new Blob(extension === "csv" ? ["\ufeff", text] : [text], { type }), name, extension);
  }

  function saveBlob(blob, name, extension) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `gfo-${name}${addressSuffix()}.${extension}`;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  /* "-arizona-2026-07-14" from the address, so that files of two days differ. */
  function addressSuffix() {
    const query = new URLSearchParams(window.location.search);
    return ["region", "source", "target", "day"]
      .map((name) => (query.get(name) || "").replace(/[^A-Za-z0-9-]/g, ""))
      .filter(Boolean).map((value) => "-" + value).join("");
  }
})();
