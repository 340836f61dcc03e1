/* The Plan page: asks for a plan once for each press, then shows it by its address. */
(function () {
  "use strict";
  const dc = (window.dash_clientside = window.dash_clientside || {});
  const TERMS = ["carbon_usd_per_t", "water_usd_per_m3", "energy_price_weight",
    "migration_usd_per_mwh", "carbon_cap_t", "water_cap_m3", "cost_cap_usd", "ramp_mw_per_h"];

  /* One request for each plan on the page: pressing twice records once. */
  let recording = { plan: null, id: null };

  document.addEventListener("click", (event) => {
    if (!event.target.closest("#plan-record")) return;
    const plan = Number(new URLSearchParams(window.location.search).get("plan"));
    if (recording.plan !== plan) recording = { plan, id: dc.gfo_new_id() };
    dc.set_props("plan-record-request", {
      data: { plan_id: plan, request_id: recording.id, at: Date.now() },
    });
  });

  dc.gfo_plan = {
    follow_controls(region, day, _clicks, shown) {
      if (!shown) return;
      const isLive = dc.callback_context.triggered.some(
        (item) => item.prop_id === "plan-next-24h.n_clicks");
      const wanted = isLive ? null : day || null;
      if (region === shown.region && wanted === shown.day) return;
      dc.gfo_pages.set_search("plan-url", { region, day: wanted });
    },

    request_plan(clicks, shown, ...values) {
      if (!clicks || !shown) return;
      if (document.documentElement.hasAttribute("data-gfo-offline")) return;
      const terms = Object.fromEntries(TERMS.map((name, index) => [name, values[index]]));
      dc.set_props("plan-status", {
        children: "Solving. The plan is kept when it is found; you may leave this page.",
      });
      dc.set_props("plan-request", { data: { ...shown, terms, request_id: dc.gfo_new_id() } });
    },

    open_plan(found) {
      if (!found) return;
      dc.set_props("plan-recorded", { children: null });
      const now = new URLSearchParams(window.location.search);
      dc.gfo_pages.set_search("plan-url", {
        region: now.get("region"), day: now.get("day"), plan: found.plan_id,
      });
    },
  };
})();
