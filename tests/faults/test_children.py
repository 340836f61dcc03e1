"""Pauses between restarts, and addresses in every form."""

from __future__ import annotations

import pytest

from orchestrator.processes.children import LONGEST_PAUSE_S, restart_pause_s
from orchestrator.processes.listen_address import bind_text, portal_url

pytestmark = pytest.mark.slow


def test_pauses_grow_from_none_to_the_longest() -> None:
    assert [restart_pause_s(n) for n in range(1, 8)] == [0, 1, 3, 7, 15, 30, 30]


def test_a_child_that_fails_for_days_is_still_tried() -> None:
    assert restart_pause_s(100_000) == LONGEST_PAUSE_S


@pytest.mark.parametrize(
    ("host", "bound", "url"),
    [
        ("127.0.0.1", "127.0.0.1:8050", "http://127.0.0.1:8050"),
        ("0.0.0.0", "0.0.0.0:8050", "http://127.0.0.1:8050"),  # noqa: S104
        ("::1", "[::1]:8050", "http://[::1]:8050"),
        ("::", "[::]:8050", "http://[::1]:8050"),
        ("gfo.example", "gfo.example:8050", "http://gfo.example:8050"),
    ],
)
def test_addresses_are_written_as_servers_and_browsers_read_them(
    host: str, bound: str, url: str
) -> None:
    assert bind_text(host, 8050) == bound
    assert portal_url(host, 8050) == url
