/* Grids: loaded where a page has one; headings that link to the list in another order,
   cells of text, links and marks; what the keyboard does. */
(function () {
  "use strict";
  const dc = (window.dash_clientside = window.dash_clientside || {});
  const React = window.React;

  /* The package's script is large, and most pages have no grid: it comes with the first
     one that is drawn. Dash finds this stand-in in its place. */
  const source = document.querySelector("meta[name=gfo-grid-script]");
  let AgGrid = null;

  function load() {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = source.content;
      script.onload = () => {
        const real = window.dash_ag_grid;
        // The stand-in stays, or what it has drawn would be drawn anew.
        window.dash_ag_grid = { ...real, AgGrid };
        resolve({ default: real.AgGrid });
      };
      script.onerror = () => reject(new Error("The table's script did not load."));
      document.head.append(script);
    });
  }

  if (source && !window.dash_ag_grid) {
    const Real = React.lazy(load);
    AgGrid = (props) =>
      React.createElement(React.Suspense, { fallback: null },
        React.createElement(Real, props));
    AgGrid.dashRenderType = true;
    window.dash_ag_grid = { AgGrid };
  }

  function piece(part, key) {
    if (typeof part === "string") return part;
    const { text, href, shape, css, title, time } = part;
    const inner = shape
      ? [React.createElement("span", { key: "s", "aria-hidden": true, className: css === "gfo-risk" ? "gfo-steps" : "gfo-shape" }, shape), text]
      : text;
    if (href) {
      // Reached by the cell: Enter there follows it, and Tab leaves the grid.
      return React.createElement("a", { key, href, title, tabIndex: -1, className: "gfo-follow" }, inner);
    }
    if (time) return React.createElement("time", { key, dateTime: time, title: time }, inner);
    return React.createElement("span", { key, className: css, title }, inner);
  }

  const functions = (window.dashAgGridFunctions = window.dashAgGridFunctions || {});
  const components = (window.dashAgGridComponentFunctions =
    window.dashAgGridComponentFunctions || {});

  components.GfoCell = function ({ value }) {
    if (!Array.isArray(value)) {
      return React.createElement("span", { className: "gfo-oneline", title: value }, value);
    }
    return React.createElement("div", { className: "gfo-cell" }, value.map(piece));
  };

  components.GfoHeading = function ({ displayName, href, direction, eGridHeader }) {
    React.useEffect(() => {
      if (href) eGridHeader.setAttribute("aria-sort", direction);
      else eGridHeader.removeAttribute("aria-sort");
    }); // every time: the grid takes it off, for it does not sort by itself
    if (!href) return React.createElement("span", null, displayName);
    const arrow = { ascending: "▲", descending: "▼" }[direction] || "↕";
    return React.createElement(
      "a",
      { href, tabIndex: -1, className: "gfo-follow gfo-sort", title: "Sort all rows by this" },
      displayName,
      React.createElement("span", { "aria-hidden": true, className: "gfo-arrow" }, arrow));
  };

  functions.gfoLeaveGrid = () => false;

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.defaultPrevented) return;
    if (!event.target.matches(".gfo-grid .ag-cell, .gfo-grid .ag-header-cell")) return;
    const link = event.target.querySelector("a[href]");
    if (link) link.click();
  });

  /* A link to another view of the list on this page tells the page's own location only,
     so that the grid and the focus stay where they are. */
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.gfo-follow");
    const isPlain = !(event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (!link || !isPlain || event.defaultPrevented) return;
    event.preventDefault();
    const list = link.closest("[data-location]");
    const { pathname, search, href } = new URL(link.href);
    if (list && pathname === window.location.pathname) {
      dc.set_props(list.dataset.location, { search, href });
      if (link.closest(".gfo-pager")) list.scrollIntoView({ block: "start" });
      return;
    }
    dc.set_props("shell-go", { href });
    window.scrollTo(0, 0);
  });
})();
