"""Lists in sentences, of bounded length; and numbers in sentences.

A number is printed on the side of a limit on which the rule found it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal, localcontext

_FLOAT_NOISE = Decimal("1e-9")
"""Differences that rounding up ignores: 33.500000000000004 reads 33.5."""

MOST_LISTED = 10
"""Longer lists are cut, with the number of what is left out."""


def listed(
    items: Iterable[str], *, count: int | None = None, separator: str = ", "
) -> str:
    """The first items and how many more there are; "none" for none.

    Parameters
    ----------
    count : int, optional
        How many there are, when `items` holds no more than the first ones.

    Examples
    --------
    >>> listed(["arizona", "ireland"]), listed([])
    ('arizona, ireland', 'none')
    >>> listed(str(number) for number in range(1004))
    '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 … and 994 more'
    """
    given = list(items)
    left_out = max(count or 0, len(given)) - MOST_LISTED
    text = separator.join(given[:MOST_LISTED]) or "none"
    return f"{text} … and {left_out:,} more" if left_out > 0 else text


def wait_words(wait: timedelta) -> str:
    """How long to wait, rounded up.

    Examples
    --------
    >>> wait_words(timedelta(seconds=14.2)), wait_words(timedelta(seconds=61))
    ('15 seconds', '2 minutes')
    """
    seconds = -(-wait // timedelta(seconds=1))
    if seconds < 60:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    minutes = -(-wait // timedelta(minutes=1))
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


def percent(value_pct: float) -> str:
    """A share with its sign, to nine decimals at most.

    That hides float noise and keeps every difference that a rule sees.

    Examples
    --------
    >>> percent(30.0), percent(28.999999999999996), percent(24.1)
    ('30 %', '29 %', '24.1 %')
    """
    return f"{value_pct:.9f}".rstrip("0").rstrip(".") + " %"


def setting(value: float) -> str:
    """All digits of a setting, without a trailing zero or an exponent.

    Examples
    --------
    >>> setting(35.0), setting(34.99), setting(100.0), setting(1e-7)
    ('35', '34.99', '100', '0.0000001')
    """
    return f"{Decimal(repr(value)).normalize() + 0:f}"


def rounded_up(value: float, limit: float, *, is_above: bool) -> str:
    """`value` to one decimal, rounded up so that a bound is never understated.

    It gets more decimals where one would print it on the other side of the limit.

    Parameters
    ----------
    value, limit : float
        Finite; the limit is printed by `setting`.
    is_above : bool
        Whether the rule found `value` above `limit`.

    Examples
    --------
    >>> rounded_up(33.41, 35.0, is_above=False), rounded_up(35.0, 35.0, is_above=False)
    ('33.5', '35.0')
    >>> rounded_up(34.97, 34.99, is_above=False)
    '34.97'
    >>> rounded_up(35.000000000000007, 35.0, is_above=True)
    '35.1'
    """
    exact, shown_limit = Decimal(value), Decimal(repr(limit))
    # Enough digits for the largest float; the default of 28 raises on it.
    with localcontext(prec=400):
        for decimals in range(1, 11):
            shown = _ceiling(exact - _FLOAT_NOISE, decimals)
            if (shown > shown_limit) == is_above:
                return f"{shown:f}"
        # Above by less than the noise: the plain ceiling is above too.
        return f"{_ceiling(exact, 1):f}"


def _ceiling(value: Decimal, decimals: int) -> Decimal:
    # Adding 0 turns a negative zero into a plain one.
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_CEILING) + 0
