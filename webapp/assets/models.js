/* The upload form of the Models page. */
(function () {
  "use strict";
  const dc = (window.dash_clientside = window.dash_clientside || {});
  const password = () => document.getElementById("models-password");

  const form = dc.gfo_file_form({
    name: "models",
    here: "/admin/models",
    route: "/_models",
    accept: ".onnx",
    waiting: "Putting it into quarantine…",
    problem: () => (password().value ? "" : "Type your password as well."),
    fill(form, file) {
      form.append("password", password().value);
      form.append("file", file);
      dc.set_props("models-password", { value: "" });
    },
    done: () => dc.set_props("models-changed", { data: Date.now() }),
  });

  dc.gfo_models = {
    prepare() {
      form.prepare();
    },
  };
})();
