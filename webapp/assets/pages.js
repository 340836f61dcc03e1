/* Controls of a page change its address; the address then fills the page. Only the
   page's own dcc.Location changes, so the frame is not rendered again.

   In `dash_clientside`, a function named gfo_* is shared by these scripts, and an object
   named gfo_* holds the callbacks that `pages/` names. */
(function () {
  "use strict";
  const dc = (window.dash_clientside = window.dash_clientside || {});
  const PLACES = ["after", "at", "before", "page"]; // in an address: where a list's page begins
  const known = {}; // by location: what its filters held when the address was right

  dc.gfo_set_search = function (locationId, values) {
    const given = Object.entries(values).filter(
      ([, value]) => value !== null && value !== undefined && value !== "");
    const text = new URLSearchParams(given).toString();
    const search = text ? "?" + text : "";
    // Both, or dcc.Location goes back to an address that it remembers.
    const href = window.location.origin + window.location.pathname + search;
    dc.set_props(locationId, { search, href });
  };

  dc.gfo_was_pressed = function (buttonId) {
    return dc.callback_context.triggered.some(
      (item) => item.prop_id === `${buttonId}.n_clicks`);
  };

  /* The address names the regions and the issue that are shown, so that a copied link
     shows them again. */
  dc.gfo_name_shown = function (shown) {
    if (!shown) return;
    const url = new URL(window.location.href);
    for (const [name, slug] of Object.entries(shown.named || {})) {
      if (slug && !url.searchParams.has(name)) url.searchParams.set(name, slug);
    }
    if (!shown.day && shown.is_issued) url.searchParams.set("issued", shown.issue);
    window.history.replaceState(window.history.state, "", url);
  };

  /* The issue for a changed address: an older one that is looked at stays. */
  dc.gfo_kept_issue = function (shown, isLivePressed) {
    return shown.is_newest || isLivePressed ? null : shown.issue;
  };

  const nameOf = (control) => control.id.slice(control.id.lastIndexOf("-") + 1);

  /* What a filter holds when it is left open; of a choice, its first option. */
  function openValue(control) {
    const element = document.getElementById(control.id);
    if (element?.type === "checkbox") return false;
    return element?.querySelector("option:not([disabled])")?.value || "";
  }

  /* Hours of the day as addresses write them; null for every hour. */
  const hoursOfDay = (from, until) =>
    (from && from !== "any" ? `${from}-${until || 24}` : null);

  const shiftOf = (...values) => JSON.stringify(values.map((value) => value || null));

  /* The Overview for a screen on a wall: without what only a desk needs, and dark. */
  function showWall() {
    const { pathname, search } = window.location;
    const isWall = pathname === "/" && new URLSearchParams(search).get("wall") === "1";
    document.documentElement.toggleAttribute("data-gfo-wall", isWall);
    if (isWall) document.documentElement.setAttribute("data-bs-theme", "dark");
  }

  showWall();
  document.addEventListener("click", (event) => {
    if (event.target.closest(".gfo-full-screen")) document.documentElement.requestFullscreen();
  });

  dc.gfo_pages = {
    /* The link whose path begins this one; a decision belongs to Audit. */
    mark_current_link(pathname) {
      showWall();
      const here = (pathname || "/").replace(/^\/decisions\b/, "/audit");
      for (const link of document.querySelectorAll(".gfo-navbar nav a")) {
        const path = new URL(link.href).pathname;
        const isHere = here === path || (path !== "/" && here.startsWith(path + "/"));
        if (isHere) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
    },

    /* The address that the filters of a list ask for, from the list's first page on. */
    follow_filters(...values) {
      const { inputs_list: controls, states_list: [location] } = dc.callback_context;
      // What the address has just set is no change by anybody, and must not undo a newer
      // address, such as that of a heading that was clicked meanwhile.
      const held = JSON.stringify(values.slice(0, controls.length));
      if (known[location.id] === held) return;
      known[location.id] = held;
      const now = Object.fromEntries(new URLSearchParams(window.location.search));
      const asked = Object.fromEntries(controls.map((control, place) => {
        const value = values[place] === openValue(control) ? "" : values[place];
        return [nameOf(control), value === true ? "1" : String(value ?? "").trim()];
      }));
      if (Object.entries(asked).every(([name, value]) => value === (now[name] || ""))) return;
      // What is no longer frozen shows the newest issue again.
      const left = now.frozen && !asked.frozen ? [...PLACES, "issued"] : PLACES;
      const kept = Object.entries(now).filter(
        ([name]) => !(name in asked || left.includes(name)));
      dc.gfo_set_search(location.id, { ...Object.fromEntries(kept), ...asked });
    },

    /* What the filters show for an address. Done here and not by the server, whose answer
       to one change would undo the next one that was made meanwhile. */
    show_filters(search) {
      const { outputs_list: outputs, inputs_list: [location] } = dc.callback_context;
      const query = new URLSearchParams(search || "");
      // Of a single filter Dash gives and takes no list.
      const values = [outputs].flat().map((control) => {
        const open = openValue(control);
        const value = query.get(nameOf(control));
        return open === false ? value === "1" : value || open;
      });
      known[location.id] = JSON.stringify(values);
      return Array.isArray(outputs) ? values : values[0];
    },

    /* A span ends today and two dates do not: the newer of both choices counts. */
    one_way_of_time(span, from, to) {
      const { inputs_list: [spans, ...dates], triggered } = dc.callback_context;
      if (!(from || to) || span === "dates") return;
      const isSpanChosen = triggered.every((item) => item.prop_id === `${spans.id}.value`);
      if (!isSpanChosen) dc.set_props(spans.id, { value: "dates" });
      else for (const date of dates) dc.set_props(date.id, { value: "" });
    },

    /* A frozen page is not asked for again; it turns old like any page that stands still. */
    hold_frozen: (search) => new URLSearchParams(search || "").get("frozen") === "1",

    /* What is chosen in the list of decisions, and the box that takes it back. */
    tell_chosen(rows) {
      const ids = (rows || []).map((row) => row.id);
      const words = `${ids.length === 1 ? "Decision" : "Decisions"} ${ids.join(", ")}.`;
      return [ids.length ? words : "", !ids.length];
    },

    compare_decisions(_clicks, right) {
      if (!right) return;
      const left = window.location.pathname.split("/").pop();
      const href = `/audit/compare?left=${left}&right=${encodeURIComponent(right)}`;
      dc.set_props("shell-go", { href });
    },

    show_forecast(shown) {
      if (!shown) return;
      document.title = `Forecast: ${shown.title}`;
      dc.gfo_name_shown(shown);
    },

    /* An issue belongs to its region and day: with another of those it is dropped. */
    follow_forecast_controls(region, day, _liveClicks, issue, shown) {
      if (!shown) return;
      const isLive = dc.gfo_was_pressed("forecast-next-24h");
      const wanted = isLive ? null : day || null;
      const isSameDay = region === shown.region && wanted === shown.day && !isLive;
      if (isSameDay && (!issue || issue === shown.issue)) return;
      const compare = new URLSearchParams(window.location.search).get("compare");
      dc.gfo_set_search(
        "forecast-url", { region, day: wanted, issued: isSameDay ? issue : null, compare });
    },

    follow_what_if_controls(source, target, day, from, until, _liveClicks, data) {
      if (!data) return;
      const isLive = dc.gfo_was_pressed("what-if-next-24h");
      const wanted = isLive ? null : day || null;
      const hours = hoursOfDay(from, until);
      const isSameWindow = wanted === data.day && !(isLive && !data.is_newest);
      const isSameSource = source === data.source.slug;
      const isSameShift = shiftOf(source, target, hours) ===
        shiftOf(data.source.slug, data.target?.slug, data.hours);
      if (isSameShift && isSameWindow) return;
      dc.gfo_set_search("what-if-url", {
        source,
        // A region cannot shift to itself: let the server choose another target.
        target: target === source ? null : target,
        day: wanted,
        shift: new URLSearchParams(window.location.search).get("shift"),
        hours,
        issued: wanted || !isSameSource ? null : dc.gfo_kept_issue(data, isLive),
      });
    },

    follow_plan_controls(region, day, _liveClicks, shown) {
      if (!shown) return;
      const wanted = dc.gfo_was_pressed("plan-next-24h") ? null : day || null;
      if (region === shown.region && wanted === shown.day) return;
      dc.gfo_set_search("plan-url", { region, day: wanted });
    },

    announce_search_for_plan(clicks, replaceClicks) {
      if (!clicks && !replaceClicks) return;
      const children =
        "Solving. The plan is kept when it is found; you may leave this page.";
      dc.set_props("plan-status", { children });
    },

    open_plan(found) {
      if (!found) return;
      dc.set_props("plan-recorded", { children: null });
      const now = new URLSearchParams(window.location.search);
      dc.gfo_set_search("plan-url", {
        region: now.get("region"), day: now.get("day"), plan: found.plan_id,
      });
    },

    /* A region that was just added is opened. */
    open_saved_region(saved) {
      const now = new URLSearchParams(window.location.search);
      if (!saved || !saved.region || now.get("region") === saved.region) return;
      dc.gfo_set_search("regions-url", { region: saved.region });
    },
  };
})();
