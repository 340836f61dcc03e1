"""Nothing is learned from what had not happened, or from what is being judged."""

from __future__ import annotations

import numpy as np

from models.chronology import Timeline

TIMELINE = Timeline.over(first_hour=1_000, last_hour=9_000)
HOURS = np.arange(1_000, 9_001)


def test_windows_before_the_split_end_before_any_after_it_begins() -> None:
    before = HOURS[TIMELINE.before_split(HOURS)]
    after = HOURS[TIMELINE.after_split(HOURS)]
    assert before.max() + 24 <= after.min()


def test_every_issue_lies_in_exactly_one_block() -> None:
    membership = [TIMELINE.inside(HOURS, block) for block in TIMELINE.blocks]
    np.testing.assert_array_equal(np.sum(membership, axis=0), 1)


def test_learning_windows_share_no_hour_with_the_held_out_block() -> None:
    for block in TIMELINE.blocks:
        held_out = HOURS[TIMELINE.inside(HOURS, block)]
        learned = HOURS[TIMELINE.apart(HOURS, block)]
        earlier, later = learned[learned < held_out[0]], learned[learned > held_out[-1]]
        assert not len(earlier) or earlier.max() + 24 < held_out.min()
        assert not len(later) or held_out.max() + 24 < later.min()
        assert len(learned)
