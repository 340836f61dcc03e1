/* Dash's date picker says whether its calendar is open on a plain div, where no
   assistive technology expects it. It belongs on the text field: a combobox that opens
   a dialogue. */
(function () {
  "use strict";
  const WRAPPER = ".dash-datepicker-input-wrapper";
  const MOVED = ["aria-expanded", "aria-haspopup", "aria-controls", "aria-disabled"];

  function mend(wrapper) {
    const field = wrapper.querySelector("input");
    if (!field) return;
    field.setAttribute("role", "combobox");
    for (const name of MOVED) {
      if (!wrapper.hasAttribute(name)) continue;
      field.setAttribute(name, wrapper.getAttribute(name));
      wrapper.removeAttribute(name);
    }
    wrapper.removeAttribute("aria-labelledby");
  }

  new MutationObserver((changes) => {
    for (const change of changes) {
      if (change.type === "attributes") {
        if (change.target.matches(WRAPPER)) mend(change.target);
        continue;
      }
      for (const node of change.addedNodes) {
        if (node.nodeType !== Node.ELEMENT_NODE) continue;
        if (node.matches(WRAPPER)) mend(node);
        else node.querySelectorAll(WRAPPER).forEach(mend);
      }
    }
  }).observe(document, { subtree: true, childList: true, attributeFilter: MOVED });
})();
