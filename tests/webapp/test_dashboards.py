"""The dashboard and the alert rules are well-formed and use metrics that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import core

from db.deliveries import DeliveryCounts
from db.fleet_standing import RegionStanding
from orchestrator.forecasts.views import Group
from orchestrator.operations.fleet_measurements import FleetMeasurements
from webapp.fleet_metrics import fleet_families

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboard.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
DECLARED = {
    name
    for file in ("prometheus.py", "fleet_metrics.py")
    for name in re.findall(r'"(gfo_[a-z0-9_]+)"', (ROOT / "webapp" / file).read_text())
}
FUNCTIONS = {
    "rate",
    "sum",
    "by",
    "histogram_quantile",
    "max",
    "min",
    "avg",
    "le",
    "status",
}


def _metric_names(expression: str) -> set[str]:
    """The names in a PromQL expression that are neither functions nor labels."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\"[^\"]*\"", " ", expression)
    return set(re.findall(r"\b[a-zA-Z_:][a-zA-Z0-9_:]*", bare)) - FUNCTIONS


def _panels() -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return panels


def _rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def _expressions() -> Iterator[str]:
    for panel in _panels():
        yield from (target["expr"] for target in panel["targets"])
    yield from (rule["expr"] for rule in _rules())


def test_every_expression_uses_metrics_that_exist() -> None:
    used = set()
    for expression in _expressions():
        names = _metric_names(expression)
        assert names, expression
        assert expression.count("(") == expression.count(")")
        used |= {re.sub(r"_(bucket|count|sum)$", "", name) for name in names}
    assert used <= DECLARED
    assert len(used) > 25


def test_panels_stand_beside_one_another_and_rules_say_what_is_wrong() -> None:
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in _panels()]
    assert len(places) == len(set(places))
    assert len({panel["id"] for panel in _panels()}) == len(places)
    for rule in _rules():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"Gfo[A-Za-z]+", rule["alert"])
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"].endswith(".")
        assert re.fullmatch(r"\d+[mh]", rule.get("for", "1m"))


def test_labels_in_rules_and_legends_are_those_of_their_metrics() -> None:
    shown = {
        family.name: set().union(*(sample.labels for sample in family.samples))
        for family in fleet_families(core.GaugeMetricFamily, _measured())
    }
    assert shown["gfo_regions"] == {"verdict"}
    assert shown["gfo_day_bound_celsius"] == {"region"}
    assert shown["gfo_deliveries"] == {"state"}
    for panel in _panels():
        for target in panel["targets"]:
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert label in shown.get(target["expr"], {label})
    verdicts = {group.value for group in Group}
    for expression in _expressions():
        for verdict in re.findall(r'gfo_regions\{verdict="(\w+)"\}', expression):
            assert verdict in verdicts


def _measured() -> FleetMeasurements:
    standing = RegionStanding(
        region_id=1, slug="here", name="Here", issued_at_utc=None, reason_code=None,
        bound_c=30.0, limit_c=35.0, confidence=None, known_until_utc=None,
        latitude_deg=0.0, longitude_deg=0.0, decision_id=None,
    )  # fmt: skip
    return FleetMeasurements(
        groups=dict.fromkeys(Group, 1),
        standing=(standing,),
        loads_mw={"here": 12.0},
        total_load_mw=12.0,
        smallest_margin_c=5.0,
        oldest_known_s=timedelta(hours=1).total_seconds(),
        cycle_age_s=60.0,
        feed_lag_s={"grid": 60.0},
        deliveries=DeliveryCounts(waiting=3, retrying=1, dead=2),
        oldest_delivery_s=5.0,
        subscriptions_failing={"ops": True},
    )


def test_deliveries_are_counted_once() -> None:
    families = {f.name: f for f in fleet_families(core.GaugeMetricFamily, _measured())}
    counted = {s.labels["state"]: s.value for s in families["gfo_deliveries"].samples}
    assert counted == {"waiting": 2, "retrying": 1, "dead": 2}
