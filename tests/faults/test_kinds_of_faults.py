"""The faults that a test makes of its own are real: clock, disk, network."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults.faulty_machine import FaultyMachine, faulty_machine_library
from tests.faults.own_network import own_network

LOOK = """
import os, sys, time
for _ in sys.stdin:
    began, number = time.monotonic(), os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
    os.fdatasync(number)
    print(time.time(), time.monotonic() - began, flush=True)
"""
ANSWER = """
import socket, sys
server = socket.create_server((sys.argv[1], 0))
print(server.getsockname()[1], flush=True)
connection, _ = server.accept()
while data := connection.recv(1):
    connection.sendall(data)
"""


def test_a_process_sees_a_moved_clock_and_a_slow_disk_at_once(tmp_path: Path) -> None:
    library = faulty_machine_library(tmp_path)
    if library is None:
        pytest.skip("there is no C compiler")
    machine = FaultyMachine(library, tmp_path / "machine")
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", LOOK, str(tmp_path / "file")],
        env=os.environ | machine.variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def seen() -> tuple[float, float]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("look\n")
            process.stdin.flush()
            clock, took = map(float, process.stdout.readline().split())
            return clock - time.time(), took

        assert seen() == (pytest.approx(0, abs=5), pytest.approx(0, abs=5))
        machine.set_clock(-7_200)
        machine.slow_disk(300)
        ahead_s, took_s = seen()
        assert ahead_s == pytest.approx(-7_200, abs=5)
        assert 0.3 <= took_s < 60  # the monotonic clock did not move
        machine.set_clock(86_400)
        assert seen()[0] == pytest.approx(86_400, abs=5)
        process.stdin.close()


def test_a_cut_network_loses_what_is_sent_and_nobody_hears_of_it() -> None:
    with own_network() as network:
        if network is None:
            pytest.skip("no network can be made here")
        command = [sys.executable, "-I", "-S", "-c", ANSWER, network.address]
        with subprocess.Popen(
            network.inside(command), stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            place = (network.address, int(process.stdout.readline()))
            with socket.create_connection(place, timeout=0.3) as connection:
                connection.sendall(b"a")
                assert connection.recv(1) == b"a"
                network.set_up(is_up=False)
                connection.sendall(b"b")  # and no error
                with pytest.raises(TimeoutError):
                    connection.recv(1)
                network.set_up(is_up=True)
                connection.settimeout(20)
                assert connection.recv(1) == b"b"  # sent again by the kernel
