"""What the security document points at exists."""

from __future__ import annotations

import re
from pathlib import Path

from core.access import PERMISSIONS, Role
from orchestrator.settings import Settings, variable_name

REPOSITORY = Path(__file__).parents[2]
DOCUMENT = (REPOSITORY / "docs" / "security.md").read_text("utf-8")


def test_every_file_that_it_names_exists() -> None:
    named = set(re.findall(r"`((?:[a-z0-9_]+/)+[a-z0-9_]+\.py)`", DOCUMENT))
    assert len(named) > 10
    assert [name for name in named if not (REPOSITORY / name).is_file()] == []


def test_every_setting_that_it_names_exists() -> None:
    named = set(re.findall(r"`((?:GFO|DATABASE)_[A-Z_]+)(?:=\w+)?`", DOCUMENT))
    assert len(named) > 5
    assert named <= set(map(variable_name, Settings.model_fields))


def test_its_table_of_roles_is_that_of_the_code() -> None:
    rows = {
        "own logins and password": {"keep_own_account"},
        "fleet, forecasts, decisions": {"view_fleet"},
        "what-if, record a decision": {"decide"},
        "audit events": {"view_audit_events"},
        "telemetry, regions, limits, models, users, logins of others": {
            "manage_telemetry",
            "manage_regions",
            "manage_policy",
            "manage_models",
            "manage_users",
        },
        "subscriptions: webhooks and mail": {"manage_deliveries"},
        "what needs two people: ask, approve, refuse": {"approve_changes"},
        "backups and restores; what the worker does by itself; health and jobs": {
            "keep_backups",
            "run_cycle",
        },
    }
    for words, permissions in rows.items():
        (row,) = re.findall(
            rf"^\| {re.escape(words)} \|(.*)\|$", DOCUMENT, re.MULTILINE
        )
        cells = [cell.strip() == "yes" for cell in row.split("|")]
        for role, is_allowed in zip(
            (None, Role.AUDITOR, Role.OPERATOR, Role.ADMIN), cells, strict=True
        ):
            granted = set() if role is None else {p.value for p in PERMISSIONS[role]}
            assert (permissions <= granted) is is_allowed, (words, role)
