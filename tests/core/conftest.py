"""Hypothesis without a stopwatch, since a busy machine must not fail a proof.

The full run tries ten times as many examples, the quick one a quarter.
"""

from __future__ import annotations

import os

from hypothesis import settings

_current = settings.get_profile(settings.get_current_profile_name())
_examples = _current.max_examples
if os.environ.get("GFO_TEST_FULL") == "1":
    _examples *= 10
elif os.environ.get("GFO_TEST_QUICK") == "1":
    _examples //= 4
settings.register_profile("unhurried", _current, deadline=None, max_examples=_examples)
settings.load_profile("unhurried")
