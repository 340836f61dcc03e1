"""Chronological splits of the training span."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.aliases import BoolArray, IntArray
from core.days import WINDOW_H

INNER_TRAIN_FRAC = 0.7
RESIDUAL_BLOCKS = 8
PURGE_H = 24
"""Added to the window on both sides of a held-out block: rows whose outcome or newest
inputs lie in the block are excluded from its training data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Splits of a training span; the same instants for all regions.

    Attributes
    ----------
    split_hour : int
        Penalties fitted on windows that ended by this hour are judged on windows
        issued from it on. Hours since 1970, as all hours here.
    block_edges : ndarray of int, shape (RESIDUAL_BLOCKS + 1,)
        Blocks whose residuals come from weights that were fitted without them.
    """

    split_hour: int
    block_edges: IntArray

    @classmethod
    def over(cls, first_hour: int, last_hour: int) -> Timeline:
        """Divide the issues from `first_hour` to `last_hour`, both included."""
        span = last_hour + 1 - first_hour
        edges = np.linspace(first_hour, last_hour + 1, RESIDUAL_BLOCKS + 1)
        return cls(
            split_hour=round(first_hour + INNER_TRAIN_FRAC * span),
            block_edges=edges.astype(np.int64),
        )

    @property
    def blocks(self) -> range:
        """Numbers of the held-out blocks."""
        return range(len(self.block_edges) - 1)

    def before_split(self, issue_hours: IntArray) -> BoolArray:
        """Windows that had ended by the split."""
        return issue_hours + WINDOW_H <= self.split_hour

    def after_split(self, issue_hours: IntArray) -> BoolArray:
        """Windows issued from the split on."""
        return issue_hours >= self.split_hour

    def inside(self, issue_hours: IntArray, block: int) -> BoolArray:
        """Windows issued in the block."""
        start, end = self.block_edges[block], self.block_edges[block + 1]
        held_out: BoolArray = (issue_hours >= start) & (issue_hours < end)
        return held_out

    def apart(self, issue_hours: IntArray, block: int) -> BoolArray:
        """Windows far enough from the block to be training data when it is held out."""
        margin = WINDOW_H + PURGE_H
        start, end = self.block_edges[block], self.block_edges[block + 1]
        before: BoolArray = issue_hours < start - margin
        after: BoolArray = issue_hours >= end + margin
        return before | after
