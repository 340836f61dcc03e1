"""Take the README's screenshots of a running portal.

    .venv/bin/python scripts/screenshots.py URL USER PASSWORD FOLDER [NAME=PATH ...]

Every page in light and dark, on a desk (1920x1080) and on a phone (390 px wide), of the
demo fleet on a day whose heat a shift resolves. Needs Chromium and chromedriver, and an
admin who need not change the password. The Plan page's button is pressed, so one plan
is kept; nothing is recorded.
"""

from __future__ import annotations

import shutil
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

SIZES = {"desk": (1920, 1080), "phone": (390, 844)}
THEMES = ("light", "dark")
PATIENCE_S = 60
AT_REST = """
const busy = "[data-dash-is-loading='true'], .gfo-skeleton, ._dash-loading";
const graphs = [...document.querySelectorAll(".dash-graph")]
  .filter((item) => item.checkVisibility());
return !document.querySelector(busy)
  && graphs.every((item) => item.querySelector(".main-svg"));
"""


def default_pages(today: date) -> dict[str, str]:
    """Addresses worth a picture; the demo fleet has three years before today."""
    day = date(today.year if today > date(today.year, 5, 2) else today.year - 1, 5, 1)
    pair = f"source=arizona&target=ireland&day={day}"
    return {
        "fleet": "/",
        "forecast": f"/forecast?region=arizona&day={day}",
        "what-if": f"/what-if?{pair}&shift=30",
        "plan": f"/plan?region=arizona&day={day}",
        "trade-offs": f"/trade-offs?{pair}&shift=40&hour=14",
        "audit": "/audit",
        "regions": "/admin/regions?region=arizona",
        "telemetry": "/admin/telemetry?batch=1",
        "models": "/admin/models",
        "users": "/admin/users",
    }


PRESSED_FIRST = {"plan": ("plan-find", "plan-sentence")}
"""Pages with a button to press once, and what appears then."""


def open_browser() -> webdriver.Chrome:
    """A headless Chromium that asks nobody else for anything."""
    options = webdriver.ChromeOptions()
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
        "--no-first-run", "--disable-background-networking", "--hide-scrollbars",
        "--disable-component-update", "--disable-sync", "--force-device-scale-factor=1",
        "--window-size=1920,1080",
    ):  # fmt: skip
        options.add_argument(argument)
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser:
        options.binary_location = browser
    driver = shutil.which("chromedriver")
    return webdriver.Chrome(
        options=options, service=webdriver.ChromeService(executable_path=driver)
    )


def log_in(browser: webdriver.Chrome, base: str, name: str, password: str) -> None:
    """Log in through the form."""
    browser.get(f"{base}/login")
    browser.find_element(By.NAME, "name").send_keys(name)
    browser.find_element(By.NAME, "password").send_keys(password)
    browser.find_element(By.CSS_SELECTOR, "form button[type=submit]").click()
    WebDriverWait(browser, 20).until(lambda b: "/login" not in b.current_url)


def wait_for_rest(browser: webdriver.Chrome) -> None:
    """Until the page asks for nothing and every chart is drawn, and a little more."""
    WebDriverWait(browser, PATIENCE_S).until(lambda b: b.execute_script(AT_REST))
    time.sleep(1.5)


def press_first(browser: webdriver.Chrome, url: str, button: str, result: str) -> str:
    """Press a page's button and return the address of what it found."""
    browser.get(url)
    wait_for_rest(browser)
    browser.find_element(By.ID, button).click()
    WebDriverWait(browser, PATIENCE_S).until(lambda b: b.find_elements(By.ID, result))
    return str(browser.current_url)


def shoot(
    browser: webdriver.Chrome, url: str, theme: str, size: str, out: Path
) -> None:
    """Open a page as a user would see it and save what is there."""
    width, height = SIZES[size]
    # Headless windows are never narrower than 500 px, so the width is set through the
    # device metrics.
    metrics = {"width": width, "deviceScaleFactor": 1, "mobile": False}
    set_metrics = "Emulation.setDeviceMetricsOverride"
    browser.execute_cdp_cmd(set_metrics, {**metrics, "height": height})
    browser.execute_script(f"localStorage.setItem('gfo-theme', '{theme}')")
    browser.get(url)
    time.sleep(1.0)
    wait_for_rest(browser)
    # A page longer than its screen is shown whole.
    full = browser.execute_script("return document.documentElement.scrollHeight")
    browser.execute_cdp_cmd(set_metrics, {**metrics, "height": max(full, height)})
    time.sleep(1.0)
    browser.save_screenshot(str(out))
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def main() -> None:
    """Shoot every page given, or all of them."""
    base, name, password, folder = sys.argv[1:5]
    given = dict(item.split("=", 1) for item in sys.argv[5:])
    chosen = given or default_pages(datetime.now(UTC).date())
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    browser = open_browser()
    try:
        log_in(browser, base, name, password)
        for page, path in chosen.items():
            url = base + path
            if page in PRESSED_FIRST:
                url = press_first(browser, url, *PRESSED_FIRST[page])
            for theme in THEMES:
                for size in SIZES:
                    target = out / f"{page}-{theme}-{size}.png"
                    shoot(browser, url, theme, size, target)
                    print(target)
    finally:
        browser.quit()


if __name__ == "__main__":
    main()
