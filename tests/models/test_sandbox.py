"""A stranger's model is checked where it can reach nothing, and killed in time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.errors import ModelRejected, ServiceUnavailable
from models import sandbox
from models.metadata import MAX_MODEL_BYTES
from models.sandbox import check_in_sandbox
from models.smallest import smallest_model
from tests.models.attacks import ATTACKS, MOST_BYTES, TOO_MANY_NODES, long_products

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_is_refused_with_its_reason(name: str) -> None:
    content, sentence = ATTACKS[name]
    assert len(content) <= MOST_BYTES
    started = time.monotonic()
    with pytest.raises(ModelRejected, match=sentence):
        check_in_sandbox(content)
    assert time.monotonic() - started < 35


def test_too_many_nodes_are_refused() -> None:
    with pytest.raises(ModelRejected, match="more than 5,000 nodes"):
        check_in_sandbox(TOO_MANY_NODES)


def test_too_large_a_file_is_refused_unread() -> None:
    with pytest.raises(ModelRejected, match="more than 64 MiB"):
        check_in_sandbox(bytes(MAX_MODEL_BYTES + 1))


@pytest.mark.slow
def test_a_model_that_computes_for_ever_is_ended_by_its_processor_limit() -> None:
    started = time.monotonic()
    with pytest.raises(ModelRejected, match=r"more than 20 s|not done"):
        check_in_sandbox(long_products())
    assert time.monotonic() - started < 35


def test_a_model_that_is_not_done_in_time_is_killed_and_leaves_nothing() -> None:
    with pytest.raises(ModelRejected, match="not done with its probes after 2 s"):
        check_in_sandbox(long_products(), wall_clock_s=2.0)
    assert _running_checks() == []


def test_our_own_models_pass(onnx_bytes: bytes) -> None:
    assert check_in_sandbox(onnx_bytes).region_slugs == ("aa", "bb")
    assert check_in_sandbox(smallest_model()).family == "smallest"


def test_a_check_that_cannot_run_says_nothing_about_the_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "child.py"
    broken.write_text("raise SystemExit(1)")
    monkeypatch.setattr(sandbox, "_CHILD", broken)
    with pytest.raises(ServiceUnavailable, match="could not be run"):
        check_in_sandbox(smallest_model())


def test_an_answer_without_end_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    talker = tmp_path / "child.py"
    talker.write_text(
        "import os\nos.write(1, b'ready\\n')\nwhile True: os.write(1, b'x' * 65536)\n"
    )
    monkeypatch.setattr(sandbox, "_CHILD", talker)
    with pytest.raises(ModelRejected, match="brought its check down"):
        check_in_sandbox(smallest_model())


TRIES = {
    "read a file": "open('/etc/hostname')",
    "write a file": "open('x', 'w')",
    "open a socket": "socket.socket()",
    "start a process": "subprocess.run(['/bin/true'])",
    "fork": "os._exit(0) if os.fork() == 0 else None",
    "take 2 GiB": "bytearray(2 * 1024**3)",
    "raise the limits": "resource.setrlimit(resource.RLIMIT_NOFILE, (9, 9))",
    "become root": "os.setuid(0)",
    "signal the parent": "os.kill(os.getppid(), 0)",
    "write into an open file": "os.write(opened.fileno(), b'x')",
}


@pytest.mark.parametrize("what", TRIES)
def test_a_confined_process_cannot(what: str, tmp_path: Path) -> None:
    if what in {"become root", "signal the parent"} and os.geteuid() != 0:
        pytest.skip("the same user may signal its own processes")
    script = f"""
import os, resource, socket, subprocess, sys
sys.path.insert(0, {str(ROOT)!r})
from models.confinement import Limits, confine, isolate
opened = open('opened', 'wb', buffering=0)
isolate()
confine(Limits(memory_bytes=1024**3))
try:
    {TRIES[what]}
except BaseException as error:
    os.write(1, type(error).__name__.encode())
    os._exit(0)
os.write(1, b"it did")
os._exit(0)
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", script],
        capture_output=True,
        cwd=tmp_path,
        env={},
        check=False,
    )
    refusals = {b"OSError", b"PermissionError", b"MemoryError", b"ValueError"}
    if what == "write into an open file" and done.returncode == -signal.SIGXFSZ:
        return
    assert done.stdout in {*refusals, b"BlockingIOError"}, done


def _running_checks() -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[1]
        except OSError:
            continue
        if b"sandbox_child" in command and int(parent) in {os.getpid(), 1}:
            found.append(folder.name)
    return found
