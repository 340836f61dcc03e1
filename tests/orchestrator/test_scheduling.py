"""Issue, decide, try a shift, record it: the services on a real database."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import delete, text
from sqlalchemy.exc import DBAPIError

from core.access import Actor, Role
from core.days import full_hour, issue_at_local_midnight
from core.errors import Forbidden, InvalidInput, NotFound, RequestReused
from core.forecasts import Target
from core.scheduler import Outcome, ReasonCode
from core.telemetry import HOUR
from db import audit, model_versions, policies, regions
from db.schema import DecisionRow, ForecastInputRow, ForecastRow
from orchestrator.alarms.alarm_lists import standing_alarms
from orchestrator.cycle.issuance import issue_live, require_no_hindcast
from orchestrator.cycle.worker_jobs import WorkerJobs
from orchestrator.decisions import recording
from orchestrator.decisions.details import decision_detail
from orchestrator.decisions.lists import DecisionFilter, decision_page
from orchestrator.decisions.views import DecisionCard, RecordOutcome
from orchestrator.forecasts.day_page import day_view
from orchestrator.forecasts.fleet import fleet_view
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.jobs import (
    BEHIND_ALL,
    FIRST,
    HOURLY_CYCLE,
    MOST_HINDCASTS_ASKED,
    WATCH_MODELS,
    queue_hindcast,
)
from orchestrator.processes.worker import make_queue
from orchestrator.regions.region_choice import active_regions, choose_region
from orchestrator.runtime import Runtime
from orchestrator.windows.database_source import load_region_window
from tests.asking import asking
from tests.core.conformal_cases import worst_hour_bound
from tests.fleet import NOW, Fleet
from tests.stored_bounds import recomputed_bounds

HOT_DAY = date(2025, 7, 10)
MILD_DAY = date(2025, 5, 20)


def _evaluate(
    fleet: Fleet,
    *,
    source: str = "arizona",
    target: str | None = "ireland",
    day: date | None = HOT_DAY,
    shift_pct: float = 0.0,
    request_id: object = None,
) -> DecisionCard:
    with fleet.runtime.transaction() as session:
        return recording.evaluate(
            asking(session, fleet.actor(session), request_id=request_id or uuid4()),
            source_slug=source,
            target_slug=target,
            local_day=day,
            shift_pct=shift_pct,
        )


def _record(
    fleet: Fleet, what_if_id: int, request_id: object = None, comment: str = "seen"
) -> RecordOutcome:
    with fleet.runtime.transaction() as session:
        return recording.record(
            asking(session, fleet.actor(session), request_id=request_id or uuid4()),
            what_if_id=what_if_id,
            comment=comment,
        )


def _change_limit(fleet: Fleet, slug: str, limit_c: float) -> None:
    with fleet.runtime.transaction() as session:
        policies.insert_policy(
            session,
            region_id=regions.region_by_slug(session, slug).region_id,
            values={"thermal_limit_c": limit_c},
            actor_id=fleet.actor(session).user_id,
            reason="test",
        )


def _live_bound(fleet: Fleet, slug: str) -> float:
    with fleet.runtime.transaction() as session:
        view = fleet_view(asking(session, fleet.actor(session)))
    (row,) = [row for row in view.rows if row.region.slug == slug]
    assert row.day_bound_c is not None
    return row.day_bound_c


def test_a_live_issue_stores_forecasts_and_automatic_decisions(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        automatic = DecisionFilter(kind="automatic")
        page = decision_page(asking(session, fleet.actor(session)), automatic)
        assert {row.source.slug for row in page.rows} == {
            "arizona", "ireland", "wyoming",
        }  # fmt: skip
        for row in page.rows:
            assert not row.is_simulated
            event = audit.event_for_object(
                session, object_type="decision", object_id=str(row.decision_id)
            )
            assert event is not None
            assert event.action == "decision_automatic"


def test_issuing_the_same_instant_again_changes_nothing(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        before = session.scalar(text("select count(*) from forecast"))
        summary = issue_live(
            asking(session, fleet.actor(session, "worker")),
            ModelCache(),
            issued_at_utc=full_hour(NOW),
            stored_regions=active_regions(session),
        )
        assert (summary.issued, summary.refused, summary.decided) == (0, 0, 0)
        assert session.scalar(text("select count(*) from forecast")) == before


def test_a_region_with_stale_telemetry_is_refused_once_and_blocked(
    fleet: Fleet,
) -> None:
    later = NOW + timedelta(hours=9)
    with fleet.runtime.transaction() as session:
        for _ in range(2):
            issue_live(
                asking(session, fleet.actor(session, "worker"), now=later),
                ModelCache(),
                issued_at_utc=full_hour(later),
                stored_regions=active_regions(session)[:1],
            )
        refusals = session.scalar(
            text("select count(*) from forecast where refusal_code is not null"
                 " and target = 'temperature_c'")
        )  # fmt: skip
        automatic = DecisionFilter(kind="automatic")
        newest = decision_page(asking(session, fleet.actor(session)), automatic).rows[0]
        assert refusals == 1
    assert newest.outcome is Outcome.BLOCKED
    assert newest.reason_code == "telemetry_stale"


def test_without_an_active_model_everything_is_blocked(fleet: Fleet) -> None:
    later = full_hour(NOW) + timedelta(hours=1)

    class _NoModels(ModelCache):
        def serving(self, *_: object) -> None:
            return None

    with fleet.runtime.transaction() as session:
        issue_live(
            asking(session, fleet.actor(session, "worker"), now=later),
            _NoModels(),
            issued_at_utc=later,
            stored_regions=active_regions(session),
        )
        view = fleet_view(asking(session, fleet.actor(session), now=later))
    assert {row.verdict.reason_code for row in view.rows} == {
        ReasonCode.MODEL_UNAVAILABLE
    }


def test_a_model_whose_bytes_changed_does_not_serve(fleet: Fleet) -> None:
    owner = replace(fleet, runtime=_owner_runtime(fleet))
    with owner.runtime.transaction() as session:
        session.execute(text("alter table model_version disable trigger user"))
        session.execute(
            text("update model_version set onnx_bytes = onnx_bytes || '\\x00'::bytea")
        )
    later = full_hour(NOW) + timedelta(hours=1)
    with fleet.runtime.transaction() as session:
        issue_live(
            asking(session, fleet.actor(session, "worker"), now=later),
            ModelCache(),
            issued_at_utc=later,
            stored_regions=active_regions(session)[:1],
        )
        view = fleet_view(asking(session, fleet.actor(session), now=later))
    assert view.rows[0].verdict.outcome is Outcome.BLOCKED
    assert view.rows[0].verdict.reason_code == ReasonCode.MODEL_UNAVAILABLE
    assert "SHA-256" in view.rows[0].verdict.reason_text


def _owner_runtime(fleet: Fleet) -> Runtime:
    from db.engine import make_engine  # noqa: PLC0415

    return replace(fleet.runtime, engine=make_engine(fleet.urls.owner))


def test_the_hot_day_is_blocked_because_of_its_bound(fleet: Fleet) -> None:
    card = _evaluate(fleet, shift_pct=0.0)
    assert card.verdict.outcome is Outcome.BLOCKED
    assert card.verdict.reason_code in {
        ReasonCode.OVER_LIMIT, ReasonCode.NOT_RESOLVABLE,
    }  # fmt: skip
    assert card.source_bound_before_c is not None
    assert card.source_bound_before_c > card.thermal_limit_c
    assert card.exceedance_probability is not None
    assert card.exceedance_probability > card.allowed_probability
    assert card.is_simulated


def test_a_stored_bound_can_be_recomputed_from_the_database(fleet: Fleet) -> None:
    """Every hindcast of a region: scores up to its watermark give its bound again."""
    with fleet.runtime.transaction() as session:
        assert recomputed_bounds(session, "arizona") > 100


def test_a_hindcast_bound_uses_no_later_score(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        late = session.scalar(
            text(
                """
                select count(*) from forecast f join window_score w
                  on w.region_id = f.region_id
                 and w.model_version_id = f.model_version_id
                 and w.id = f.score_watermark_id
                where w.issued_at_utc + interval '24 hours' > f.issued_at_utc
                """
            )
        )
    assert late == 0


def test_the_same_what_if_is_kept_once(fleet: Fleet) -> None:
    first = _evaluate(fleet, shift_pct=12.0)
    again = _evaluate(fleet, shift_pct=12.0)
    other = _evaluate(fleet, shift_pct=13.0)
    assert first.decision_id == again.decision_id != other.decision_id


def test_a_what_if_moves_both_bounds_as_the_core_does(fleet: Fleet) -> None:
    card = _evaluate(fleet, shift_pct=12.0)
    assert card.source_bound_before_c is not None
    assert card.target_bound_before_c is not None
    with fleet.runtime.transaction() as session:
        detail = decision_detail(
            asking(session, fleet.actor(session)), card.decision_id
        )
        inputs = json.loads(detail.inputs_text)
        target = choose_region(session, "ireland")
        outlook = load_region_window(
            session,
            target,
            issued_at_utc=datetime.fromisoformat(inputs["window_start_utc"]),
            now=fleet.runtime.clock(),
            is_simulation=True,
        ).outlook
    source_mw, target_mw = (
        np.array(inputs[end]["it_load_mw"], np.float64) for end in ("source", "target")
    )
    factor_c_per_pct = 0.05
    rise_c = factor_c_per_pct * 12.0 * source_mw / target_mw
    # The same in every hour of the source: its bound falls by exactly that.
    assert card.source_bound_after_c == pytest.approx(
        card.source_bound_before_c - 12.0 * factor_c_per_pct
    )
    after = outlook.check(rise_c)
    assert after is not None
    assert card.target_bound_after_c == pytest.approx(after.bound)
    # Other hours rise by other amounts, and the windows of the year are judged so.
    assert outlook.calibration is not None
    assert outlook.calibration.windows is not None
    assert after.bound != worst_hour_bound(card.target_bound_before_c, rise_c)


def test_a_request_id_means_one_request(fleet: Fleet) -> None:
    request_id = uuid4()
    first = _evaluate(fleet, shift_pct=12.0, request_id=request_id)
    again = _evaluate(fleet, shift_pct=12.0, request_id=request_id)
    assert first.decision_id == again.decision_id
    with pytest.raises(RequestReused, match="already used"):
        _evaluate(fleet, shift_pct=20.0, request_id=request_id)


def test_recording_twice_with_one_request_id_records_once(fleet: Fleet) -> None:
    card = _evaluate(fleet, shift_pct=5.0)
    request_id = uuid4()
    first = _record(fleet, card.decision_id, request_id)
    again = _record(fleet, card.decision_id, request_id)
    assert first.card is not None
    assert again.card is not None
    assert first.card.decision_id == again.card.decision_id
    with pytest.raises(RequestReused, match="already used"):
        _record(fleet, card.decision_id, request_id, comment="another")


def test_a_shift_that_resolves_is_approved_and_explains_itself(fleet: Fleet) -> None:
    _change_limit(fleet, "arizona", _live_bound(fleet, "arizona") - 1.0)
    over = _evaluate(fleet, day=None, shift_pct=0.0)
    assert over.verdict.reason_code == ReasonCode.OVER_LIMIT
    assert over.minimum_shift_pct is not None
    resolved = _evaluate(fleet, day=None, shift_pct=over.minimum_shift_pct)
    assert resolved.verdict.outcome is Outcome.APPROVED
    assert resolved.verdict.reason_code == ReasonCode.SHIFT_RESOLVES
    below = _evaluate(fleet, day=None, shift_pct=over.minimum_shift_pct - 0.1)
    assert below.verdict.reason_code == ReasonCode.SHIFT_REDUCES_BUT_OVER


def test_load_is_conserved_in_the_impact(fleet: Fleet) -> None:
    card = _evaluate(fleet, day=MILD_DAY, shift_pct=10.0)
    assert card.impact
    for row in card.impact:
        values = (row.source_after, row.target_after, row.fleet_after)
        assert all(value is not None for value in values), row
        assert row.source_after + row.target_after == pytest.approx(row.fleet_after)


def test_a_past_verdict_rests_on_the_load_known_at_its_issue(fleet: Fleet) -> None:
    """Loads measured later change the impact of a past shift, never its verdict."""

    def shifted() -> DecisionCard:
        return _evaluate(fleet, day=MILD_DAY, shift_pct=10.0)

    before = shifted()
    with _owner_runtime(fleet).transaction() as session:
        session.execute(
            text(
                "update telemetry set it_load_mw = it_load_mw / 2"
                " where hour_utc >= :start and hour_utc < :until"
            ),
            {
                "start": before.window_start_utc,
                "until": before.window_end_utc,
            },
        )
    fresh = shifted()
    assert fresh.decision_id != before.decision_id  # another impact, told apart
    assert fresh.verdict == before.verdict
    assert fresh.target_bound_after_c == pytest.approx(
        before.target_bound_after_c, abs=0.05
    )
    energy_before, energy_after = before.impact[0], fresh.impact[0]
    assert energy_before.fleet_before == pytest.approx(
        2 * (energy_after.fleet_before or 0.0), rel=1e-6
    )


def test_a_recorded_shift_takes_the_room_from_the_next_one(fleet: Fleet) -> None:
    _change_limit(fleet, "arizona", _live_bound(fleet, "arizona") - 1.0)
    first = _evaluate(fleet, day=None, shift_pct=25.0)
    assert first.verdict.outcome is Outcome.APPROVED
    recorded = _record(fleet, first.decision_id)
    assert recorded.card is not None
    after = _evaluate(fleet, day=None, shift_pct=0.0)
    assert after.source_bound_before_c == pytest.approx(first.source_bound_after_c)
    assert after.verdict.outcome is Outcome.APPROVED
    target_view = _evaluate(fleet, source="ireland", target="arizona", day=None)
    assert target_view.source_bound_before_c == pytest.approx(
        first.target_bound_after_c
    )


def test_two_operators_cannot_fill_the_same_room_twice(fleet: Fleet) -> None:
    """Each shift alone fits Ireland's thermal room; both together do not."""
    room_c = 1.0
    _change_limit(fleet, "ireland", _live_bound(fleet, "ireland") + room_c)
    probe = _evaluate(fleet, source="arizona", day=None, shift_pct=0.0)
    assert probe.maximum_safe_shift_pct is not None
    share = round(0.8 * probe.maximum_safe_shift_pct, 1)
    assert share > 0
    cards = [_evaluate(fleet, day=None, shift_pct=share + i / 10) for i in range(2)]
    # Arizona itself must be fine, so that only the room at the target decides.
    _change_limit(fleet, "arizona", 60.0)
    cards = [_evaluate(fleet, day=None, shift_pct=share + i / 10) for i in range(2)]
    assert [card.verdict.outcome for card in cards] == [Outcome.APPROVED] * 2
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda card: _record(fleet, card.decision_id), cards))
    assert sorted(outcome.card is not None for outcome in outcomes) == [False, True]
    (refused,) = [o for o in outcomes if o.card is None]
    assert refused.changed is not None
    assert refused.changed.reason_code is ReasonCode.TARGET_OVER_LIMIT


