"""Hypothesis without a stopwatch, since a busy machine must not fail a proof.

The full run tries ten times as many examples.
"""

from __future__ import annotations

import os

from hypothesis import settings

_current = settings.get_profile(settings.get_current_profile_name())
_times = 10 if os.environ.get("GFO_TEST_FULL") == "1" else 1
settings.register_profile(
    "unhurried", _current, deadline=None, max_examples=_times * _current.max_examples
)
settings.load_profile("unhurried")
