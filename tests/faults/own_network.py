"""A network of its own for a server, whose cable can be pulled: packets are lost."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_NUMBERS = 250
"""Of networks side by side on one machine."""


@dataclass(frozen=True, slots=True)
class OwnNetwork:
    """A namespace, joined to this one by a pair of virtual cards."""

    name: str
    number: int

    @property
    def address(self) -> str:
        """Of what listens in it."""
        return f"10.213.{self.number}.2"

    def inside(self, command: list[str]) -> list[str]:
        """The command line that runs a command in it; the process stays the same."""
        return ["ip", "netns", "exec", self.name, *command]

    def set_up(self, *, is_up: bool) -> None:
        """Pull the cable, or put it back. Nobody on either side hears of it."""
        _ip("-n", self.name, "link", "set", "inner", "up" if is_up else "down")


@contextmanager
def own_network() -> Iterator[OwnNetwork | None]:
    """A network that goes when the block ends; None where none can be made."""
    number = os.getpid() % _NUMBERS
    network, outer = OwnNetwork(f"gfo-{number}", number), f"gfo-{number}"
    place = f"10.213.{number}"
    try:
        _ip("netns", "add", network.name)
    except (OSError, subprocess.CalledProcessError):  # no rights, or no `ip`
        yield None
        return
    try:
        card = ("link", "add", outer, "type", "veth", "peer", "name", "inner")
        _ip(*card, "netns", network.name)
        _ip("address", "add", f"{place}.1/30", "dev", outer)
        _ip("link", "set", outer, "up")
        _ip("-n", network.name, "address", "add", f"{place}.2/30", "dev", "inner")
        for card_inside in ("lo", "inner"):
            _ip("-n", network.name, "link", "set", card_inside, "up")
        yield network
    finally:
        _ip("netns", "delete", network.name)  # and its cards, once nobody is in it


def _ip(*arguments: str) -> None:
    program = shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        message = "There is no `ip` here."
        raise OSError(message)
    subprocess.run([program, *arguments], check=True, capture_output=True)
