"""Cells of CSV exports that a spreadsheet will not run as formulas."""

from __future__ import annotations

import re

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r")

# Where a spreadsheet that parts cells at semicolons or tabs begins another one. It then
# honours no quotes either: they stand in the middle of what it takes for a cell. Spaces
# and quotes before a formula are passed over by some.
_BEGINS_FORMULA = re.compile(
    r"""(^|[;\t\r\n])([\s"']*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])"""
)


def neutral(text: object) -> str:
    """A text cell; what a spreadsheet would take for a formula gets a quote first.

    Also inside the text, behind what parts cells in other countries: there a comment
    "seen;=1+1" would be two cells, the second one run.

    Examples
    --------
    >>> neutral("=1+1"), neutral("Arizona"), neutral(None)
    ("'=1+1", 'Arizona', '')
    >>> neutral("seen; =1+1")
    "seen; '=1+1"
    """
    cell = "" if text is None else str(text)
    inner = _BEGINS_FORMULA.sub(r"\1\2'", cell)
    starts_alone = cell.startswith(_STARTS_FORMULA) and not inner.startswith("'")
    return f"'{inner}" if starts_alone else inner
