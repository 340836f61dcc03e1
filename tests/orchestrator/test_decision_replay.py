"""Stored inputs through the stored model: the same verdict, or what differs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core import risk, scheduler
from core.access import Actor, Role
from core.errors import Forbidden, NotFound
from core.outcomes import Outcome, ReasonCode
from db import decisions
from db.decisions import StoredDecision
from db.engine import make_engine
from orchestrator.decisions import recording
from orchestrator.decisions.details import decision_detail
from orchestrator.decisions.model_replay import replay_all, replay_with_model
from orchestrator.decisions.records import read_inputs
from orchestrator.decisions.replay import Replay, is_same_value, replay_rules
from orchestrator.runtime import Runtime
from tests.asking import asking
from tests.fleet import Fleet


def replay_history(history: Fleet) -> list[Replay]:
    with history.runtime.transaction() as session:
        return list(replay_all(asking(session, history.actor(session))))


def replay_one(history: Fleet, decision_id: int) -> Replay:
    with history.runtime.transaction() as session:
        return replay_with_model(asking(session, history.actor(session)), decision_id)


def newest_decision(decided: Fleet) -> int:
    with decided.runtime.transaction() as session:
        found = session.scalar(text("select max(id) from decision"))
    assert isinstance(found, int)
    return found


def decide(
    decided: Fleet, *, shift_pct: float = 20.0, local_day: date | None = None
) -> int:
    """A new decision."""
    with decided.runtime.transaction() as session:
        card = recording.evaluate(
            asking(session, decided.actor(session), now=decided.runtime.clock()),
            source_slug="arizona",
            target_slug="ireland",
            local_day=local_day,
            shift_pct=shift_pct,
        )
        assert card.source_bound_after_c is not None
        return card.decision_id


def owner(history: Fleet) -> Runtime:
    return replace(history.runtime, engine=make_engine(history.urls.owner))


def tamper(history: Fleet, table: str, statement: str) -> None:
    """What somebody could do who may switch the triggers off."""
    runtime = owner(history)
    with runtime.transaction() as session:
        session.execute(text(f"alter table {table} disable trigger user"))
        session.execute(text(statement))
        session.execute(text(f"alter table {table} enable trigger user"))
    runtime.engine.dispose()


def change_decision(history: Fleet, decision_id: int, change: str) -> None:
    statement = f"update decision set {change} where id = {decision_id}"  # noqa: S608
    tamper(history, "decision", statement)


def fields(replay: Replay) -> set[str]:
    return {item.field for item in replay.differences}


def test_a_history_replays_as_it_was(decided: Fleet) -> None:
    replays = replay_history(decided)

    assert [(r.decision_id, r.differences) for r in replays if not r.is_same] == []
    assert [n for r in replays for n in r.notes if "worded differently" in n] == []
    with decided.runtime.transaction() as session:
        outcomes = {stored_outcome(session, r.decision_id) for r in replays}
        kinds = {decision(session, r.decision_id).facts.kind for r in replays}
    assert kinds == {"automatic", "what_if", "recorded"}
    assert outcomes >= {
        (Outcome.APPROVED, ReasonCode.SHIFT_RESOLVES),
        (Outcome.APPROVED, ReasonCode.WITHIN_ENVELOPE),
        (Outcome.BLOCKED, ReasonCode.SHIFT_EXCEEDS_FLEXIBLE),
        (Outcome.BLOCKED, ReasonCode.CALIBRATION_INSUFFICIENT),
        (Outcome.BLOCKED, ReasonCode.TELEMETRY_STALE),
    }


def decision(session: Session, decision_id: int) -> StoredDecision:
    return decisions.decision_by_id(session, decision_id)


def stored_outcome(session: Session, decision_id: int) -> tuple[str, str]:
    facts = decision(session, decision_id).facts
    return facts.outcome, facts.reason_code


def test_new_decisions_replay_with_their_impact_and_the_models_own_inputs(
    decided: Fleet,
) -> None:
    ids = [newest_decision(decided)]
    ids.append(decide(decided, shift_pct=3.0, local_day=date(2025, 7, 18)))

    live, past = (replay_one(decided, decision_id) for decision_id in ids)

    assert live.is_same, live.differences
    assert past.is_same, past.differences
    assert live.notes == ()  # live forecasts keep what the model was given
    assert any("kept no inputs" in note for note in past.notes)


def test_replay_since_a_day_leaves_out_what_was_before(decided: Fleet) -> None:
    new_id = decide(decided, shift_pct=3.0)
    with decided.runtime.transaction() as session:
        since = decision(session, new_id).created_at_utc - timedelta(seconds=1)
        request = asking(session, decided.actor(session))
        found = [item.decision_id for item in replay_all(request, since_utc=since)]

    assert found == [new_id]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("source_bound_after_c = source_bound_after_c - 0.1", "source_bound_after_c"),
        ("exceedance_probability = 0.001", "exceedance_probability"),
        ("reason_text = 'All is well.'", "record"),
        ("recommendations = '{}'", "record"),
        ("reason_code = 'shift_resolves'", "reason_code"),
        ("risk_level = 'LOW'", "risk_level"),
        ("comment = 'Nobody said this.'", "record"),
        ("inputs_text = replace(inputs_text, '\"20.0\"', '\"21.0\"')", "inputs_sha256"),
        ("inputs_text = '{}'", "inputs"),
        (
            "impact = jsonb_set(impact, '{quantities,cost_usd,fleet_after}', '1')",
            "impact cost_usd: fleet_after",
        ),
    ],
)
def test_a_changed_row_is_named_field_by_field(
    decided: Fleet, change: str, expected: str
) -> None:
    decision_id = newest_decision(decided)
    change_decision(decided, decision_id, change)

    replay = replay_one(decided, decision_id)

    assert expected in fields(replay)
    assert "record" in fields(replay)


def test_a_difference_shows_both_values(decided: Fleet) -> None:
    decision_id = newest_decision(decided)
    with decided.runtime.transaction() as session:
        bound_c = decision(session, decision_id).facts.source_bound_after_c
    assert bound_c is not None
    change_decision(
        decided, decision_id, "source_bound_after_c = source_bound_after_c - 0.1"
    )

    differences = replay_one(decided, decision_id).differences
    (found,) = [d for d in differences if d.field == "source_bound_after_c"]

    assert float(found.replayed) == pytest.approx(bound_c, abs=1e-5)
    assert float(found.stored) == pytest.approx(bound_c - 0.1)


SPOIL_INPUT = (
    "update forecast_input set features ="
    " overlay(features placing '\\x0000c842'::bytea from 1)"
)


SPOIL_HOURS = (
    "update window_score set hours ="
    " overlay(hours placing '\\x0000803f'::bytea from 1) where hours is not null"
)


@pytest.mark.parametrize(
    ("table", "statement", "expected"),
    [
        (
            "window_score",
            "update window_score set score = score + 1 where score is not null",
            "source calibration scores sha256",
        ),
        (
            "window_score",
            SPOIL_HOURS,
            "source calibration windows sha256",
        ),
        (
            "forecast",
            "update forecast set mean[6] = mean[6] - 1 where mean is not null",
            "source forecast mean",
        ),
        (
            "forecast_input",
            SPOIL_INPUT,
            "source model mean, hour",
        ),
        (
            "model_version",
            "update model_version set onnx_bytes = onnx_bytes || '\\x00'::bytea",
            "source model",
        ),
    ],
)
def test_what_a_decision_rests_on_is_held_against_it(
    decided: Fleet, table: str, statement: str, expected: str
) -> None:
    decision_id = newest_decision(decided)
    tamper(decided, table, statement)

    found = fields(replay_one(decided, decision_id))

    assert any(field.startswith(expected) for field in found), found


def test_a_decision_made_without_the_hours_of_windows_replays_without_them(
    decided: Fleet,
) -> None:
    """What a release decided that moved bounds by the largest hour stays as it was."""
    assert _windows_sha256(decided, newest_decision(decided)) is not None
    keep = "create table kept as select id, hours from window_score"
    tamper(decided, "window_score", keep)
    tamper(decided, "window_score", "update window_score set hours = null")
    decision_id = decide(decided, shift_pct=17.0)
    restore = (
        "update window_score set hours = kept.hours from kept"
        " where kept.id = window_score.id"
    )
    tamper(decided, "window_score", restore)

    assert _windows_sha256(decided, decision_id) is None
    assert replay_one(decided, decision_id).is_same


def _windows_sha256(decided: Fleet, decision_id: int) -> str | None:
    with decided.runtime.transaction() as session:
        facts = decision(session, decision_id).facts
    calibration = read_inputs(facts.inputs_text).source.calibration
    assert calibration is not None
    return calibration.windows_sha256


def test_a_sentence_in_other_words_is_a_note_and_no_difference(
    decided: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rules say the same in other words; what was said then is still shown."""
    decision_id = newest_decision(decided)
    judge = scheduler.judge

    def reworded(facts: Any) -> tuple[Outcome, ReasonCode, str]:
        outcome, code, _sentence = judge(facts)
        return outcome, code, "It is cool enough."

    monkeypatch.setattr(scheduler, "judge", reworded)
    monkeypatch.setattr(risk, "_advice", lambda *_known: ("Look after it.",))

    replay = replay_one(decided, decision_id)

    assert replay.is_same, replay.differences
    assert replay.notes == (
        "The reason is worded differently now: It is cool enough.",
        "The recommendations are worded differently now: Look after it.",
    )
    with decided.runtime.transaction() as session:
        detail = decision_detail(asking(session, decided.actor(session)), decision_id)
    assert detail.card.verdict.reason_text.startswith("The bound for Arizona")
    assert detail.is_as_recorded


