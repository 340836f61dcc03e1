/* The import form of the Telemetry page. */
(function () {
  "use strict";
  const dc = (window.dash_clientside = window.dash_clientside || {});
  const valueOf = (id) => document.getElementById(id).value;

  const MORE = ["stamp", "dates", "decimal", "columns", "units", "rates", "place", "model"];

  function element(tag, text) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function tableOf(caption, [heads, ...rows]) {
    const table = element("table");
    table.className = "gfo-table";
    table.append(element("caption", caption));
    const head = table.createTHead().insertRow();
    for (const text of heads) {
      const cell = element("th", text);
      cell.scope = "col";
      head.append(cell);
    }
    const body = table.createTBody();
    for (const row of rows) {
      const line = body.insertRow();
      for (const text of row) line.append(element("td", text));
    }
    return table;
  }

  /* How the file would be read; nothing of it is stored. */
  function showPreview(preview) {
    const odd = element("ul");
    for (const [sentence] of preview.odd) odd.append(element("li", sentence));
    document.getElementById("telemetry-preview").replaceChildren(
      tableOf("How the file would be read", [["Fact", "Value"], ...preview.facts]),
      tableOf("Columns", preview.columns),
      tableOf("First hours as understood", preview.rows),
      odd);
  }

  const form = dc.gfo_file_form({
    name: "telemetry",
    here: "/admin/telemetry",
    route: "/_telemetry",
    accept: ".csv,.json,.gz,.tsv,.txt,.xlsx,.parquet,.epw",
    lookRoute: "/_telemetry/preview",
    waiting: "Reading the rows…",
    endIsUnknown: true,
    problem: () => "",
    fill(form, file) {
      form.append("file", file);
      form.append("format", valueOf("telemetry-format"));
      const region = valueOf("telemetry-region");
      form.append("region", region === "any" ? "" : region);
      form.append("time_zone", valueOf("telemetry-zone"));
      form.append("carbon_kind", valueOf("telemetry-carbon"));
      for (const name of MORE) form.append(name, valueOf(`telemetry-${name}`));
    },
    looked: (answer) => showPreview(answer.preview),
    done: (answer) =>
      dc.gfo_pages.set_search("telemetry-url", { batch: answer.batch_id, at: Date.now() }),
  });

  const REFUSED = {
    location: "telemetry-url",
    names: ["code", "words", "order"],
    typed: ["words"],
    usualOrder: "first",
    kept: ["batch"],
  };

  dc.gfo_telemetry = {
    show_refused_filters(search) {
      return dc.gfo_filters.shown(REFUSED, search);
    },

    follow_refused_filters(...values) {
      dc.gfo_filters.follow(REFUSED, values);
    },

    prepare() {
      form.prepare();
    },
  };
})();
