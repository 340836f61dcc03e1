"""The browser of dash[testing], listening to the network as well."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dash.testing.browser import Browser
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

_CALLBACK_PATH = "/_dash-update-component"
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No name is ever looked up, whatever a page asks for.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--window-size=1400,1000",
    # Smooth scrolling would move a control away from under the mouse.
    "--force-prefers-reduced-motion",
)

_FOCUS_MARK = """
const style = getComputedStyle(document.activeElement);
const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
return outlined || style.boxShadow !== "none";
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that the page sent."""

    method: str
    url: str
    body: str | None

    @property
    def callback_output(self) -> str | None:
        """Which callback of Dash was called; None for any other request."""
        if self.method != "POST" or _CALLBACK_PATH not in self.url or not self.body:
            return None
        output = json.loads(self.body)["output"]
        return str(output)


class PortalBrowser(Browser):
    """Chromium with the waits and logs of dash[testing] and a record of requests."""

    def __init__(self, profile: Path) -> None:
        options = Options()
        for flag in (*_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        super().__init__(
            browser="Chrome", options=[options], percy_run=False, wait_timeout=15
        )
        # Absence is asked for as often as presence; waits are made where they belong.
        self.driver.implicitly_wait(0)

    def _get_chrome(self) -> webdriver.Chrome:
        options = self._get_wd_options()
        options.binary_location = _found(
            "chromium", "chromium-browser", "google-chrome"
        )
        options.set_capability(
            "goog:loggingPrefs", {"browser": "SEVERE", "performance": "ALL"}
        )
        options.add_experimental_option("perfLoggingPrefs", {"enablePage": False})
        service = Service(executable_path=_found("chromedriver"))
        return webdriver.Chrome(options=options, service=service)

    def requests(self) -> list[Request]:
        """What was requested since the last call, pictures within the page left out."""
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(_request(message["params"]["request"]))
        return [item for item in found if not item.url.startswith(("data:", "blob:"))]

    def console_errors(self) -> list[str]:
        """Errors in the console since the last call, content policy included."""
        return [entry["message"] for entry in self.get_logs()]

    def set_width(self, width_px: int) -> None:
        """Emulate a screen of this width."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {
                "width": width_px,
                "height": 800,
                "deviceScaleFactor": 1,
                "mobile": False,
            },
        )

    def focus_is_marked(self) -> bool:
        """Whether the focused element has an outline or a ring."""
        return bool(self.driver.execute_script(_FOCUS_MARK))

    def forget_everything(self, origin: str) -> None:
        """Leave the page; drop cookies, storage, logs and emulated screens."""
        self.driver.get("about:blank")
        cdp = self.driver.execute_cdp_cmd
        cdp("Emulation.clearDeviceMetricsOverride", {})
        cdp("Network.clearBrowserCookies", {})
        cdp(
            "Storage.clearDataForOrigin",
            {"origin": origin, "storageTypes": "local_storage,session_storage"},
        )
        self.requests()
        self.get_logs()


def _request(sent: dict[str, Any]) -> Request:
    return Request(method=sent["method"], url=sent["url"], body=sent.get("postData"))


def _found(*names: str) -> str:
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return path
    return pytest.fail(f"{names[0]} is not installed; the browser tests need it.")
