"""Cells of CSV exports that a spreadsheet will not run as formulas."""

from __future__ import annotations

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def neutral(text: object) -> str:
    """A text cell; one that a spreadsheet would take for a formula gets a quote first.

    Examples
    --------
    >>> neutral("=1+1"), neutral("Arizona"), neutral(None)
    ("'=1+1", 'Arizona', '')
    """
    cell = "" if text is None else str(text)
    return f"'{cell}" if cell.startswith(_STARTS_FORMULA) else cell
