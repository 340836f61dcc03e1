/* What every page of the portal does in the browser, without a framework. */
(function () {
  "use strict";
  const dc = (window.dash_clientside = window.dash_clientside || {});
  const root = document.documentElement;
  const CHECK_EVERY_MS = 4000;
  const GIVE_UP_MS = 4000;

  /* The value of a cookie, or "". */
  dc.gfo_cookie = function (name) {
    const found = document.cookie.match(new RegExp(`(?:^|; )${name}=([^;]*)`));
    return found ? decodeURIComponent(found[1]) : "";
  };

  dc.gfo_is_off = function () {
    return root.hasAttribute("data-gfo-offline") || root.hasAttribute("data-gfo-old");
  };

  /* The login ended: log in, and be here again. */
  function loginHref() {
    const here = location.pathname + location.search;
    return "/login?ended=1&next=" + encodeURIComponent(here);
  }

  dc.gfo_ask_for_login = function () {
    location.assign(loginHref());
  };

  /* A page that only refreshes itself stays: it says that it stands still and since when.
     Nobody did anything here, and a screen on a wall shows no login page. */
  let isEnded = false;

  function freeze() {
    if (isEnded) return;
    isEnded = true;
    const at = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    show(false, `Your login ended. This page has stood still since ${at}. `);
    const link = document.createElement("a");
    link.href = loginHref();
    link.textContent = "Log in to go on";
    document.getElementById("gfo-connection").append(link);
  }

  function isPolling(options) {
    try {
      const changed = JSON.parse(options.body).changedPropIds;
      return changed.length > 0 && changed.every((id) => id.endsWith(".n_intervals"));
    } catch {
      return false;
    }
  }

  /* Theme: any element of class gfo-theme-toggle switches it and it is remembered. */
  function toggleTheme() {
    const theme = root.getAttribute("data-bs-theme") === "dark" ? "light" : "dark";
    root.setAttribute("data-bs-theme", theme);
    try {
      localStorage.setItem("gfo-theme", theme);
    } catch {
      /* Without storage the choice lasts until the page is left. */
    }
    document.dispatchEvent(new CustomEvent("gfo-theme", { detail: theme }));
  }

  /* Decisions wait while the portal cannot be reached, or the page is no longer
     refreshed: elements of class gfo-decides. */
  document.addEventListener("click", (event) => {
    if (event.target.closest(".gfo-theme-toggle")) toggleTheme();
    if (dc.gfo_is_off() && event.target.closest(".gfo-decides")) {
      event.preventDefault();
      event.stopPropagation();
    }
  }, true);

  /* Plain forms inside Dash pages, such as the one that logs out, get their token. */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.elements.csrf_token) return;
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = "csrf_token";
    field.value = dc.gfo_cookie("_csrf_token");
    form.append(field);
  });

  /* A callback that answers 401 means that the login ended: ask for it again, here.
     One that an outage swallowed leaves the page behind its controls: it is asked
     again, by its address, once the portal can be reached. */
  const plainFetch = window.fetch;
  let missedAnswer = false;

  function missed() {
    missedAnswer = true;
    show(false);
  }

  window.fetch = async function (...args) {
    const url = String(args[0] instanceof Request ? args[0].url : args[0]);
    const isCallback = url.includes("/_dash-update-component");
    let response;
    try {
      response = await plainFetch.apply(this, args);
    } catch (error) {
      if (isCallback && error.name !== "AbortError") missed();
      throw error;
    }
    if (response.status === 401 && response.url.includes("/_dash-")) {
      if (isCallback && isPolling(args[1])) freeze();
      else dc.gfo_ask_for_login();
    }
    if (isCallback && response.status === 503) missed();
    return response;
  };

  /* Connection: the portal and its database are asked every few seconds. */
  const UNREACHABLE =
    "The portal cannot be reached. What you see may be old; decisions are off" +
    " until the connection is back.";
  const REASONS = {
    models:
      "The stored model is not the one that was activated. Decisions are off until" +
      " an admin activates a sound one.",
    audit_chain:
      "The history takes no new entries. Decisions are off until it does again.",
    data_folder:
      "The portal's disk is full. Decisions are off until there is space again.",
  };

  /* Why the portal, though it answers, is not ready. */
  async function reasonOf(response) {
    try {
      const facts = await response.json();
      if (facts.models === "damaged") return REASONS.models;
      if (facts.audit_chain === "not writable") return REASONS.audit_chain;
      if (facts.data_folder === "full") return REASONS.data_folder;
    } catch {
      /* Not our answer: something in front of the portal gave it. */
    }
    return UNREACHABLE;
  }

  function show(isReachable, reason = UNREACHABLE) {
    let banner = document.getElementById("gfo-connection");
    if (!banner) {
      banner = document.createElement("div");
      banner.id = "gfo-connection";
      banner.className = "gfo-connection";
      banner.setAttribute("role", "alert");
      document.body.prepend(banner);
    }
    if (root.hasAttribute("data-gfo-offline") === !isReachable) {
      if (!isReachable && banner.textContent !== reason) banner.textContent = reason;
      return;
    }
    root.toggleAttribute("data-gfo-offline", !isReachable);
    if (isReachable && missedAnswer) {
      location.reload();
      return;
    }
    banner.textContent = isReachable ? "" : reason;
  }

  async function check() {
    if (isEnded) return;
    try {
      const response = await plainFetch("/readyz", {
        cache: "no-store",
        signal: AbortSignal.timeout(GIVE_UP_MS),
      });
      if (response.ok) show(true);
      else show(false, await reasonOf(response));
    } catch {
      show(false);
    }
    setTimeout(check, CHECK_EVERY_MS);
  }

  setTimeout(check, CHECK_EVERY_MS);
})();