def test_a_simulated_record_moves_no_load(fleet: Fleet) -> None:
    recorded = _record(fleet, _evaluate(fleet, shift_pct=10.0).decision_id)
    assert recorded.card is not None
    assert recorded.card.is_simulated
    with fleet.runtime.transaction() as session:
        assert session.scalar(text("select count(*) from decision_transfer")) == 0


def test_a_verdict_that_changed_is_shown_and_not_saved(fleet: Fleet) -> None:
    card = _evaluate(fleet, source="wyoming", target="ireland", day=None)
    assert card.verdict.outcome is Outcome.APPROVED
    _change_limit(fleet, "wyoming", -40.0)
    outcome = _record(fleet, card.decision_id)
    assert outcome.card is None
    assert outcome.changed is not None
    assert outcome.changed.outcome is Outcome.BLOCKED
    with fleet.runtime.transaction() as session:
        recorded = DecisionFilter(kind="recorded")
        page = decision_page(asking(session, fleet.actor(session)), recorded)
        assert page.rows == ()


def _as(role: Role) -> Actor:
    return Actor(user_id=1, name="somebody", role=role)


@pytest.mark.parametrize("act", ["evaluate", "record"])
def test_an_auditor_cannot_decide(fleet: Fleet, act: str) -> None:
    actions: dict[str, Callable[..., object]] = {
        "evaluate": lambda session: recording.evaluate(
            asking(session, _as(Role.AUDITOR)),
            source_slug="arizona",
            target_slug="ireland",
            local_day=HOT_DAY,
            shift_pct=1.0,
        ),
        "record": lambda session: recording.record(
            asking(session, _as(Role.AUDITOR)), what_if_id=1, comment=""
        ),
    }  # fmt: skip
    with fleet.runtime.transaction() as session, pytest.raises(Forbidden):
        actions[act](session)


