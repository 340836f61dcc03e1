"""The grid's script, 1.3 MB: fetched by the pages that have a grid, and by no other."""

from __future__ import annotations

from pathlib import Path

import dash_ag_grid
from dash.fingerprint import build_fingerprint

_SCRIPT = "dash_ag_grid.min.js"


def leave_grid_script_out() -> None:
    """Take it out of every page's head; `webapp/assets/grids.js` asks for it."""
    for resource in dash_ag_grid._js_dist:
        if resource["relative_package_path"] == _SCRIPT:
            # Dash's own word for a file that the browser asks for by itself.
            resource["async"] = "lazy"


def grid_script_url() -> str:
    """Its address, new with every release of its package."""
    changed = int((Path(dash_ag_grid.__file__).parent / _SCRIPT).stat().st_mtime)
    name = build_fingerprint(_SCRIPT, dash_ag_grid.__version__, changed)
    return f"/_dash-component-suites/{dash_ag_grid.__name__}/{name}"
