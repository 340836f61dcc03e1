"""Reasons: each code when it should be, and sentences that agree with their numbers."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.outcomes import Outcome, ReasonCode
from core.scheduler import Verdict, decide
from tests.core.outlook_cases import (
    SHIFTS_PCT,
    Pair,
    an_hour_at,
    an_outlook,
    pairs,
    sound_pairs,
    without_forecast,
)

HOT = 36.25
"""A bound that 25 % clears at the factor of 0.05 degC per %."""
UNKNOWN = an_hour_at(np.nan)
RISEN = an_hour_at(np.nan, base=0.0)


hot = partial(an_outlook, "texas", bound_c=HOT)
cool = partial(an_outlook, "dublin", bound_c=20.0)

Case = tuple[ReasonCode, Verdict, str]


def case(code: ReasonCode, verdict: Verdict, text: str) -> Case:
    """The code and the sentence that a verdict must have."""
    return code, verdict, text


CASES = [
    case(
        ReasonCode.WITHIN_ENVELOPE,
        decide(an_outlook()),
        "The bound for Texas, 30.0 °C, is within the limit of 35 °C.",
    ),
    case(
        ReasonCode.WITHIN_ENVELOPE,
        decide(an_outlook(), cool(), 10.0),
        "The bound for Texas, 29.5 °C, is within the limit of 35 °C.",
    ),
    case(
        ReasonCode.SHIFT_RESOLVES,
        decide(hot(), cool(), 30.0),
        "Shifting 30 % lowers the bound for Texas from 36.3 °C to 34.8 °C, within the"
        " limit of 35 °C.",
    ),
    case(
        ReasonCode.SHIFT_REDUCES_BUT_OVER,
        decide(hot(), cool(), 20.0),
        "Shifting 20 % lowers the bound for Texas from 36.3 °C to 35.3 °C, still above"
        " the limit of 35 °C. Shift about 25 %.",
    ),
    case(
        ReasonCode.SHIFT_REDUCES_BUT_OVER,
        decide(hot(), cool(), 0.2),
        "Shifting 0.2 % hardly lowers the bound for Texas, 36.3 °C, still above the"
        " limit of 35 °C. Shift about 25 %.",
    ),
    case(
        ReasonCode.SHIFT_REDUCES_BUT_OVER,
        decide(hot(), cool(capacity_mw=49.0), 20.0),
        "Shifting 20 % lowers the bound for Texas from 36.3 °C to 35.3 °C, still above"
        " the limit of 35 °C. About 25 % would have to be shifted; Dublin can take at"
        " most 22.5 %.",
    ),
    case(
        # The target can take exactly what is needed.
        ReasonCode.SHIFT_REDUCES_BUT_OVER,
        decide(hot(), cool(capacity_mw=50.0), 20.0),
        "Shifting 20 % lowers the bound for Texas from 36.3 °C to 35.3 °C, still above"
        " the limit of 35 °C. Shift about 25 %.",
    ),
    case(
        ReasonCode.OVER_LIMIT,
        decide(hot()),
        "The bound for Texas, 36.3 °C, is above the limit of 35 °C. Shift about 25 %.",
    ),
    case(
        ReasonCode.OVER_LIMIT,
        decide(hot(flexible_frac=0.2)),
        "The bound for Texas, 36.3 °C, is above the limit of 35 °C. About 25 % would"
        " have to be shifted; only 20 % can be moved.",
    ),
    case(
        ReasonCode.OVER_LIMIT,
        decide(hot(), an_outlook("dublin", bound_c=40.0)),
        "The bound for Texas, 36.3 °C, is above the limit of 35 °C. About 25 % would"
        " have to be shifted; Dublin can take no load.",
    ),
    case(
        ReasonCode.OVER_LIMIT,
        decide(hot(load_mw=UNKNOWN)),
        "The bound for Texas, 36.3 °C, is above the limit of 35 °C. About 25 % would"
        " have to be shifted, but its load is not known for every hour.",
    ),
    case(
        ReasonCode.NOT_RESOLVABLE,
        decide(an_outlook(bound_c=50.0)),
        "The bound for Texas, 50.0 °C, is above the limit of 35 °C. Not resolvable by"
        " shifting alone.",
    ),
    case(
        ReasonCode.NOT_RESOLVABLE,
        decide(hot(factor=0.0), cool(), 50.0),
        "The bound for Texas, 36.3 °C, is above the limit of 35 °C. Not resolvable by"
        " shifting alone.",
    ),
    case(
        ReasonCode.SHIFT_EXCEEDS_FLEXIBLE,
        decide(hot(flexible_frac=0.2), cool(), 25.0),
        "Only 20 % of the load of Texas can be moved; 25 % was requested.",
    ),
    case(
        ReasonCode.LOAD_UNKNOWN,
        decide(hot(load_mw=UNKNOWN), cool(), 25.0),
        "The load of Texas is not known for every hour; nothing can be moved.",
    ),
    case(
        ReasonCode.LOAD_UNKNOWN,
        decide(hot(load_mw=UNKNOWN), cool(load_mw=UNKNOWN), 25.0),
        "The load of Texas and Dublin is not known for every hour; nothing can be"
        " moved.",
    ),
    case(
        ReasonCode.LOAD_UNKNOWN,
        decide(hot(prior_rise_c=RISEN)),
        "Texas: what recorded shifts do to its temperature is not known, because its"
        " load is not known, or 0, in some hour.",
    ),
    case(
        ReasonCode.LOAD_UNKNOWN,
        decide(hot(), cool(prior_rise_c=RISEN), 25.0),
        "Dublin: what recorded shifts do to its temperature is not known, because its"
        " load is not known, or 0, in some hour.",
    ),
    case(
        ReasonCode.TARGET_OVER_CAPACITY,
        decide(hot(), cool(capacity_mw=49.0), 25.0),
        "Dublin would carry 50.0 MW, above its capacity of 49 MW. It can take at most"
        " 22.5 %.",
    ),
    case(
        ReasonCode.TARGET_OVER_CAPACITY,
        decide(hot(), cool(capacity_mw=40.0), 25.0),
        "Dublin would carry 50.0 MW, above its capacity of 40 MW. It can take no load.",
    ),
    case(
        ReasonCode.TARGET_OVER_LIMIT,
        decide(hot(), an_outlook("dublin", bound_c=34.0), 25.0),
        "Dublin would reach 35.3 °C, above its limit of 35 °C. It can take at most"
        " 20 %.",
    ),
    case(
        ReasonCode.TARGET_OVER_LIMIT,
        decide(hot(), cool(load_mw=an_hour_at(0.0)), 25.0),
        "Dublin carries no load, or next to none, in some hour, so the rise that moved"
        " load would cause there has no bound. It can take no load.",
    ),
    case(
        ReasonCode.FORECAST_NOT_FINITE,
        decide(an_outlook(scores=[1.7e308] * 99, bound_c=1.7e308, prior_rise_c=1e308)),
        "Texas: the bound of its forecast is not a finite number.",
    ),
]

PROBLEM_CODES = [
    ReasonCode.FORECAST_MISSING,
    ReasonCode.FORECAST_NOT_FINITE,
    ReasonCode.MODEL_UNAVAILABLE,
    ReasonCode.TELEMETRY_MISSING,
    ReasonCode.TELEMETRY_STALE,
    ReasonCode.TELEMETRY_SUSPECT,
    ReasonCode.TELEMETRY_GAP,
    ReasonCode.CALIBRATION_INSUFFICIENT,
    ReasonCode.MODEL_IMPLAUSIBLE,
    ReasonCode.MODEL_COVERAGE_LOST,
]


@pytest.mark.parametrize(("code", "verdict", "text"), CASES)
def test_reason_and_sentence_of_each_case(
    code: ReasonCode, verdict: Verdict, text: str
) -> None:
    assert (verdict.reason_code, verdict.reason_text) == (code, text)
    approving = {ReasonCode.WITHIN_ENVELOPE, ReasonCode.SHIFT_RESOLVES}
    assert verdict.is_approved == (code in approving)


@pytest.mark.parametrize("code", PROBLEM_CODES)
def test_problem_of_either_end_blocks_with_its_own_code(code: ReasonCode) -> None:
    source, target = an_outlook(), cool()
    at_source = decide(without_forecast(source, code), target, 10.0)
    at_target = decide(source, without_forecast(target, code), 10.0)
    assert (at_source.outcome, at_source.reason_code) == (Outcome.BLOCKED, code)
    assert at_source.reason_text == f"Texas: {code.value} was found."
    assert (at_target.outcome, at_target.reason_code) == (Outcome.BLOCKED, code)
    assert at_target.reason_text == f"Dublin: {code.value} was found."


def test_every_reason_code_is_reached_by_a_case() -> None:
    reached = {code for code, _, _ in CASES} | set(PROBLEM_CODES)
    assert reached == set(ReasonCode)


def test_data_problems_are_the_codes_that_speak_of_no_heat_and_no_capacity() -> None:
    assert {code for code in ReasonCode if code.is_data_problem} == {
        *PROBLEM_CODES,
        ReasonCode.LOAD_UNKNOWN,
    }


def test_targets_troubles_do_not_matter_while_nothing_moves() -> None:
    targets = [
        without_forecast(cool()),
        cool(load_mw=UNKNOWN),
        cool(prior_rise_c=RISEN),
        cool(capacity_mw=1.0),
        an_outlook("dublin", bound_c=90.0),
    ]
    for target in targets:
        assert decide(an_outlook(), target, 0.0).is_approved


def test_problem_of_the_source_is_named_before_anything_else() -> None:
    source = without_forecast(hot(flexible_frac=0.1, load_mw=UNKNOWN))
    target = without_forecast(cool(), ReasonCode.TELEMETRY_GAP)
    assert decide(source, target, 90.0).reason_code is ReasonCode.TELEMETRY_STALE


NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def numbers(text: str) -> list[Decimal]:
    """The numbers of a sentence, as a reader compares them."""
    return [Decimal(found) for found in NUMBER.findall(text)]


def assert_numbers_agree(verdict: Verdict) -> None:
    """What the sentence prints stands on the side that the sentence says."""
    code, text = verdict.reason_code, verdict.reason_text
    shown = numbers(text)
    if code is ReasonCode.WITHIN_ENVELOPE:
        bound, limit = shown
        assert bound <= limit
    elif code is ReasonCode.SHIFT_RESOLVES:
        _, before, after, limit = shown
        assert before > limit >= after
    elif code is ReasonCode.SHIFT_REDUCES_BUT_OVER:
        is_visible = "from" in text
        after, limit = shown[2:4] if is_visible else shown[1:3]
        assert after > limit
        assert not is_visible or shown[1] > after
    elif code in {ReasonCode.OVER_LIMIT, ReasonCode.NOT_RESOLVABLE}:
        assert shown[0] > shown[1]
    elif code is ReasonCode.SHIFT_EXCEEDS_FLEXIBLE:
        assert shown[0] < shown[1]
    elif code is ReasonCode.TARGET_OVER_CAPACITY or (
        code is ReasonCode.TARGET_OVER_LIMIT and "reach" in text
    ):
        assert shown[0] > shown[1]
    if "would have to be shifted; " in text:
        assert len(shown) < 2 or "no load" in text or shown[-2] > shown[-1]
    if "It can take at most" in text:
        assert shown[-1] < Decimal(repr(verdict.shift_pct))


@given(pair=st.one_of(sound_pairs(), pairs()), shift_pct=SHIFTS_PCT)
def test_no_sentence_contradicts_its_numbers(pair: Pair, shift_pct: float) -> None:
    assert_numbers_agree(decide(pair.source, pair.target, shift_pct))


LIMITS_C = [35.0, 0.0, 34.99, 35.1, 35.123456789, -12.3, 99.999, 1e-12, -1e-12]
OFFSETS_C = [0.0, 5e-324, 1e-15, 1e-12, 1e-10, 1e-9, 1e-6, 0.004, 0.04, 0.06, 0.96]


@pytest.mark.parametrize("limit_c", LIMITS_C)
@pytest.mark.parametrize("offset_c", [*OFFSETS_C, *(-offset for offset in OFFSETS_C)])
def test_bound_next_to_its_limit_reads_on_its_own_side(
    limit_c: float, offset_c: float
) -> None:
    bound_c = limit_c + offset_c
    for outlook in (
        an_outlook(bound_c=bound_c, limit_c=limit_c),
        an_outlook(
            bound_c=math.nextafter(bound_c, math.copysign(math.inf, offset_c)),
            limit_c=limit_c,
        ),
    ):
        verdict = decide(outlook)
        assert_numbers_agree(verdict)
        check = verdict.source_after
        assert check is not None
        # Rounded up, and by less than a tenth.
        shown = float(numbers(verdict.reason_text)[0])
        assert check.bound - 1.1e-9 <= shown <= check.bound + 0.1


@pytest.mark.parametrize("excess_mw", [2e-6, 1e-4, 0.04, 0.06])
def test_load_just_above_capacity_reads_above(excess_mw: float) -> None:
    target = cool(load_mw=40.0, capacity_mw=50.0 - excess_mw)
    verdict = decide(hot(), target, 25.0)
    assert verdict.reason_code is ReasonCode.TARGET_OVER_CAPACITY
    assert_numbers_agree(verdict)


@pytest.mark.parametrize("excess_pct", [2e-9, 1e-6, 0.04])
def test_shift_just_above_the_flexible_share_reads_above(excess_pct: float) -> None:
    verdict = decide(hot(flexible_frac=0.29), cool(), 29.0 + excess_pct)
    assert verdict.reason_code is ReasonCode.SHIFT_EXCEEDS_FLEXIBLE
    assert_numbers_agree(verdict)