def test_bad_requests_are_named(fleet: Fleet) -> None:
    with pytest.raises(InvalidInput, match="different regions"):
        _evaluate(fleet, target="arizona")
    with pytest.raises(NotFound, match="Known: arizona, ireland, wyoming"):
        _evaluate(fleet, source="atlantis")
    with pytest.raises(InvalidInput, match="outside 0 to 100"):
        _evaluate(fleet, shift_pct=101.0)
    with pytest.raises(InvalidInput, match="outside 0 to 100"):
        _evaluate(fleet, shift_pct=float("nan"))


def test_a_day_without_data_is_blocked_and_says_so(fleet: Fleet) -> None:
    card = _evaluate(fleet, day=date(2030, 1, 1))
    assert card.verdict.outcome is Outcome.BLOCKED
    assert card.verdict.reason_code == ReasonCode.FORECAST_MISSING
    with fleet.runtime.transaction() as session:
        view = day_view(
            asking(session, fleet.actor(session)),
            region_slug="arizona",
            local_day=date(2030, 1, 1),
        )
    assert view.notice is not None
    assert "1 January 2030 has not begun" in view.notice
    assert view.mean_c == ()


def _jobs(fleet: Fleet) -> list[tuple[str, dict[str, str]]]:
    with fleet.runtime.transaction() as session:
        rows = session.execute(
            text("select task_name, args from procrastinate_jobs order by id")
        )
        return [(name, args) for name, args in rows]


