"""How the savings of plans move with each assumption, on the real year.

    .venv/bin/python benchmarks/plan_sensitivity.py TELEMETRY REGIONS [FAMILY]

Forecasts once, then plans the test year once for each row; prints a JSON object a line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.placement import PlanPrices, PlanRules
from core.regions import Region
from models.backtest import own_limit_c
from models.metadata import DEFAULT_FAMILY, Family
from orchestrator.backtests.day_ahead import day_ahead_forecasts
from orchestrator.backtests.plan_backtest import (
    BacktestRegion,
    PlanBacktestSetup,
    run_plan_backtest,
)
from orchestrator.backtests.plan_report import plan_backtest_document
from orchestrator.backtests.plants import REGION_COLUMNS, assumed_region, plant_of
from orchestrator.telemetry.readers.frames import read_fleet

TRAIN_UNTIL, N_CALIBRATION, N_DAYS = datetime(2022, 1, 1, tzinfo=UTC), 365, 730


@dataclass(frozen=True)
class Variant:
    """One row: what is assumed otherwise than in the first."""

    name: str
    carbon_usd_per_t: float = 50.0
    water_usd_per_m3: float = 2.0
    energy_price_weight: float = 1.0
    limit_c: float | None = 35.0  # None: each region's own
    cooling_factor_c_per_pct: float = 0.05
    counts_hydro_water: bool = False
    auction_prices: bool = True
    migration_energy_frac: float = 0.0
    ramp_mw_per_h: float | None = None
    flexible_load_frac: float = 0.5
    it_capacity_mw: float = 100.0


VARIANTS = (
    Variant("as assumed"),
    Variant("carbon free of charge, water too", carbon_usd_per_t=0, water_usd_per_m3=0),
    Variant("carbon at 150 USD/t", carbon_usd_per_t=150.0),
    Variant("water at 20 USD/m3", water_usd_per_m3=20.0),
    Variant("energy free of charge", energy_price_weight=0.0),
    Variant("no auction price known", auction_prices=False),
    Variant("each region's own limit", limit_c=None),
    Variant("half the cooling factor", cooling_factor_c_per_pct=0.025),
    Variant("twice the cooling factor", cooling_factor_c_per_pct=0.1),
    Variant("hydropower's water counts", counts_hydro_water=True),
    Variant("moving takes 2 % of the energy", migration_energy_frac=0.02),
    Variant("ramp of 5 MW/h", ramp_mw_per_h=5.0),
    Variant("a quarter of the load flexible", flexible_load_frac=0.25),
    Variant("capacity of 85 MW", it_capacity_mw=85.0),
)


def rows(telemetry: Path, regions: Path, family: Family) -> Iterator[dict[str, object]]:
    """The figures of every variant, as they are found."""
    fleet = read_fleet(
        telemetry, regions, datetime.now(UTC), print, columns=REGION_COLUMNS
    )
    plants = {slug: assumed_region(row) for slug, row in fleet.table.items()}
    issues = [TRAIN_UNTIL + timedelta(days=day) for day in range(N_DAYS)]
    forecasts = day_ahead_forecasts(
        fleet.frames,
        plants,
        issues,
        train_until_utc=TRAIN_UNTIL,
        seed=7,
        family=family,
    )

    def changed(region: Region, variant: Variant) -> Region:
        return replace(
            region,
            flexible_load_frac=variant.flexible_load_frac,
            it_capacity_mw=variant.it_capacity_mw,
        )

    for variant in VARIANTS:
        prices = PlanPrices(
            energy_price_weight=variant.energy_price_weight,
            carbon_usd_per_t=variant.carbon_usd_per_t,
            water_usd_per_m3=variant.water_usd_per_m3,
        )
        result = run_plan_backtest(
            [
                BacktestRegion(
                    region=changed(plants[slug], variant),
                    frame=frame,
                    limit_c=own_limit_c((frame, zone), TRAIN_UNTIL.date())
                    if variant.limit_c is None
                    else variant.limit_c,
                    auctioned_h=plant_of(slug).auctioned_h
                    if variant.auction_prices
                    else 0,
                )
                for slug, (frame, zone) in fleet.frames.items()
            ],
            forecasts,
            PlanBacktestSetup(
                issues=issues,
                n_calibration=N_CALIBRATION,
                prices=prices,
                rules=PlanRules(
                    ramp_mw_per_h=variant.ramp_mw_per_h,
                    migration_energy_frac=variant.migration_energy_frac,
                ),
                cooling_factor_c_per_pct=variant.cooling_factor_c_per_pct,
                counts_hydro_water=variant.counts_hydro_water,
            ),
        )
        document = plan_backtest_document(result, prices, setup={}, timings_s={})
        yield (
            {"variant": variant.name}
            | {
                key: document[key]
                for key in (
                    "n_days",
                    "ways",
                    "share_of_oracle_frac",
                    "share_of_clairvoyant_frac",
                    "heat",
                )
            }
            | {"infeasible_days": len(result.infeasible)}
        )


def main() -> None:
    """Print a line for every variant."""
    family = Family(sys.argv[3]) if len(sys.argv) > 3 else DEFAULT_FAMILY
    for row in rows(Path(sys.argv[1]), Path(sys.argv[2]), family):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