def test_scores_that_are_gone_are_a_difference_not_a_crash(decided: Fleet) -> None:
    decision_id = newest_decision(decided)
    tamper(decided, "window_score", "delete from window_score")

    replay = replay_one(decided, decision_id)

    assert "verdict" in fields(replay)


def test_a_renamed_region_does_not_change_what_was_said(decided: Fleet) -> None:
    decision_id = newest_decision(decided)
    tamper(
        decided, "region", "update region set name = 'Elsewhere', it_capacity_mw = 1"
    )

    assert replay_one(decided, decision_id).is_same


def test_the_rules_alone_replay_without_a_model(decided: Fleet) -> None:
    decision_id = newest_decision(decided)
    tamper(
        decided,
        "model_version",
        "update model_version set onnx_bytes = onnx_bytes || '\\x00'::bytea",
    )

    with decided.runtime.transaction() as session:
        assert replay_rules(session, decision(session, decision_id)).is_same


def test_an_operator_may_not_replay(decided: Fleet) -> None:
    operator = Actor(user_id=1, name="olga", role=Role.OPERATOR)
    with decided.runtime.transaction() as session, pytest.raises(Forbidden):
        replay_all(asking(session, operator))


def test_an_unknown_decision_is_not_found(decided: Fleet) -> None:
    with pytest.raises(NotFound):
        replay_one(decided, 10**9)


@pytest.mark.parametrize(
    ("stored", "replayed", "same"),
    [
        (1.0, 1.000009, True),
        (1.0, 1.00002, False),
        (6e8, 6e8 + 0.1, True),
        (6e8, 6e8 + 1.0, False),
        (None, None, True),
        (None, 0.0, False),
        (float("nan"), float("nan"), False),
        ("a", "a", True),
        (True, 1.0, True),
        (True, 0.99999999, False),
        (["a"], ["a"], True),
    ],
)
def test_numbers_are_the_same_within_1e_5(
    stored: object, replayed: object, same: bool
) -> None:
    assert is_same_value(stored, replayed) is same
