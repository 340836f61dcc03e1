"""Hours that hold the values of another region: a file of the wrong place."""

from __future__ import annotations

import numpy as np

from core.aliases import BoolArray, IntArray
from core.quality import COPY_HOURS, COPY_MULTIPLE


def copied_hours(equal: BoolArray, first: int) -> BoolArray:
    """Hours of the longer runs in which two regions agree.

    Parameters
    ----------
    equal : ndarray of bool, shape (n_hours,)
        Hours in which all weather that both regions have is equal.
    first : int
        First hour to judge; the hours before it are the history of the two.

    Returns
    -------
    ndarray of bool, shape (n_hours,)
        A run that reaches into the hours to judge is marked whole.

    Examples
    --------
    >>> equal = np.array([True] * 2 + [False] * 10 + [True] * 6)
    >>> np.flatnonzero(copied_hours(equal, 10)).tolist()
    [12, 13, 14, 15, 16, 17]
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([0], equal.astype(np.int8), [0]))))
    starts, ends = edges[::2], edges[1::2]
    lengths: IntArray = ends - starts
    past = ends <= first
    longest = int(lengths[past].max(initial=0))
    needed = max(COPY_HOURS, COPY_MULTIPLE * longest + 1)
    copied = np.zeros(len(equal), dtype=np.bool_)
    for start, end in zip(starts[~past], ends[~past], strict=True):
        copied[start:end] = end - start >= needed
    return copied
