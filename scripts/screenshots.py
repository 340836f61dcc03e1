"""Take the README's screenshots of a running portal.

    .venv/bin/python scripts/screenshots.py URL USER PASSWORD FOLDER [NAME=PATH ...]

Every page in light and dark, on a desk (1920x1080) and on a phone (390 px wide).
Needs Chromium and chromedriver, and a user who need not change the password.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

SIZES = {"desk": (1920, 1080), "phone": (390, 844)}
THEMES = ("light", "dark")
PAGES = {
    "fleet": "/",
    "forecast": "/forecast",
    "what-if": "/what-if",
    "audit": "/audit",
}


def open_browser() -> webdriver.Chrome:
    """A headless Chromium that asks nobody else for anything."""
    options = webdriver.ChromeOptions()
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
        "--no-first-run", "--disable-background-networking", "--hide-scrollbars",
        "--disable-component-update", "--disable-sync", "--force-device-scale-factor=1",
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


def shoot(
    browser: webdriver.Chrome, url: str, theme: str, size: str, out: Path
) -> None:
    """Open a page as a user would see it and save what is there."""
    width, height = SIZES[size]
    browser.set_window_size(width, height)
    browser.get(url)
    browser.execute_script(f"localStorage.setItem('gfo-theme', '{theme}')")
    browser.get(url)
    time.sleep(4)
    # A phone's page is longer than its screen; show all of it. Headless windows are
    # never narrower than 500 px, so the width is set through the device metrics.
    full = browser.execute_script("return document.documentElement.scrollHeight")
    tall = height if size == "desk" and full <= height else max(full, height)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": tall, "deviceScaleFactor": 1, "mobile": False},
    )
    time.sleep(1.5)
    browser.save_screenshot(str(out))
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def main() -> None:
    """Shoot every page given, or all of them."""
    base, name, password, folder = sys.argv[1:5]
    chosen = dict(item.split("=", 1) for item in sys.argv[5:]) or PAGES
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    browser = open_browser()
    try:
        log_in(browser, base, name, password)
        for page, path in chosen.items():
            for theme in THEMES:
                for size in SIZES:
                    target = out / f"{page}-{theme}-{size}.png"
                    shoot(browser, base + path, theme, size, target)
                    print(target)
    finally:
        browser.quit()


if __name__ == "__main__":
    main()
