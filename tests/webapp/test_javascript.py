"""The scripts of webapp/assets pass their tests in tests/js and the linter's rules."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.javascript import FOLDER, run_node

ROOT = Path(__file__).parents[2]
TESTS = sorted(FOLDER.glob("*.test.mjs"))


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name)
def test_every_test_of_a_script_passes(file: Path) -> None:
    done = run_node("--test", "--test-reporter=spec", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_script_has_tests() -> None:
    scripts = (ROOT / "webapp" / "assets").glob("*.js")
    tested = {file.name.split(".")[0] for file in TESTS}
    assert tested == {script.stem for script in scripts}


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("", None),
        ("shown = missing(shown);", "no-undef"),
        ("shown += 1; leaked = shown;", "no-undef"),
        ("const unused = shown;", "no-unused-vars"),
        ('if (shown == "1") shown = 2;', "eqeqeq"),
        ("return shown; shown = 2;", "no-unreachable"),
        ("const again = (shown) => shown; again(1);", "no-shadow"),
        ("shown = event.type;", "no-restricted-globals"),
        ("console.log(shown);", "no-console"),
        ("})(); var implicit = 1; (function () {", "no-implicit-globals"),
    ],
)
def test_a_planted_fault_fails_the_lint(
    fault: str, rule: str | None, tmp_path: Path
) -> None:
    script = tmp_path / "script.js"
    script.write_text(
        '(function () {\n"use strict";\nlet shown = 1;\n'
        f"shown += 1;\ndocument.title = shown;\n{fault}\n}})();\n"
    )
    done = subprocess.run(
        ["oxlint", "--config", ROOT / ".oxlintrc.json", "--format=unix", script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) is (rule is None), done.stdout
    assert rule is None or f"({rule})" in done.stdout
