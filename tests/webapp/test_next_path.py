"""After the login only a page of ours is opened."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from tests.webapp.conftest import Portal

ELSEWHERE = [
    "//e.com",
    "///e.com",
    "/\\e.com",
    "\\\\e.com",
    "\t//e.com",
    "/\t/e.com",
    "/\n/e.com",
    " //e.com",
    "https:e.com",
    "https://e.com",
    "HTTPS://e.com/",
    "http:///e.com",
    "javascript:alert(1)",
    "data:text/html,x",
    "e.com",
    "@e.com",
    "/%09//e.com\r\nSet-Cookie: a=b",
    "/decide\\..\\//e.com",
    "/decide?x=1\r\nSet-Cookie: a=b",
    "/decide?\tx",
    "/decide?\u2028",
    "/no/such/page",
    "/login",
    "/logout",
    "/_dash-layout",
    "/healthz",
    "/portal/gfo.css",
    "/" + "a" * 3_000,
    "",
]
OURS = ["/", "/decide", "/decide?region=texas&day=2026-03-02", "/account", "/events#x"]


def test_anything_but_a_page_of_ours_leads_home(portal: Portal) -> None:
    logged_in = portal.logged_in("operator")
    for wanted in ELSEWHERE:
        posted = portal.browser().log_in("operator", next=wanted)
        linked = logged_in.get(f"/login?next={quote(wanted)}")
        assert (posted.status_code, linked.status_code) == (303, 302), wanted
        assert posted.headers["Location"] == "/", wanted
        assert linked.headers["Location"] == "/", wanted


def test_a_nul_leads_home_from_a_form_and_is_refused_in_a_link(portal: Portal) -> None:
    posted = portal.browser().log_in("operator", next="\x00/decide")
    assert posted.headers["Location"] == "/"
    linked = portal.logged_in("operator").get("/login?next=%00/decide")
    assert linked.status_code == 400


def test_a_page_of_ours_is_opened(portal: Portal) -> None:
    for wanted in OURS:
        response = portal.browser().log_in("operator", next=wanted)
        assert response.headers["Location"] == wanted


def test_an_encoded_address_leads_home(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    for raw in ("%09//e.com", "%2F%2Fe.com", "/%5Ce.com", "%2f/e.com", "/%2fe.com"):
        assert browser.get(f"/login?next={raw}").headers["Location"] == "/", raw


def test_the_login_page_remembers_where_somebody_wanted_to_go(portal: Portal) -> None:
    turned_away = portal.browser().get("/decide?region=texas")
    location = turned_away.headers["Location"]
    assert urlsplit(location).path == "/login"
    page = portal.browser().get(location).get_data(as_text=True)
    assert 'name="next" value="/decide?region=texas"' in page