def _open_day(fleet: Fleet, local_day: date | None) -> str | None:
    with fleet.runtime.transaction() as session:
        return day_view(
            asking(session, fleet.actor(session)),
            region_slug="arizona",
            local_day=local_day,
        ).notice


def test_a_missing_forecast_is_asked_for_once(fleet: Fleet) -> None:
    with _owner_runtime(fleet).transaction() as session:
        for table in ("decision", "forecast_input", "forecast"):
            session.execute(text(f"alter table {table} disable trigger user"))
        session.execute(delete(DecisionRow))
        session.execute(delete(ForecastInputRow))
        session.execute(delete(ForecastRow))
    for _ in range(2):
        assert "has been requested" in str(_open_day(fleet, MILD_DAY))
        assert "has been requested" in str(_open_day(fleet, None))
    with fleet.runtime.transaction() as session:
        asked_by_id = str(fleet.actor(session).user_id)
    assert _jobs(fleet) == [
        (
            "hindcast_day",
            {"local_day": MILD_DAY.isoformat(), "asked_by_id": asked_by_id},
        ),
        ("issue_forecasts", {"issued_at_utc": full_hour(NOW).isoformat()}),
    ]


def test_past_days_wait_behind_the_cycle_and_few_of_one_person(fleet: Fleet) -> None:
    first_day = date(2025, 5, 2)
    days = [first_day + timedelta(days=i) for i in range(MOST_HINDCASTS_ASKED + 1)]
    with fleet.runtime.transaction() as session:
        asker, other = fleet.actor(session).user_id, fleet.actor(session).user_id + 1
        taken = [
            queue_hindcast(session, local_day=day, asked_by_id=asker) for day in days
        ]
        assert taken == [True] * MOST_HINDCASTS_ASKED + [False]
        # Their own day that waits already, and the days of others, are no day more.
        assert queue_hindcast(session, local_day=first_day, asked_by_id=asker)
        assert queue_hindcast(session, local_day=first_day, asked_by_id=other)
        assert queue_hindcast(session, local_day=days[-1], asked_by_id=other)
        waiting = session.scalars(text("select priority from procrastinate_jobs")).all()
    assert waiting == [BEHIND_ALL] * len(days)


