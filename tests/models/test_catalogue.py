"""The published catalogue is the one in the code."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from core.conformity import required_scores
from core.errors import InvalidInput
from core.forecasts import InputMode, Target
from core.model_gate import COVERAGE_SLACK, MINIMUM_DAYS, WORSE_RMSE_RATIO
from core.weather_runs import (
    BIAS_DAYS,
    BIAS_PRIOR_DAYS,
    FRESHER_BY_H,
    MAX_RUN_AGE_H,
    MAX_STEP_H,
)
from models.catalogue import (
    CATALOGUE,
    catalogue_markdown,
    default_feature_names,
    features_named,
)
from models.contract import (
    ALLOWED_OPERATORS,
    MAX_NODES,
    MAX_TENSOR_ELEMENTS,
    MAX_WEIGHT_ELEMENTS,
)
from models.features import RUN_RUNGS_H
from models.gaps import MAX_FILLED_GAP_H, MAX_FILLED_HOURS, MAX_HELD_H, MEAN_WINDOW_H
from models.inference import BATCH_ROWS, DEADLINE_S
from models.inference_child import MEMORY_BYTES as SERVING_BYTES
from models.metadata import (
    CONTRACT_VERSION,
    MAX_MODEL_BYTES,
    MAX_REGIONS,
    RUN_CONTRACT_VERSION,
)
from models.probes import MAX_PROBED_REGIONS
from models.sandbox import WALL_CLOCK_S
from models.sandbox_child import CPU_S
from models.sandbox_child import MEMORY_BYTES as CHECK_BYTES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "model-contract.md"


def _between(page: str, marker: str) -> str:
    after = page.split(f"<!-- {marker} -->\n")[1]
    return after.split(f"\n<!-- end {marker} -->", maxsplit=1)[0]


def test_page_holds_the_table_that_the_code_generates() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert _between(page, "catalogue").strip() == catalogue_markdown()


def test_page_lists_exactly_the_allowed_operators() -> None:
    listed = _between(PAGE.read_text(encoding="utf-8"), "operators")
    assert {name.strip(" `\n") for name in listed.split(",")} == ALLOWED_OPERATORS


def test_page_states_the_gap_rules_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"of at most {MAX_FILLED_GAP_H} h" in page
    assert f"at most {MAX_FILLED_HOURS} h of one look-back" in page
    assert f"up to {MAX_HELD_H} h" in page
    assert f"{MEAN_WINDOW_H} h before" in page
    versions = f"`{CONTRACT_VERSION}`, or `{RUN_CONTRACT_VERSION}`"
    assert f"`gfo_contract_version` | {versions}" in page


def test_page_states_the_rules_of_weather_forecasts() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"at most {MAX_RUN_AGE_H} h old. Steps of at most {MAX_STEP_H} h" in page
    assert f"over {FRESHER_BY_H} h older" in page
    assert f"in the {BIAS_DAYS} windows" in page
    assert f"number plus {BIAS_PRIOR_DAYS}" in page
    _, younger, older, day_max, none = RUN_RUNGS_H
    assert day_max == MAX_RUN_AGE_H + 1
    assert f"younger than {younger} h, younger than {older} h, all but daily" in page
    assert none is None
    for mode in InputMode:
        assert f"`{mode}`" in page


@pytest.mark.parametrize("target", list(Target))
@pytest.mark.parametrize("with_season", [True, False])
def test_every_default_feature_is_in_the_catalogue_once(
    target: Target, with_season: bool
) -> None:
    names = default_feature_names(target, with_season=with_season)
    assert [feature.name for feature in features_named(names)] == list(names)
    assert any(name.startswith("year_") for name in names) == with_season


@pytest.mark.parametrize(
    ("names", "word"),
    [
        ((), "at least one"),
        (("temperature_c_lag_0h",), "temperature_c_lag_0h"),
        (("local_hour", "local_hour"), "twice"),
    ],
)
def test_names_outside_the_catalogue_are_refused(
    names: tuple[str, ...], word: str
) -> None:
    with pytest.raises(InvalidInput, match=word):
        features_named(names)


def test_no_feature_looks_at_the_hour_of_issue_or_later() -> None:
    assert min(f.lag_h for f in CATALOGUE.values() if f.lag_h is not None) == 1


def test_page_states_the_limits_that_are_enforced() -> None:
    listed = _between(PAGE.read_text(encoding="utf-8"), "limits")
    rows = [line.split("|")[1:3] for line in listed.strip().splitlines()[2:]]
    stated = {name.strip(): value.strip() for name, value in rows}
    assert list(stated.values()) == [
        f"{MAX_MODEL_BYTES // 2**20} MiB",
        f"{MAX_NODES:,}",
        f"{MAX_WEIGHT_ELEMENTS:,}",
        f"{MAX_TENSOR_ELEMENTS:,}",
        f"{MAX_REGIONS:,}",
        f"{CHECK_BYTES // 2**20} MiB",
        f"{CPU_S} s",
        f"{WALL_CLOCK_S:g} s",
        f"{SERVING_BYTES // 2**20} MiB",
        f"{DEADLINE_S:g} s",
    ]
    assert f"a batch of {BATCH_ROWS} rows" in listed


def test_page_states_the_gate_that_is_built() -> None:
    page = PAGE.read_text(encoding="utf-8")
    needed = required_scores(Decimal("0.05"))
    assert f"at least {needed + MINIMUM_DAYS} days of telemetry" in page
    assert f"({needed} scores for a bound at 95 %, and {MINIMUM_DAYS} days" in page
    assert f"max({COVERAGE_SLACK:g}, 2 √" in page
    assert f"above {WORSE_RMSE_RATIO:g} times" in page
    assert f"up to {MAX_PROBED_REGIONS} of its" in page
