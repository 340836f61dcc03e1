"""As the first process of a container the supervisor takes the leave of orphans."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

# The kernel hands orphans to this process as it would to process 1.
PROGRAM = """
import ctypes, os, subprocess, sys, time
from orchestrator.processes.process_tree import reap_orphans

PR_SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
own = subprocess.Popen(["sh", "-c", "read line; exit 7"], stdin=subprocess.PIPE)
subprocess.run(["sh", "-c", "sleep 0.2 & sleep 0.3 & exit 0"], check=True)

def states():
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = open(f"/proc/{name}/stat").read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == os.getpid():
                found.append((int(name), fields[0]))
    return dict(found)

def wait_for(n_ended):
    deadline = time.monotonic() + 10
    while list(states().values()).count("Z") < n_ended:
        assert time.monotonic() < deadline, states()
        time.sleep(0.05)

wait_for(2)
n_reaped = reap_orphans({own.pid})
is_running = states() == {own.pid: "S"}
own.stdin.close()
wait_for(1)
print(n_reaped, is_running, reap_orphans({own.pid}), own.wait())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="containers are Linux")
def test_orphans_go_and_our_own_child_keeps_its_exit_code() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.split() == ["2", "True", "0", "7"], done.stderr
