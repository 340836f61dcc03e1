/* The import form of the Telemetry page. */
(function () {
  "use strict";
  const dc = (window.dash_clientside = window.dash_clientside || {});
  const valueOf = (id) => document.getElementById(id).value;

  const form = dc.gfo_file_form({
    name: "telemetry",
    here: "/admin/telemetry",
    route: "/_telemetry",
    accept: ".csv,.json,.gz",
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
    },
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