def test_the_hourly_cycle_comes_before_what_people_ask_for(fleet: Fleet) -> None:
    tasks = make_queue(fleet.runtime, WorkerJobs(fleet.runtime)).tasks
    assert tasks[HOURLY_CYCLE].priority == tasks[WATCH_MODELS].priority == FIRST
    others = set(tasks) - {HOURLY_CYCLE, WATCH_MODELS}
    assert all(tasks[name].priority < FIRST for name in others)


def test_a_worker_that_falls_silent_is_an_alarm_on_fleet(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        session.execute(
            text(
                "insert into procrastinate_workers (last_heartbeat)"
                " values (now() - interval '570 seconds')"
            )
        )
        alarms = standing_alarms(asking(session, fleet.actor(session)))
    (alarm,) = [item for item in alarms if item.title == "Worker silent"]
    assert f"since {NOW - timedelta(minutes=10):%Y-%m-%d %H:%M} UTC" in alarm.text


def test_an_instant_that_holds_a_hindcast_is_not_issued_live(fleet: Fleet) -> None:
    instant = issue_at_local_midnight("America/Phoenix", MILD_DAY)
    with fleet.runtime.transaction() as session:
        found = active_regions(session)
        require_no_hindcast(session, found, full_hour(NOW))
        require_no_hindcast(session, found, instant + HOUR)
        with pytest.raises(
            InvalidInput,
            match="arizona has a hindcast of 2025-05-20 07:00 UTC; a live forecast"
            " cannot be issued behind it",
        ):
            require_no_hindcast(session, found, instant)


def test_a_day_of_training_is_not_hindcast(fleet: Fleet) -> None:
    assert "would flatter it" in str(_open_day(fleet, date(2024, 6, 1)))
    assert _jobs(fleet) == []


def test_the_day_view_shows_what_was_known_and_what_happened(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        view = day_view(
            asking(session, fleet.actor(session)),
            region_slug="arizona",
            local_day=HOT_DAY,
        )
    assert view.is_simulation
    assert len(view.mean_c) == len(view.lower_c) == len(view.actual_c) == 24
    assert all(value is not None for value in view.lower_c)
    assert view.actual_max_c == max(v for v in view.actual_c if v is not None)
    assert len(view.day_max_dots_c) == 40
    assert list(view.day_max_dots_c) == sorted(view.day_max_dots_c)
    assert view.missing_days == ()
    assert view.last_day == NOW.date()


def test_a_decision_tells_its_whole_story(fleet: Fleet) -> None:
    card = _evaluate(fleet, shift_pct=10.0)
    with fleet.runtime.transaction() as session:
        detail = decision_detail(
            asking(session, fleet.actor(session)), card.decision_id
        )
        chain = audit.verify(session)
    inputs = json.loads(detail.inputs_text)
    assert inputs["source"]["region"]["slug"] == "arizona"
    assert len(inputs["source"]["mean"]) == 24
    assert inputs["source"]["calibration"]["score_count"] >= 60
    assert detail.card == card
    assert detail.is_as_recorded
    assert [chart.region.slug for chart in detail.charts] == ["arizona", "ireland"]
    assert detail.audit_seq is not None
    assert chain.is_sound


def test_a_decision_and_its_audit_event_commit_together(fleet: Fleet) -> None:
    """When the event cannot be written, there is no decision."""
    owner = _owner_runtime(fleet)
    with owner.transaction() as session:
        session.execute(
            text(
                "create function refuse() returns trigger language plpgsql as"
                " $$ begin raise exception 'no event'; end $$"
            )
        )
        session.execute(
            text(
                "create trigger aa_refuse before insert on audit_event"
                " for each row execute function refuse()"
            )
        )
    with pytest.raises(DBAPIError, match="no event"):
        _evaluate(fleet, shift_pct=33.0)
    with fleet.runtime.transaction() as session:
        what_ifs = DecisionFilter(kind="what_if")
        assert decision_page(asking(session, fleet.actor(session)), what_ifs).rows == ()
    owner.engine.dispose()


def test_keyset_pages_hold_every_decision_once(fleet: Fleet) -> None:
    for shift in range(7):
        _evaluate(fleet, shift_pct=float(shift))
    seen: list[int] = []
    after = None
    with fleet.runtime.transaction() as session:
        while True:
            page = decision_page(
                asking(session, fleet.actor(session)), after=after, limit=3
            )
            seen += [row.decision_id for row in page.rows]
            after = page.next_after
            if after is None:
                break
        total = session.scalar(text("select count(*) from decision"))
    assert len(seen) == len(set(seen)) == total
    assert seen == sorted(seen, reverse=True)


def test_models_of_all_targets_serve(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        for target in Target:
            active = model_versions.active_model(session, target)
            assert active is not None
            assert active.version.metrics["parity_rows"] > 1_000
