"""The guards of stored telemetry on the telemetry of files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.quality import rule_of
from core.quality_checks import judge_telemetry, judged_frame

if TYPE_CHECKING:  # scikit-learn takes seconds to import; a command must not wait
    from models.fleet_telemetry import RegionTelemetry


def guarded(frames: Mapping[str, RegionTelemetry]) -> dict[str, RegionTelemetry]:
    """The frames as models may see them: judged, suspect and bad hours missing."""
    return {
        slug: (judged_frame(frame, judge_telemetry(frame)).trusted(), time_zone)
        for slug, (frame, time_zone) in frames.items()
    }


def held_back(
    frames: Mapping[str, RegionTelemetry],
) -> dict[str, dict[str, dict[str, int]]]:
    """Hours that the guards held back, by region, quantity and rule."""
    return {
        slug: {
            quantity.value: {
                rule_of(code).value: count
                for code, count in sorted(Counter(codes.tolist()).items())
                if code
            }
            for quantity, codes in frame.findings.items()
            if codes.any()
        }
        for slug, (frame, _) in frames.items()
    }
