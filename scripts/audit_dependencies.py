"""Audit every locked package against the advisory service; no answer is no success.

Exit codes: 0 all were audited and none has a known vulnerability; 1 one has; 3 the
service gave no answer for some of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
LOCKS = ("requirements/runtime.txt", "requirements/dev.txt")
SOUND, VULNERABLE, UNKNOWN = 0, 1, 3

ACCEPTED: dict[str, str] = {}
"""Advisories that do not concern us, by id, each with the reason."""

_PATIENCE_S = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The result for one lock."""

    vulnerable: tuple[str, ...]
    unknown: tuple[str, ...]
    n_packages: int


def judge(report: dict[str, Any]) -> Verdict:
    """Sort the packages of pip-audit's report; a package it skipped is unknown."""
    vulnerable, unknown = [], []
    for package in report["dependencies"]:
        if "skip_reason" in package:
            unknown.append(package["name"])
            continue
        for advisory in package.get("vulns", []):
            names = {advisory["id"], *advisory.get("aliases", [])}
            if not names & ACCEPTED.keys():
                fixed = ", ".join(advisory.get("fix_versions", [])) or "no release yet"
                vulnerable.append(
                    f"{package['name']} {package['version']}: {advisory['id']}"
                    f" (fixed in {fixed})"
                )
    return Verdict(
        vulnerable=tuple(vulnerable),
        unknown=tuple(unknown),
        n_packages=len(report["dependencies"]),
    )


def ask(lock: Path) -> Verdict | None:
    """The verdict on a lock; None when the service did not answer at all."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--no-deps"]
    command += ["--disable-pip", "--progress-spinner", "off", "--requirement"]
    try:
        done = subprocess.run(  # noqa: S603 -- a program of the development lock
            [*command, str(lock)],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
        return judge(json.loads(done.stdout))
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        return None


def main() -> int:
    """Audit both locks and print the result."""
    if not _answers():
        print("NOT AUDITED: the advisory service does not answer from here.")
        print("Nothing is known about the vulnerabilities of the locked packages.")
        return UNKNOWN
    codes = [_report(name, ask(REPOSITORY / name)) for name in LOCKS]
    return VULNERABLE if VULNERABLE in codes else max(codes)


def _answers() -> bool:
    """Whether the service answers for one package of ours; if not, the audit ends."""
    lines = (REPOSITORY / LOCKS[0]).read_text("utf-8").splitlines()
    pin = next(line.split()[0] for line in lines if line.startswith("flask=="))
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(f"{pin}\n")
        file.flush()
        verdict = ask(Path(file.name))
    return verdict is not None and not verdict.unknown


def _report(name: str, verdict: Verdict | None) -> int:
    if verdict is None:
        print(f"NOT AUDITED: {name}; the advisory service gave no answer.")
        return UNKNOWN
    for line in verdict.vulnerable:
        print(f"VULNERABLE: {line}")
    if verdict.unknown:
        print(f"NOT AUDITED: {', '.join(verdict.unknown)} of {name}.")
    if verdict.vulnerable:
        return VULNERABLE
    if verdict.unknown:
        return UNKNOWN
    print(f"{name}: {verdict.n_packages} packages, none with a known vulnerability.")
    return SOUND


if __name__ == "__main__":
    sys.exit(main())
