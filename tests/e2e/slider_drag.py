"""A real mouse on a slider's handle, held over several looks at the page.

Selenium's own drags end with each `perform`: a native slider does not follow them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from selenium.webdriver.chrome.webdriver import WebDriver

HANDLE_PX = 20.0
_MIDDLE = """
const slider = document.querySelector(arguments[0]);
slider.scrollIntoView({block: "center"});
const box = slider.getBoundingClientRect();
return [box.left, box.width, box.top + box.height / 2];
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSlider:
    """A handle under the pressed mouse."""

    driver: WebDriver
    left_px: float
    width_px: float
    y_px: float

    def move_to(self, pct: float) -> None:
        """Move the mouse to where the handle of `pct` would be, in a few steps."""
        self._send("mouseMoved", pct - 1.0 if pct >= 1.0 else pct + 1.0)
        self._send("mouseMoved", pct)

    def press(self, pct: float) -> None:
        """Press the button where the handle is."""
        self._send("mouseMoved", pct, is_down=False)
        self._send("mousePressed", pct)

    def release(self, pct: float) -> None:
        """Let go."""
        self._send("mouseReleased", pct)

    def _send(self, kind: str, pct: float, *, is_down: bool = True) -> None:
        travel_px = self.width_px - HANDLE_PX
        self.driver.execute_cdp_cmd(
            "Input.dispatchMouseEvent",
            {
                "type": kind,
                "x": self.left_px + HANDLE_PX / 2 + pct / 100.0 * travel_px,
                "y": self.y_px,
                "button": "left" if is_down else "none",
                "buttons": 1 if is_down and kind != "mouseReleased" else 0,
                "clickCount": 0 if kind == "mouseMoved" else 1,
            },
        )


@contextmanager
def held_slider(
    driver: WebDriver, selector: str, *, from_pct: float, until_pct: float
) -> Iterator[HeldSlider]:
    """Hold the handle at `from_pct`; let it go at `until_pct` when the block ends."""
    left_px, width_px, y_px = driver.execute_script(_MIDDLE, selector)
    slider = HeldSlider(driver=driver, left_px=left_px, width_px=width_px, y_px=y_px)
    slider.press(from_pct)
    yield slider
    slider.release(until_pct)
