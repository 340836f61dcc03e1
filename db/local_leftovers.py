"""Clean-up after a killed server: orphans, stale files, the reason in its log."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from db.local_cluster import ClusterHome


def clear_leftovers(home: ClusterHome) -> None:
    """Prepare a start; call with the cluster's lock held.

    While the lock is held, a server that runs on this cluster has lost its owner. It
    gets a stop signal, and the caller retries until it has ended. The pid file of an
    ended server may name a process id that belongs to another program now; PostgreSQL
    would refuse to start, so such files are removed. PostgreSQL's own check of the
    shared memory block still detects a backend that survived.
    """
    process_id = _recorded_process(home.data / "postmaster.pid")
    if process_id is not None and _is_server_of(process_id, home):
        _interrupt(process_id)
        return
    (home.data / "postmaster.pid").unlink(missing_ok=True)
    for stale in home.socket_dir.glob(".s.PGSQL.*"):
        stale.unlink(missing_ok=True)


def last_log_line(home: ClusterHome) -> str:
    """The newest error line of the log, else its newest line."""
    logs = sorted((home.data / "log").glob("*.log"), key=_modified)
    lines: list[str] = []
    for path in (*logs[-1:], home.start_log):
        text = (
            path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        )
        lines += [line.strip() for line in text.splitlines() if line.strip()]
    faults = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
    chosen = (faults or lines or ["it left no message."])[-1]
    return chosen.partition("FATAL:")[2].strip() or chosen


def _modified(path: Path) -> float:
    return path.stat().st_mtime


def _recorded_process(pid_file: Path) -> int | None:
    try:
        first = pid_file.read_text(encoding="utf-8").partition("\n")[0]
        return abs(int(first))
    except (OSError, ValueError):
        return None


def _is_server_of(process_id: int, home: ClusterHome) -> bool:
    """Whether that process is a server on this very data folder."""
    return f" -D {home.data} -c " in _command_line(process_id)


def _command_line(process_id: int) -> str:
    if Path("/proc/self/cmdline").exists():
        try:
            raw = Path(f"/proc/{process_id}/cmdline").read_bytes()
        except OSError:
            return ""
        return os.fsdecode(raw.replace(b"\0", b" "))
    program = shutil.which("ps") or "/bin/ps"
    listing = subprocess.run(  # noqa: S603 -- a fixed program and a number
        [program, "-ww", "-o", "command=", "-p", str(process_id)],
        capture_output=True,
        text=True,
        check=False,
    )
    return listing.stdout


def _interrupt(process_id: int) -> None:
    try:
        os.kill(process_id, signal.SIGINT)
    except ProcessLookupError:
        return
