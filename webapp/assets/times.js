/* Whose clock: the choice is kept in a cookie, so that the server writes every time in
   it; the browser's own zone goes along. Changing it shows the same page again. */
(function () {
  "use strict";

  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

  function keep(clock) {
    const value = clock === "browser" ? `browser:${zone}` : clock;
    document.cookie =
      `gfo_times=${encodeURIComponent(value)}; path=/; max-age=31536000; samesite=lax`;
  }

  const kept = window.dash_clientside.gfo_cookie("gfo_times");
  // Somebody who travels sees the time of where they are.
  if (kept.startsWith("browser:") && kept !== `browser:${zone}`) keep("browser");

  document.addEventListener("click", (event) => {
    if (event.target.closest(".gfo-retry")) window.location.reload();
  });

  document.addEventListener("change", (event) => {
    if (event.target.id !== "times-choice") return;
    keep(event.target.value);
    window.location.reload();
  });

  /* What refreshes by itself says so when it no longer does: [data-as-of]. Counted from
     when the page got it, so a clock that is wrong here does not matter. */
  const OLD_AFTER_MS = 110000;
  let seen = { value: null, at: 0 };

  window.setInterval(() => {
    const mark = document.querySelector("[data-as-of]");
    const value = mark ? mark.dataset.asOf : null;
    if (value !== seen.value) seen = { value, at: Date.now() };
    const age = value === null ? 0 : Date.now() - seen.at;
    const isOld = age > OLD_AFTER_MS;
    document.documentElement.toggleAttribute("data-gfo-old", isOld);
    // Who looks from afar cannot tell a clock's digits that stand still.
    const isWall = document.documentElement.hasAttribute("data-gfo-wall");
    if (isOld) mark.dataset.age = `, ${Math.round(age / 60000)} min old`;
    else if (mark && isWall) mark.dataset.age = `, ${Math.round(age / 1000)} s old`;
    else if (mark) delete mark.dataset.age;
  }, 5000);
})();
