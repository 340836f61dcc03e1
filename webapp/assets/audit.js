/* The Audit pages: filters change the address, and what is posted carries an id, so
   that pressing twice does nothing twice. */
(function () {
  "use strict";
  const dc = (window.dash_clientside = window.dash_clientside || {});

  const DECISIONS = {
    location: "audit-url",
    names: [
      "kind", "region", "outcome", "reason", "actor", "model", "from", "to", "words",
      "order", "live",
    ],
    typed: ["from", "to", "words"],
    usualOrder: "newest",
  };
  const EVENTS = {
    location: "audit-events-url",
    names: ["actor", "action", "type", "object", "request", "from", "to", "order"],
    typed: ["from", "to", "object", "request"],
    usualOrder: "newest",
  };

  dc.gfo_audit = {
    show_decision_filters(search) {
      return dc.gfo_filters.shown(DECISIONS, search);
    },

    show_event_filters(search) {
      return dc.gfo_filters.shown(EVENTS, search);
    },

    follow_decision_filters(...values) {
      dc.gfo_filters.follow(DECISIONS, values);
    },

    follow_event_filters(...values) {
      dc.gfo_filters.follow(EVENTS, values);
    },

    compare_with(_clicks, right) {
      const left = window.location.pathname.split("/").pop();
      if (!right) return dc.no_update;
      return "/audit/compare?left=" + left + "&right=" + encodeURIComponent(right);
    },

    ask_instead(clicks, target, shift) {
      if (!clicks) return dc.no_update;
      return { request_id: dc.gfo_new_id(), target, shift_pct: shift };
    },

    record_instead(clicks, reason, judged) {
      if (!clicks || !judged) return dc.no_update;
      // The same verdict and reason are one request, however often they are sent.
      const known = dc.gfo_audit.recording;
      if (!known || known.decision_id !== judged.decision_id || known.reason !== reason) {
        dc.gfo_audit.recording = {
          request_id: dc.gfo_new_id(), decision_id: judged.decision_id, reason,
        };
      }
      return { ...dc.gfo_audit.recording, click: clicks };
    },
  };
})();
