"""`gfo telemetry` and `gfo region` as a person or a script uses them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from db.engine import DatabaseUrls
from orchestrator.cli import region, telemetry

pytestmark = pytest.mark.slow

GOOD = "timestamp,region,temperature_c\n2023-08-01T00:00:00Z,texas,36.5\n"
NAIVE = "timestamp,region,temperature_c\n2023-08-01 02:00,texas,36.5\n"

# In this process, because each start of Python costs seconds; `gfo` as installed is
# exercised elsewhere.
APP = typer.Typer(pretty_exceptions_enable=False)
APP.add_typer(telemetry.app, name="telemetry")
APP.add_typer(region.app, name="region")


class Gfo:
    """Runs commands in a folder, on one database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str) -> Result:
        result = CliRunner().invoke(APP, arguments)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def write(self, name: str, content: str) -> str:
        (self.folder / name).write_text(content)
        return name


@pytest.fixture
def gfo(
    tmp_path: Path,
    database_urls: DatabaseUrls,
    monkeypatch: pytest.MonkeyPatch,
    untouched_logging: None,
) -> Gfo:
    del untouched_logging
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_urls.app)
    monkeypatch.setenv("DATABASE_OWNER_URL", database_urls.owner)
    monkeypatch.setenv("DATABASE_AUDITOR_URL", database_urls.auditor)
    monkeypatch.setenv("GFO_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("GFO_LOG_LEVEL", "ERROR")
    gfo = Gfo(tmp_path)
    regions = gfo.write(
        "regions.csv",
        "slug,name,time_zone,latitude,longitude\n"
        "texas,Dallas,America/Chicago,32.8,-96.8\n",
    )
    added = gfo("region", "add", "--from-csv", regions)
    assert added.exit_code == 0, added.output
    assert "Added: texas." in added.stdout
    return gfo


def test_import_tells_what_it_did_and_how_to_see_refused_rows(gfo: Gfo) -> None:
    mixed = gfo.write("mixed.csv", GOOD + "2023-08-01T01:00:00Z,texas,hot\n")

    done = gfo("telemetry", "import", mixed)

    assert done.exit_code == 0, done.stderr
    assert "2 read: 1 inserted, 0 updated, 0 unchanged, 1 refused" in done.stdout
    assert "2023-08-01 00:00 to 2023-08-01 00:00 UTC" in done.stdout
    assert "1 x bad_number, first in line 3" in done.stdout
    command = done.stdout.split("see them")[1].split("\n")[0].split()
    assert command[0] == "gfo"
    refused = gfo(*command[1:])
    assert "line 3: temperature_c is 'hot', which is no number." in refused.stdout
    assert "2023-08-01T01:00:00Z,texas,hot" in refused.stdout


def test_exit_codes_tell_refused_files_from_wrong_commands(gfo: Gfo) -> None:
    good, naive = gfo.write("good.csv", GOOD), gfo.write("naive.csv", NAIVE)
    broken = gfo.write("broken.csv", "nothing\n")

    assert gfo("telemetry", "import", naive).exit_code == 1
    assert gfo("telemetry", "import", broken).exit_code == 1
    assert gfo("telemetry", "import", "absent.csv").exit_code == 2
    wrong_zone = gfo("telemetry", "import", good, "--timezone", "Mars")
    assert wrong_zone.exit_code == 2
    assert "Mars" in wrong_zone.stderr
    wrong_region = gfo("telemetry", "import", good, "--region", "nowhere")
    assert wrong_region.exit_code == 2
    assert "known regions: texas" in wrong_region.stderr


def test_a_bad_file_does_not_undo_the_good_one_beside_it(gfo: Gfo) -> None:
    broken, naive = gfo.write("broken.csv", "nothing\n"), gfo.write("naive.csv", NAIVE)

    done = gfo("telemetry", "import", broken, naive, "--timezone", "-05:00", "--json")

    assert done.exit_code == 1
    first, second = json.loads(done.stdout)
    assert first["summary"] is None
    assert "timestamp" in first["error"]
    counts = second["summary"]["counts"]
    assert counts["rows_inserted"] == 1
    assert counts["first_hour_utc"] == "2023-08-01T07:00:00+00:00"


def test_generated_files_are_the_same_bytes_and_import_as_synthetic(gfo: Gfo) -> None:
    arguments = ("--regions", "2", "--days", "3", "--end", "2024-01-01")
    for name in ("one.csv.gz", "two.csv.gz"):
        done = gfo("telemetry", "generate", *arguments, "--out", name)
        assert done.exit_code == 0, done.stderr
        assert "144 rows" in done.stdout
    folder = gfo.folder
    assert (folder / "one.csv.gz").read_bytes() == (folder / "two.csv.gz").read_bytes()

    into_database = gfo("telemetry", "generate", *arguments, "--json")
    assert json.loads(into_database.stdout)["counts"]["rows_inserted"] == 144
    as_measured = gfo("telemetry", "import", "one.csv.gz")
    assert as_measured.exit_code == 1
    assert "holds generated telemetry" in as_measured.stdout
    again = gfo("telemetry", "import", "one.csv.gz", "--synthetic")
    assert "0 inserted, 0 updated, 144 unchanged" in again.stdout


def test_regions_are_added_changed_and_listed(gfo: Gfo) -> None:
    incomplete = gfo("region", "add", "CA-ON", "--name", "Toronto")
    assert incomplete.exit_code == 2
    place = (
        "--time-zone",
        "America/Toronto",
        "--latitude",
        "43.7",
        "--longitude",
        "-79",
    )
    added = gfo(
        "region", "add", "CA-ON", "--name", "Toronto", *place, "--cooling", "air"
    )
    assert added.exit_code == 0, added.stderr

    changed = gfo(
        "region", "set", "CA-ON", "--capacity-mw", "80", "--parameter", "chiller_cop=5"
    )
    assert "80 MW" in changed.stdout
    assert gfo("region", "set", "CA-ON").exit_code == 2
    assert gfo("region", "set", "texas", "--inactive").exit_code == 0

    (listed,) = json.loads(gfo("region", "list", "--json").stdout)
    assert listed["slug"] == "CA-ON"
    assert listed["cooling_type"] == "air"
    assert listed["cooling"]["chiller_cop"] == 5.0
    assert "[inactive]" in gfo("region", "list", "--all").stdout


GRAFANA = """Time,Load (kW),Inlet
2025-06-01 00:00:00,41200 kW,50 °F
2025-06-01 00:30:00,41400 kW,52 °F
"""


def test_inspect_says_how_a_file_would_be_read_and_stores_nothing(gfo: Gfo) -> None:
    file = gfo.write("panel.csv", GRAFANA)
    said = (
        *("--region", "texas", "--timezone", "-06:00", "--column", "Time=timestamp"),
        *("--column", "Load (kW)=it_load_mw", "--column", "Inlet=temperature_c"),
    )

    unread = gfo("telemetry", "inspect", file, "--region", "texas")
    assert unread.exit_code == 2
    assert "--column Time=timestamp" in unread.stderr
    done = gfo("telemetry", "inspect", file, *said)

    assert done.exit_code == 0, done.stderr
    for words in (
        "table (Any table, with a column map)",
        "granularity 30-minute",
        "times       -06:00",
        "Load (kW) is it_load_mw, in kW",
        "would take  1 hours, refuse 0",
        "2025-06-01 06:00 UTC texas: temperature_c 10.5556, it_load_mw 41.3",
        "temperature_max_c 11.1111",
        "odd         30-minute values were made hourly",
    ):
        assert words in done.stdout
    as_json = json.loads(gfo("telemetry", "inspect", file, *said, "--json").stdout)
    assert as_json["granularity"] == ["30-minute"]
    imported = gfo("telemetry", "import", file, *said)
    assert "1 inserted" in imported.stdout
    assert "format      table" in imported.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--column", "Time"), "is not like NAME=VALUE"),
        (("--unit", "load=kW"), "'load' is no quantity"),
        (("--rate", "EUR=0"), "must be USD for one"),
        (("--carbon-kind", "green"), "Carbon kind 'green' is unknown"),
    ],
)
def test_options_that_cannot_be_meant_are_said_so(
    gfo: Gfo, arguments: tuple[str, ...], said: str
) -> None:
    done = gfo("telemetry", "import", gfo.write("good.csv", GOOD), *arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_judge_goes_through_every_stored_hour(gfo: Gfo) -> None:
    zero = "2023-08-01T01:00:00Z,texas,0\n"
    assert gfo("telemetry", "import", gfo.write("zero.csv", GOOD + zero)).exit_code == 0
    assert (
        "texas: 1 values are suspect, 0 verdicts changed."
        in gfo("telemetry", "judge", "--region", "texas").stdout
    )
    assert gfo("telemetry", "judge", "--region", "mars").exit_code != 0
