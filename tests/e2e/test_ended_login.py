"""A login that ended while a page was open: log in again and be where you were."""

from __future__ import annotations

import pytest

from db.sessions import EndReason, end_sessions_of_user
from db.users import find_user_by_name
from tests.e2e.serving import Portal
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e


def end_logins(portal: Portal, name: str) -> None:
    with portal.runtime.transaction() as session:
        user = find_user_by_name(session, name)
        assert user is not None
        ended = end_sessions_of_user(
            session,
            user.user_id,
            now_utc=portal.runtime.clock(),
            reason=EndReason.ENDED_BY_USER,
        )
        assert ended >= 1


def test_the_next_action_asks_for_the_login_and_then_goes_on(
    visitor: Visitor, portal: Portal
) -> None:
    visitor.come_in("olga", "/forecast?region=arizona&day=2025-07-13")
    visitor.sees("#forecast-sentence", "Arizona")
    visitor.rest()
    end_logins(portal, "olga")
    visitor.choose("#forecast-region", "wyoming")
    visitor.sees("h1", "Log in")
    visitor.log_in("olga")
    visitor.is_at("/forecast?region=wyoming&day=2025-07-13")
    visitor.sees("#forecast-sentence", "Wyoming", "13 July 2025")


def test_a_shift_let_go_without_a_login_is_still_there_after_it(
    visitor: Visitor, portal: Portal
) -> None:
    visitor.come_in("olga", "/what-if?source=arizona&target=ireland")
    visitor.sees("#what-if-preview", "Preview at 0 %")
    visitor.rest()
    end_logins(portal, "olga")
    visitor.type_into("#what-if-number", "25")
    visitor.sees("h1", "Log in")
    visitor.log_in("olga")
    visitor.is_at("/what-if?source=arizona&target=ireland&shift=25")
    visitor.sees("#what-if-preview", "Preview at 25 %")


def test_following_a_link_without_a_login_asks_for_it(
    visitor: Visitor, portal: Portal
) -> None:
    visitor.come_in("olga")
    visitor.sees("#fleet-headline", "BLOCKED")
    end_logins(portal, "olga")
    visitor.follow("Audit", "nav")
    visitor.sees("h1", "Log in")
    visitor.log_in("olga")
    visitor.is_at("/audit")
    visitor.open("/audit?kind=all")
    visitor.sees("#audit-decisions-table", "Automatic")
