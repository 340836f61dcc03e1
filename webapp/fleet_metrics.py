"""Metrics of verdicts, bounds, load, feeds and deliveries, for `webapp.prometheus`.

Labels are bounded: groups and states are fixed, feeds at most 200, subscriptions 50,
and regions 100; a longer fleet has the metrics of the whole fleet alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.operations.fleet_measurements import FleetMeasurements

if TYPE_CHECKING:
    from prometheus_client import Metric

_Gauge = Callable[..., Any]


def fleet_families(gauge: _Gauge, measured: FleetMeasurements) -> Iterator[Metric]:
    """The families of one scrape."""
    yield from _whole(gauge, measured)
    standing = measured.standing
    bounds = {s.slug: s.bound_c for s in standing if s.bound_c is not None}
    limits = {s.slug: s.limit_c for s in standing if s.limit_c is not None}
    deliveries = measured.deliveries
    for name, text, label, values in (
        (
            "gfo_regions",
            "Active regions by their newest verdict.",
            "verdict",
            {group.value: count for group, count in measured.groups.items()},
        ),
        (
            "gfo_day_bound_celsius",
            "Bound on the day's maximum, of the newest verdict.",
            "region",
            bounds,
        ),
        (
            "gfo_thermal_limit_celsius",
            "Limit that the newest verdict was judged by.",
            "region",
            limits,
        ),
        (
            "gfo_it_load_megawatts",
            "Newest measured IT load of the last 24 hours.",
            "region",
            measured.loads_mw,
        ),
        (
            "gfo_feed_worst_lag_seconds",
            "Since the newest good hour of the region that is furthest back.",
            "feed",
            measured.feed_lag_s,
        ),
        (
            "gfo_deliveries",
            "Deliveries that wait, wait after a failed try, or were given up.",
            "state",
            {
                "waiting": deliveries.waiting - deliveries.retrying,
                "retrying": deliveries.retrying,
                "dead": deliveries.dead,
            },
        ),
        (
            "gfo_subscription_failing",
            "Whether the last try failed, or the receiver is gone.",
            "subscription",
            measured.subscriptions_failing,
        ),
    ):
        yield _labelled(gauge, name, text, label, values)


def _whole(gauge: _Gauge, measured: FleetMeasurements) -> Iterator[Metric]:
    yield gauge(
        "gfo_fleet_it_load_megawatts",
        "Sum of the newest measured IT loads of the last 24 hours.",
        measured.total_load_mw,
    )
    yield gauge(
        "gfo_deliveries_oldest_seconds",
        "How long the oldest delivery has waited; 0 without one.",
        measured.oldest_delivery_s,
    )
    for name, text, value in (
        (
            "gfo_smallest_margin_celsius",
            "From bound to limit, of the region with the least.",
            measured.smallest_margin_c,
        ),
        (
            "gfo_oldest_telemetry_seconds",
            "Since the telemetry behind the oldest verdict ended.",
            measured.oldest_known_s,
        ),
        (
            "gfo_cycle_age_seconds",
            "Since the newest issue that was judged.",
            measured.cycle_age_s,
        ),
    ):
        if value is not None:
            yield gauge(name, text, value)


def _labelled(
    gauge: _Gauge, name: str, text: str, label: str, values: Mapping[str, float | int]
) -> Metric:
    family: Metric = gauge(name, text, labels=(label,))
    for value, number in values.items():
        family.add_metric((value,), number)  # type: ignore[attr-defined]
    return family
