"""The quick start of docs/api.md, word for word, against a real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.access import Role, Scope
from core.errors import ServiceUnavailable
from orchestrator.accounts import api_tokens
from orchestrator.cli.api_client import ApiClient, RefusedByServer
from tests.e2e.serving import serve
from tests.fleet import Fleet

pytestmark = pytest.mark.slow

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "api.md"


def _script() -> str:
    """The blocks of the section "Quick start", one after the other."""
    section = DOCUMENT.read_text("utf-8").split("## Quick start")[1].split("\n## ")[0]
    return "\necho; echo ===\n".join(re.findall(r"```\n(.*?)```", section, re.DOTALL))


def test_the_quick_start_works_as_it_is_written(fleet: Fleet, tmp_path: Path) -> None:
    with serve(fleet.runtime, fleet.urls, tmp_path) as portal:
        done = subprocess.run(
            ["bash", "-eu", "-c", _script()],
            cwd=tmp_path,
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "PORTAL": portal.url,
                "DATABASE_URL": fleet.urls.app,
                "GFO_LOG_LEVEL": "ERROR",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr + done.stdout[-2000:]
        made, asked, tried, remote = done.stdout.split("===")
        assert "Service account planner (operator) is added." in made
        assert '"rows"' in asked
        assert tried.count('"kind":"what_if"') == 2
        assert "arizona" in remote
        assert (tmp_path / "token").stat().st_mode & 0o077 == 0


def test_the_client_returns_views_and_names_what_was_refused(
    fleet: Fleet, tmp_path: Path
) -> None:
    with serve(fleet.runtime, fleet.urls, tmp_path) as portal:
        with fleet.runtime.request_as("cli") as request:
            api_tokens.add_service_account(request, "client", Role.OPERATOR)
            made = api_tokens.make_token(
                request, owner="client", name="c", scopes=[Scope.DECIDE]
            )
        with ApiClient(portal.url, made.secret or "") as client:
            assert {row.region.slug for row in client.fleet().rows} > {"arizona"}
            assert client.forecast("arizona").region.slug == "arizona"
            card = client.what_if("arizona", "ireland", 10.0)
            recorded = client.record(card.decision_id, "A test.")
            assert recorded.card is not None
            listed = client.decisions(limit=1).rows[0]
            assert listed.decision_id == recorded.card.decision_id
            assert client.decision(listed.decision_id).comment == "A test."
            assert client.find_plan("arizona").anchor.slug == "arizona"
            with pytest.raises(RefusedByServer, match="region"):
                client.forecast("nowhere")
            with pytest.raises(RefusedByServer) as refused:
                client.push_hours([{"region_slug": "arizona"}])
            assert refused.value.code == "forbidden"
    with (
        ApiClient(portal.url, "gfo_x") as client,
        pytest.raises(ServiceUnavailable, match="does not answer"),
    ):
        client.fleet()
