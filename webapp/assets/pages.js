/* Controls of a page change its address; the address then fills the page.
   Only the page's own dcc.Location is told, so the frame is not rendered again. */
(function () {
  "use strict";
  const dc = (window.dash_clientside = window.dash_clientside || {});

  function setSearch(locationId, values) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(values)) {
      if (value !== null && value !== undefined && value !== "") {
        query.set(name, value);
      }
    }
    const text = query.toString();
    const search = text ? "?" + text : "";
    // Both, or dcc.Location goes back to an address that it remembers.
    const href = window.location.origin + window.location.pathname + search;
    dc.set_props(locationId, { search, href });
  }

  function triggered(property) {
    return dc.callback_context.triggered.some((item) => item.prop_id === property);
  }

  dc.gfo_pages = {
    set_search: setSearch,

    /* The link whose path begins this one; a decision belongs to Audit. */
    mark_current_link(pathname) {
      const here = (pathname || "/").replace(/^\/decisions\b/, "/audit");
      for (const link of document.querySelectorAll(".gfo-navbar nav a")) {
        const path = new URL(link.href).pathname;
        const isHere = here === path || (path !== "/" && here.startsWith(path + "/"));
        if (isHere) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
    },

    title_forecast(shown) {
      if (shown) document.title = `Forecast: ${shown.title}`;
    },

    /* An issue belongs to its region and day: with another of those it is dropped. */
    follow_forecast_controls(region, day, _liveClicks, issue, shown) {
      if (!shown) return;
      const isLive = triggered("forecast-next-24h.n_clicks");
      const wanted = isLive ? null : day || null;
      const isSameDay = region === shown.region && wanted === shown.day && !isLive;
      if (isSameDay && (!issue || issue === shown.issue)) return;
      setSearch("forecast-url", { region, day: wanted, issued: isSameDay ? issue : null });
    },

    follow_what_if_controls(source, target, day, _liveClicks, data) {
      if (!data) return;
      const wanted = triggered("what-if-next-24h.n_clicks") ? null : day || null;
      const shownTarget = data.target ? data.target.slug : null;
      const unchanged =
        source === data.source.slug &&
        (target || null) === shownTarget &&
        wanted === data.day;
      if (unchanged) return;
      const shift = new URLSearchParams(window.location.search).get("shift");
      setSearch("what-if-url", {
        source,
        // A region cannot shift to itself: let the server choose another target.
        target: target === source ? null : target,
        day: wanted,
        shift,
      });
    },

    /* A region that was just added is opened. */
    open_saved_region(saved) {
      const now = new URLSearchParams(window.location.search);
      if (!saved || !saved.region || now.get("region") === saved.region) return;
      setSearch("regions-url", { region: saved.region });
    },
  };
})();
