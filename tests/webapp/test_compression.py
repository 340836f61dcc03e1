"""Static files travel compressed; what may hold a token does not."""

from __future__ import annotations

import zlib

import pytest

from tests.webapp.conftest import Portal, callback_body

ASKS_FOR_LESS = {"Accept-Encoding": "gzip, deflate"}


@pytest.mark.parametrize(
    "path", ["/portal/gfo.css", "/portal/bootstrap.css", "/assets/portal.js"]
)
def test_a_static_file_is_smaller_on_its_way_and_the_same_after(
    portal: Portal, path: str
) -> None:
    person = portal.logged_in("operator")
    plain = person.client.get(path)
    packed = person.client.get(path, headers=ASKS_FOR_LESS)
    assert packed.headers["Content-Encoding"] == "deflate"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert zlib.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 2
    assert "Content-Encoding" not in plain.headers


def test_a_compressed_file_that_did_not_change_is_not_sent_again(
    portal: Portal,
) -> None:
    person = portal.logged_in("operator")
    first = person.client.get("/portal/gfo.css", headers=ASKS_FOR_LESS)
    again = person.client.get(
        "/portal/gfo.css",
        headers={**ASKS_FOR_LESS, "If-None-Match": first.headers["ETag"]},
    )
    assert (again.status_code, again.data) == (304, b"")


def test_pages_and_answers_are_not_compressed(portal: Portal) -> None:
    person = portal.logged_in("operator")
    for answer in (
        person.client.get("/account", headers=ASKS_FOR_LESS),
        person.client.get("/_dash-layout", headers=ASKS_FOR_LESS),
        person.post_callback(callback_body(portal.app, "home-text.children")),
    ):
        assert answer.status_code == 200
        assert "Content-Encoding" not in answer.headers
