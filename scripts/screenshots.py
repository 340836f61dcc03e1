"""Take the pictures of README and docs from a running portal.

    .venv/bin/python scripts/screenshots.py URL USER PASSWORD FOLDER [NAME=PATH ...]

The pages of the demo fleet on a day whose heat a shift resolves, or the given ones:
1720 px wide, cut after 1300 px, in 64 colours to keep the files small. Needs Chromium
and chromedriver, and an admin who need not change the password. A what-if decision and
a plan are stored; nothing is recorded.
"""

from __future__ import annotations

import io
import shutil
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

WIDTH, MAX_HEIGHT = 1720, 1300
N_COLOURS = 64
PATIENCE_S = 60
AT_REST = """
const busy = "[data-dash-is-loading='true'], .gfo-skeleton, ._dash-loading";
const graphs = [...document.querySelectorAll(".dash-graph")]
  .filter((item) => item.checkVisibility());
return !document.querySelector(busy)
  && graphs.every((item) => item.querySelector(".main-svg"));
"""


def default_pages(today: date) -> dict[str, str]:
    """Addresses by name of picture, for a fresh demo fleet.

    It has three years before today and decisions of some days; 23 is one of a person.
    """
    day = date(today.year if today > date(today.year, 5, 2) else today.year - 1, 5, 1)
    pair = f"source=arizona&target=ireland&day={day}"
    return {
        "fleet": "/",
        "forecast": f"/forecast?region=arizona&day={day}",
        "what-if": f"/what-if?{pair}&shift=30",
        "plan": f"/plan?region=arizona&day={day}",
        "trade-offs": f"/trade-offs?{pair}&shift=40&hour=14",
        "decision": "/decisions/23",
    }


DARK = {"what-if"}
"""Pictures in the dark theme; all others are in the light one."""

PRESSED = {
    "plan": ("#plan-find", "#plan-sentence"),
    "what-if": ("#what-if-evaluate", "#what-if-verdict *"),
}
"""Pages with a button to press first, and what appears then."""


def open_browser() -> webdriver.Chrome:
    """A headless Chromium that asks nobody else for anything."""
    options = webdriver.ChromeOptions()
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
        "--no-first-run", "--disable-background-networking", "--hide-scrollbars",
        "--disable-component-update", "--disable-sync", "--force-device-scale-factor=1",
        f"--window-size={WIDTH},800",
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


def press(browser: webdriver.Chrome, button: str, result: str) -> None:
    """Press a page's button and wait for its result."""
    browser.find_element(By.CSS_SELECTOR, button).click()
    WebDriverWait(browser, PATIENCE_S).until(
        lambda b: b.find_elements(By.CSS_SELECTOR, result)
    )
    wait_for_rest(browser)


def shoot(browser: webdriver.Chrome, page: str, url: str, out: Path) -> None:
    """Open a page as a user would see it and save what is there."""
    theme = "dark" if page in DARK else "light"
    browser.execute_script(f"localStorage.setItem('gfo-theme', '{theme}')")
    browser.get(url)
    time.sleep(1.0)
    wait_for_rest(browser)
    if page in PRESSED:
        press(browser, *PRESSED[page])
    # The device metrics reach heights that a headless window does not.
    full = browser.execute_script("return document.body.scrollHeight")
    metrics = {"width": WIDTH, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {**metrics, "height": min(full, MAX_HEIGHT)},
    )
    time.sleep(1.0)
    picture = Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")
    palette = picture.quantize(N_COLOURS, kmeans=2, dither=Image.Dither.NONE)
    palette.save(out, optimize=True)
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def main() -> None:
    """Shoot every page given, or all of them."""
    base, name, password, folder = sys.argv[1:5]
    given = dict(item.split("=", 1) for item in sys.argv[5:])
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    browser = open_browser()
    try:
        log_in(browser, base, name, password)
        for page, path in (given or default_pages(datetime.now(UTC).date())).items():
            target = out / f"{page}.png"
            shoot(browser, page, base + path, target)
            print(f"{target}: {target.stat().st_size} bytes")
    finally:
        browser.quit()


if __name__ == "__main__":
    main()
