/* The command palette, keyboard shortcuts, the phone's menu button, the density switch. */
(function () {
  "use strict";

  const dc = (window.dash_clientside = window.dash_clientside || {});
  const root = document.documentElement;
  const PAGES = { o: "/", f: "/forecast", w: "/what-if", p: "/plan", t: "/trade-offs", a: "/audit",
    l: "/alarms", q: "/quality", h: "/words" };
  const SEQUENCE_MS = 1200;
  const GAP_PX = 16; // below a panel
  let waitsSince = 0; // when "g" was pressed

  const byId = (id) => document.getElementById(id);

  function kept(name) {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  }

  function keep(name, value) {
    try {
      localStorage.setItem(name, value);
    } catch {
      /* Without storage the choice lasts until the page is left. */
    }
  }

  /* The first page leaves as much room for its checklist as that took last. */
  const room = kept("gfo-setup-room");
  if (room) root.style.setProperty("--gfo-setup-room", room);

  function keepRoom() {
    const frame = byId("setup-frame");
    if (!frame) return;
    const shown = [...frame.children].filter((part) => part.offsetHeight);
    const ends = shown.map((part) => part.offsetTop + part.offsetHeight - frame.offsetTop + GAP_PX);
    const px = `${Math.max(0, ...ends)}px`;
    keep("gfo-setup-room", px);
    root.style.setProperty("--gfo-setup-room", px);
  }

  if (kept("gfo-density") === "compact") root.dataset.density = "compact";

  /* What the page shows; one that is not frozen shows its newest issue again. */
  function address() {
    const { pathname, search } = window.location;
    const query = new URLSearchParams(search);
    if (!query.has("frozen")) query.delete("issued");
    const text = query.toString();
    return text ? `${pathname}?${text}` : pathname;
  }

  dc.gfo_palette = {
    ask_for_view(_saves, _removes, name) {
      const removes = dc.gfo_was_pressed("view-remove");
      return { name, removes, address: address(), at: Date.now() };
    },
  };

  function open(id) {
    const dialog = byId(id);
    if (!dialog || dialog.open) return;
    dialog.showModal();
    const words = byId("palette-words");
    if (id === "palette" && words) {
      dc.set_props("view-changed", { data: Date.now() }); // own views, as they are now
      words.focus();
      words.select();
    }
  }

  const links = () => [...document.querySelectorAll("#palette-found a")];

  function move(step) {
    const all = links();
    const at = all.indexOf(document.activeElement);
    const next = at + step;
    if (next < 0) byId("palette-words").focus();
    else all[Math.min(next, all.length - 1)]?.focus();
  }

  function inPalette(event) {
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(-1);
    else if (event.key === "Enter" && event.target.id === "palette-words") links()[0]?.click();
    else if (event.key === "Enter" && event.target.id === "view-name") byId("view-save").click();
    else return;
    event.preventDefault();
  }

  const isTyping = (target) => target.closest("input, textarea, select, [contenteditable]");

  function shortcut(event) {
    if (kept("gfo-shortcuts") === "off") return;
    if (event.key === "?") {
      open("shortcuts");
    } else if (event.key === "g") {
      waitsSince = Date.now();
    } else if (Date.now() - waitsSince < SEQUENCE_MS && event.key in PAGES) {
      waitsSince = 0;
      const pages = [...document.querySelectorAll(".gfo-navbar nav a, .gfo-footer a")];
      pages.find((link) => link.getAttribute("href") === PAGES[event.key])?.click();
    }
  }

  document.addEventListener("keydown", (event) => {
    const isControl = event.ctrlKey || event.metaKey;
    const menu = document.querySelector(".gfo-nav-menu[open]");
    if (event.key === "Escape" && menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    } else if (isControl && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open("palette");
    } else if (byId("palette")?.open) {
      inPalette(event);
    } else if (!isControl && !event.altKey && !isTyping(event.target)) {
      shortcut(event);
    }
  });

  function tellShortcuts() {
    const isOff = kept("gfo-shortcuts") === "off";
    byId("shortcuts-state").textContent = `Single-key shortcuts are ${isOff ? "off" : "on"}.`;
  }

  function setMenu(isOpen) {
    root.toggleAttribute("data-gfo-menu", isOpen);
    byId("nav-toggle")?.setAttribute("aria-expanded", String(isOpen));
  }

  /* A printed page has nobody to unfold it. */
  window.addEventListener("beforeprint", () => {
    for (const item of document.querySelectorAll("main details")) item.open = true;
  });

  /* A menu of the navigation closes when somebody goes on elsewhere. */
  function closeMenus(target) {
    for (const menu of document.querySelectorAll(".gfo-nav-menu[open]")) {
      if (!menu.contains(target) || target.closest("a")) menu.open = false;
    }
  }

  document.addEventListener("click", (event) => {
    const target = event.target;
    closeMenus(target);
    keepRoom();
    if (target.closest(".gfo-print")) window.print();
    if (target.closest("#palette-open")) open("palette");
    if (target.closest(".gfo-save-view")) {
      open("palette");
      byId("view-name").focus();
    }
    if (target.closest("#nav-toggle")) setMenu(!root.hasAttribute("data-gfo-menu"));
    else if (target.closest(".gfo-navbar nav a")) setMenu(false);
    if (target.closest("#palette-found a")) byId("palette").close();
    if (target.tagName === "DIALOG") target.close(); // its backdrop
    if (target.closest("#shortcuts-switch")) {
      keep("gfo-shortcuts", kept("gfo-shortcuts") === "off" ? "on" : "off");
      tellShortcuts();
    }
    if (target.closest(".gfo-density-toggle")) {
      const isCompact = root.dataset.density !== "compact";
      if (isCompact) root.dataset.density = "compact";
      else delete root.dataset.density;
      keep("gfo-density", isCompact ? "compact" : "comfortable");
    }
  });
})();
