/* Trees of pages/still.py: plain elements, without a wrapper of Dash around each. */
(function () {
  "use strict";
  const React = window.React;

  /* As Dash follows its own links: without loading the frame again. */
  function follow(event) {
    if (event.metaKey || event.shiftKey || event.altKey || event.ctrlKey) return;
    event.preventDefault();
    window.history.pushState({}, "", event.currentTarget.href);
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
    window.scrollTo(0, 0);
  }

  function drawn(node) {
    if (!Array.isArray(node)) return node;
    const [tag, { "data-within": within, ...properties }, ...children] = node;
    // A row that stays keeps its element, so that focus and selection stay as well.
    if (properties.id) properties.key = properties.id;
    if (within !== undefined) properties.onClick = follow;
    return React.createElement(tag, properties, ...children.map(drawn));
  }

  const Still = React.memo(({ tree }) => drawn(tree), (old, next) => old.tree === next.tree);
  window.gfo = { Still };
})();
