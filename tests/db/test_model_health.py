"""A model that fails or comes back is news once, and changes the stamp of the state."""

from __future__ import annotations

from sqlalchemy.orm import Session

from core.forecasts import Target
from db import model_health
from db.monitoring import state_stamp

TARGET = Target.TEMPERATURE_C


def test_an_outage_is_news_once_and_keeps_its_first_reason(session: Session) -> None:
    assert model_health.set_unavailable(session, target=TARGET, reason="it hung")
    assert not model_health.set_unavailable(session, target=TARGET, reason="it waits")
    assert model_health.outages(session)[TARGET].reason == "it hung"
    assert model_health.set_available(session, TARGET)
    assert not model_health.set_available(session, TARGET)
    assert model_health.outages(session) == {}


def test_answers_kept_before_an_outage_are_not_given_after_it(session: Session) -> None:
    before = state_stamp(session)
    model_health.set_unavailable(session, target=TARGET, reason="it hung")
    assert state_stamp(session) != before
