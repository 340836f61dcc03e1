"""What a machine can do to one process: its clock is off, its disk is slow."""

from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

COMPILER = shutil.which("cc")
_SOURCE = Path(__file__).with_suffix(".c")


@dataclass(slots=True)
class FaultyMachine:
    """What processes with its `variables` see of their machine; sound at first."""

    library: Path
    file: Path
    clock_ahead_s: int = 0
    sync_longer_ms: int = 0

    def __post_init__(self) -> None:
        self._write()
        self.file.chmod(0o644)

    @property
    def variables(self) -> dict[str, str]:
        """For the environment of a process."""
        return {"LD_PRELOAD": str(self.library), "FAULTY_MACHINE": str(self.file)}

    def set_clock(self, ahead_s: int) -> None:
        """Move the clock, backwards too; all that run see it at once."""
        self.clock_ahead_s = ahead_s
        self._write()

    def slow_disk(self, longer_ms: int) -> None:
        """Let every write to the disk take so much longer."""
        self.sync_longer_ms = longer_ms
        self._write()

    def _write(self) -> None:
        faults = struct.pack("=qq", self.clock_ahead_s, self.sync_longer_ms)
        with self.file.open("r+b" if self.file.exists() else "wb") as file:
            file.write(faults)  # in place: the processes have it mapped


def faulty_machine_library(folder: Path) -> Path | None:
    """Build what is preloaded; None without a C compiler."""
    if COMPILER is None:
        return None
    library = folder / "faulty_machine.so"
    subprocess.run(
        [COMPILER, "-shared", "-fPIC", "-O2", "-Wall", "-o", library, _SOURCE],
        check=True,
    )
    library.chmod(0o755)
    return library
