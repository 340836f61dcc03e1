/* Alarms in the browser: keys of the list, and a tone or a notification for a new one by
   each person's own choice. Nothing leaves the browser. */
(function () {
  "use strict";
  const dc = (window.dash_clientside = window.dash_clientside || {});
  const CHOICES = { "alarms-sound": "gfo-alarm-sound", "alarms-notify": "gfo-alarm-notify" };
  const SEEN = "gfo-alarm-seen";
  const TONES_HZ = { high: [880, 660, 880], medium: [660, 550], low: [550] };
  let place = 0; // of the row that was focused last: its alarm may move or go

  function stored(name) {
    try {
      return window.localStorage.getItem(name);
    } catch {
      return null;
    }
  }

  function store(name, value) {
    try {
      window.localStorage.setItem(name, value);
    } catch {
      /* Without storage the choice is off. */
    }
  }

  const rows = () => [...document.querySelectorAll("#alarms-table tr[data-alarm]")];

  function isWriting(element) {
    return Boolean(element?.closest("input, textarea, select, [contenteditable]"));
  }

  /* The row that a key leads to from the one that has the focus. */
  dc.gfo_next_row = function (key, from, count) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[key];
    if (!step || !count) return null;
    if (from < 0) return Math.min(place, count - 1);
    return Math.min(Math.max(from + step, 0), count - 1);
  };

  function focusRow(event, found, from) {
    const next = dc.gfo_next_row(event.key, from, found.length);
    if (next === null) return;
    event.preventDefault();
    found[next].focus();
  }

  document.addEventListener("focusin", (event) => {
    const row = event.target.closest?.("#alarms-table tr[data-alarm]");
    if (!row) return;
    place = rows().indexOf(row);
    dc.set_props("alarms-focused", { data: row.dataset.alarm });
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
    const found = rows();
    if (!found.length) return;
    const from = found.indexOf(document.activeElement?.closest("tr[data-alarm]"));
    if (event.key === "a" && from >= 0) {
      document.getElementById("alarms-acknowledge")?.click();
    } else if (event.key === "Enter" && document.activeElement === found[from]) {
      found[from].querySelector("a")?.click();
    } else {
      focusRow(event, found, from);
    }
  });

  dc.gfo_alarms = {
    /* The bar and the page ask now instead of within a minute. */
    ask_again(done) {
      if (done) dc.set_props("alarm-bar-refresh", { n_intervals: Date.now() });
    },
  };

  function play(priority) {
    const context = new window.AudioContext();
    (TONES_HZ[priority] || TONES_HZ.low).forEach((hertz, n) => {
      const tone = context.createOscillator();
      const volume = context.createGain();
      tone.frequency.value = hertz;
      volume.gain.value = 0.15;
      tone.connect(volume).connect(context.destination);
      tone.start(context.currentTime + n * 0.22);
      tone.stop(context.currentTime + n * 0.22 + 0.18);
    });
  }

  function announce(line) {
    if (stored(CHOICES["alarms-sound"]) === "on") play(line.dataset.priority);
    if (stored(CHOICES["alarms-notify"]) === "on" && window.Notification?.permission === "granted") {
      const words = line.querySelector(".gfo-alarm-newest")?.textContent || "Alarm";
      const told = new window.Notification("Alarm", { body: words, tag: line.dataset.newest });
      told.onclick = () => window.focus();
    }
  }

  /* Whether the bar names an alarm that this browser has not told of yet. */
  dc.gfo_is_new_alarm = function (newest) {
    if (!newest || newest === stored(SEEN)) return false;
    store(SEEN, newest);
    return true;
  };

  function showChoices() {
    for (const [id, name] of Object.entries(CHOICES)) {
      const button = document.getElementById(id);
      const pressed = String(stored(name) === "on");
      if (button && button.getAttribute("aria-pressed") !== pressed) {
        button.setAttribute("aria-pressed", pressed);
      }
    }
  }

  document.addEventListener("click", async (event) => {
    const name = CHOICES[event.target.id];
    if (!name) return;
    const isOn = stored(name) !== "on";
    if (isOn && event.target.id === "alarms-notify") {
      const answer = await window.Notification?.requestPermission();
      if (answer !== "granted") return;
    }
    store(name, isOn ? "on" : "off");
    if (isOn && event.target.id === "alarms-sound") play("low");
    showChoices();
  });

  new MutationObserver(() => {
    showChoices();
    const line = document.getElementById("alarm-bar-line");
    if (line && dc.gfo_is_new_alarm(line.dataset.newest)) announce(line);
  }).observe(document.body || document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-newest"] });
})();
