/* Filters of a list and its address: controls change it, it sets the controls. */
(function () {
  "use strict";
  const dc = (window.dash_clientside = window.dash_clientside || {});
  const known = {}; // by location: what its controls held when the address was right

  dc.gfo_filters = {
    /* The address that these controls ask for. A list: { location, names, typed (those
       that are text), usualOrder, kept (what else stays in the address) }. */
    follow(list, values) {
      // What the address has just set is no change by anybody, and must not undo a newer
      // address, such as that of a heading that was clicked meanwhile.
      const held = JSON.stringify(values);
      if (known[list.location] === held) return;
      known[list.location] = held;
      const now = new URLSearchParams(window.location.search);
      const query = new URLSearchParams();
      for (const name of list.kept || []) {
        if (now.get(name)) query.set(name, now.get(name));
      }
      let same = true;
      list.names.forEach((name, place) => {
        let value = values[place];
        if (value === true) value = "1";
        if (value === "any" || value === false || value === null || value === undefined) {
          value = "";
        }
        if (name === "order" && value === list.usualOrder) value = "";
        value = String(value).trim();
        if (value !== (now.get(name) || "")) same = false;
        if (value) query.set(name, value);
      });
      if (same) return;
      // Other filters begin at the list's first page again.
      const text = query.toString();
      const search = text ? "?" + text : "";
      const href = window.location.origin + window.location.pathname + search;
      dc.set_props(list.location, { search, href });
    },

    /* What the controls show for an address. Done here and not by the server, whose answer
       to one change would undo the next one that was made meanwhile. */
    shown(list, search) {
      const query = new URLSearchParams(search || "");
      const values = list.names.map((name) => {
        const value = query.get(name) || "";
        if (name === "live") return value === "1";
        if (name === "order") return value || list.usualOrder;
        return value || (list.typed.includes(name) ? "" : "any");
      });
      known[list.location] = JSON.stringify(values);
      return values;
    },
  };
})();
