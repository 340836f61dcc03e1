"""Windows of past days assembled from files, as the portal assembles them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from core.carbon import CarbonScope, CarbonSignalKind
from core.conformity import Calibration, ScoreTracker
from core.days import WINDOW_H, window_end
from core.forecasts import HourlyForecast, Refusal, Target
from core.outlooks import Problem
from core.policies import Policy
from core.regions import Region
from core.telemetry import HOUR, TelemetryFrame
from core.weather_runs import WeatherRuns
from orchestrator.forecasts.calibration import telemetry_watermark
from orchestrator.windows.assembly import (
    IssuedForecast,
    RecordedChange,
    Window,
    assemble,
)
from orchestrator.windows.database_source import LOOK_BACK_H


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource:
    """A region on one past day; see `orchestrator.windows.assembly.Source`.

    Attributes
    ----------
    frame : TelemetryFrame
        Hours before and after the issue.
    answers : Mapping of Target to HourlyForecast | Refusal
        Issued for this day.
    tracker : ScoreTracker
        Scores of the days that had ended by the issue.
    """

    region: Region
    policy: Policy
    frame: TelemetryFrame
    auctioned_h: int
    issued_at_utc: datetime
    answers: Mapping[Target, HourlyForecast | Refusal]
    tracker: ScoreTracker

    def forecasts(self) -> dict[Target, IssuedForecast]:
        """The answers, as old as the telemetry that the models were given."""
        start_utc = self.issued_at_utc - LOOK_BACK_H * HOUR
        given = self.frame.window(start_utc, self.issued_at_utc)
        return {
            target: IssuedForecast(
                answer=answer,
                telemetry_watermark_utc=telemetry_watermark(given, target),
            )
            for target, answer in self.answers.items()
        }

    def calibration(self) -> Calibration:
        """By the scores so far."""
        return self.tracker.calibration()

    def telemetry(self, start_utc: datetime, end_utc: datetime) -> TelemetryFrame:
        """Hours of the file."""
        return self.frame.window(start_utc, end_utc)

    def carbon_kinds(
        self,
        start_utc: datetime,  # noqa: ARG002 -- all hours are read alike
        end_utc: datetime,  # noqa: ARG002
    ) -> frozenset[CarbonSignalKind | None]:
        """Life-cycle, as which an import reads files that do not say."""
        return frozenset({CarbonSignalKind(scope=CarbonScope.LIFE_CYCLE)})

    def published_runs(self) -> WeatherRuns | None:
        """The runs of the file; each says when it was known."""
        return self.frame.runs

    def model_problem(self) -> Problem | None:
        """None: on a past day the models answered or refused."""
        return None

    def recorded_change(self) -> RecordedChange:
        """No load: nothing was recorded."""
        return RecordedChange(
            standing_mw=np.zeros(WINDOW_H), in_effect_mw=np.zeros(WINDOW_H)
        )

    def window(self) -> Window:
        """The day's window, with what was known at the issue and what came."""
        return assemble(
            self,
            issued_at_utc=self.issued_at_utc,
            now=window_end(self.issued_at_utc),
            is_simulation=True,
        )
