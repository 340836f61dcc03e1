/* The Audit pages: filters change the address, and what is posted carries an id, so
   that pressing twice does nothing twice. */
(function () {
  "use strict";
  const dc = (window.dash_clientside = window.dash_clientside || {});

  function follow(locationId, names, values) {
    const now = new URLSearchParams(window.location.search);
    const query = new URLSearchParams();
    let same = true;
    names.forEach((name, place) => {
      let value = values[place];
      if (value === true) value = "1";
      if (value === "any" || value === false || value === null || value === undefined) {
        value = "";
      }
      if (name === "order" && value === "newest") value = "";
      value = String(value).trim();
      if (value !== (now.get(name) || "")) same = false;
      if (value) query.set(name, value);
    });
    if (same) return;
    // Other filters begin at the list's first page again.
    const text = query.toString();
    const search = text ? "?" + text : "";
    const href = window.location.origin + window.location.pathname + search;
    dc.set_props(locationId, { search, href });
  }

  function newId() {
    return window.crypto.randomUUID
      ? window.crypto.randomUUID()
      : "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (c) =>
          (c ^ (window.crypto.getRandomValues(new Uint8Array(1))[0] &
            (15 >> (c / 4)))).toString(16));
  }

  const DECISION_FILTERS = [
    "kind", "region", "outcome", "reason", "actor", "model", "from", "to", "words",
    "order", "live",
  ];
  const TYPED = ["from", "to", "words", "object", "request"];
  const EVENT_FILTERS = [
    "actor", "action", "type", "object", "request", "from", "to", "order",
  ];

  /* What the controls show for an address. Done here and not by the server, whose answer
     to one change would undo the next one that was made meanwhile. */
  function shown(names, search) {
    const query = new URLSearchParams(search || "");
    return names.map((name) => {
      const value = query.get(name) || "";
      if (name === "live") return value === "1";
      if (name === "order") return value || "newest";
      return value || (TYPED.includes(name) ? "" : "any");
    });
  }

  dc.gfo_audit = {
    show_decision_filters(search) {
      return shown(DECISION_FILTERS, search);
    },

    show_event_filters(search) {
      return shown(EVENT_FILTERS, search);
    },

    follow_decision_filters(...values) {
      follow("audit-url", DECISION_FILTERS, values);
    },

    follow_event_filters(...values) {
      follow("audit-events-url", EVENT_FILTERS, values);
    },

    compare_with(_clicks, right) {
      const left = window.location.pathname.split("/").pop();
      if (!right) return dc.no_update;
      return "/audit/compare?left=" + left + "&right=" + encodeURIComponent(right);
    },

    ask_instead(clicks, target, shift) {
      if (!clicks) return dc.no_update;
      return { request_id: newId(), target, shift_pct: shift };
    },

    record_instead(clicks, reason, judged) {
      if (!clicks || !judged) return dc.no_update;
      // The same verdict and reason are one request, however often they are sent.
      const known = dc.gfo_audit.recording;
      if (!known || known.decision_id !== judged.decision_id || known.reason !== reason) {
        dc.gfo_audit.recording = {
          request_id: newId(), decision_id: judged.decision_id, reason,
        };
      }
      return { ...dc.gfo_audit.recording, click: clicks };
    },
  };
})();
