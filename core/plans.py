"""A plan as transfers between regions, judged by the scheduler's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heapreplace
from operator import itemgetter

import numpy as np

from core.aliases import FloatArray, IntArray
from core.conformal import LimitCheck
from core.errors import InvalidInput, NotFound
from core.footprints import require_load
from core.outcomes import Outcome, ReasonCode
from core.outlooks import RegionOutlook
from core.reasons import ShiftFacts, judge
from core.scheduler import Verdict, transfer_facts, verdict_of
from core.shift import LoadShift
from core.shift_rules import given_mw, rise_of_change_c, share_load_mw


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTransfer:
    """Load that one region sends another, MW in each hour, shape (n_hours,)."""

    source: str
    target: str
    moved_mw: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionChange:
    """What a whole plan does to one region.

    Attributes
    ----------
    out_mw, in_mw : ndarray, shape (n_hours,)
        Load that leaves, and load that arrives with the energy of its migration.
    before, after : LimitCheck | None
        None where there is no finite bound.
    """

    outlook: RegionOutlook
    out_mw: FloatArray
    in_mw: FloatArray
    rise_c: FloatArray
    before: LimitCheck | None
    after: LimitCheck | None

    @property
    def change_mw(self) -> FloatArray:
        """Change of the load; negative where it falls."""
        return self.in_mw - self.out_mw

    @property
    def load_after_mw(self) -> FloatArray:
        """Load after the plan."""
        return self.outlook.it_load_mw - self.out_mw + self.in_mw

    @property
    def blocked_by_c(self) -> float | None:
        """Degrees by which it stays above its limit; 0 when it does not.

        None without a bound: then it stays BLOCKED for lack of data.
        """
        if self.after is None:
            return None
        over_c = self.after.bound - self.outlook.policy.thermal_limit_c
        return over_c if self.after.is_exceeded else 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class PlanPart:
    """One transfer of a plan with the outcome of its verdict.

    A plan has thousands of parts, and what else would be safe between the two regions
    of one takes longest: it is found when the verdict is asked for.
    """

    transfer: PlanTransfer
    facts: ShiftFacts
    outcome: Outcome
    reason_code: ReasonCode
    reason_text: str

    @cached_property
    def verdict(self) -> Verdict:
        """The whole verdict."""
        return verdict_of(self.facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanJudgement:
    """Every region and every transfer of a plan, judged together."""

    changes: tuple[RegionChange, ...]
    parts: tuple[PlanPart, ...]

    def change(self, slug: str) -> RegionChange:
        """The change of the region called `slug`."""
        return next(c for c in self.changes if c.outlook.region.slug == slug)


_MOST_SIDE_BY_SIDE = 300
"""Givers, or takers, that are matched with one another at once. A plan of more is made
in parts and then of what these leave: the search grows with the square of a part."""


def transfers(
    slugs: Sequence[str], out_mw: FloatArray, in_mw: FloatArray
) -> tuple[PlanTransfer, ...]:
    """Transfers between pairs of regions that add up to the flows of a plan.

    The pair that can exchange most over the whole window comes first and takes all of
    it, then the next of what is left: few pairs, and the same from hour to hour. In a
    long fleet that goes on in parts, each with regions from all of it; what they leave
    is exchanged between ever fewer parts, at last within one.

    Parameters
    ----------
    out_mw, in_mw : ndarray, shape (n_regions, n_hours)
        Balanced in every hour.
    """
    left, room = out_mw.copy(), in_mw.copy()
    moved: dict[tuple[int, int], FloatArray] = {}
    n_parts = len(slugs)
    while n_parts > 1:
        givers = np.flatnonzero((left > 0.0).any(axis=1))
        takers = np.flatnonzero((room > 0.0).any(axis=1))
        needed = -(-max(len(givers), len(takers)) // _MOST_SIDE_BY_SIDE)
        n_parts = max(min(n_parts // 2, needed), 1)
        for part in range(n_parts):
            _exchange(left, room, givers[part::n_parts], takers[part::n_parts], moved)
    return tuple(
        PlanTransfer(source=slugs[giver], target=slugs[taker], moved_mw=moved_mw)
        for (giver, taker), moved_mw in sorted(moved.items(), key=itemgetter(0))
    )


def _exchange(
    left_mw: FloatArray,
    room_mw: FloatArray,
    givers: IntArray,
    takers: IntArray,
    moved: dict[tuple[int, int], FloatArray],
) -> None:
    """Add to `moved` what these givers and takers can exchange, and take it away.

    In each hour a pair empties its giver or its taker, so each comes once.
    """
    if not (len(givers) and len(takers)):
        return
    left, room = left_mw[givers], room_mw[takers]
    left_mw[givers], room_mw[takers] = 0.0, 0.0
    # The most that each giver could exchange when last looked at: it only falls, so
    # whoever still can exchange as much as the next could is the first of all.
    most = [(-float(row.sum()), giver) for giver, row in enumerate(left)]
    heapify(most)
    n_full = 0
    while len(takers):
        _, giver = most[0]
        exchanged = np.minimum(left[giver], room).sum(axis=1)
        taker = int(exchanged.argmax())
        now = -float(exchanged[taker])
        heapreplace(most, (now, giver))
        if most[0] != (now, giver):
            continue
        if now == 0.0:
            break
        amount = np.minimum(left[giver], room[taker])
        moved[int(givers[giver]), int(takers[taker])] = amount
        left[giver] -= amount
        room[taker] -= amount
        n_full += not room[taker].any()
        if 2 * n_full > len(room):
            has_room = room.any(axis=1)
            takers, room, n_full = takers[has_room], room[has_room], 0
    left_mw[givers], room_mw[takers] = left, room


def judge_plan(
    outlooks: Sequence[RegionOutlook],
    moves: Sequence[PlanTransfer],
    *,
    migration_energy_frac: float = 0.0,
) -> PlanJudgement:
    """Judge transfers together: each end after all that the plan does to it.

    Raises
    ------
    InvalidInput
        When a transfer goes to its own source, has other hours, or more than a load
        can be; when load is to move that is not known.
    NotFound
        When a transfer names a region that is not there.
    """
    by_slug = {outlook.region.slug: outlook for outlook in outlooks}
    for move in moves:
        _require_sound(by_slug, move)
    nothing = {slug: np.zeros_like(item.it_load_mw) for slug, item in by_slug.items()}
    out_mw, in_mw = dict(nothing), dict(nothing)
    for move in moves:
        out_mw[move.source] = out_mw[move.source] + move.moved_mw
        in_mw[move.target] = in_mw[move.target] + move.moved_mw
    gain = 1.0 + migration_energy_frac
    changes = {
        slug: region_change(outlook, out_mw[slug], gain * in_mw[slug])
        for slug, outlook in by_slug.items()
    }
    return PlanJudgement(
        changes=tuple(changes.values()),
        parts=tuple(_part(changes, move, migration_energy_frac) for move in moves),
    )


def spread(
    source: RegionOutlook, shift_pct: float, shares: Mapping[str, float]
) -> tuple[PlanTransfer, ...]:
    """A shift to several targets: what `shift_pct` % of the source moves, by shares.

    Parameters
    ----------
    shares : Mapping of slug to share
        Each within [0, 1]; they sum to 1 within 1e-9.

    Raises
    ------
    InvalidInput
        When the shift is not within 0 to 100 %, the shares do not sum to 1, or the
        source's load is not known.

    Notes
    -----
    The last share is what the others leave, so the parts add up to the whole.
    """
    if not 0.0 <= shift_pct <= 100.0:
        message = f"A shift of {shift_pct} % is outside 0 to 100 %."
        raise InvalidInput(message)
    if not shares or not all(0.0 <= share <= 1.0 for share in shares.values()):
        message = "Each target needs a share between 0 and 1."
        raise InvalidInput(message)
    if abs(sum(shares.values()) - 1.0) > 1e-9:
        message = f"The targets' shares sum to {sum(shares.values()):g}, not 1."
        raise InvalidInput(message)
    require_load("The source's load", source.it_load_mw)
    total = given_mw(source, shift_pct)
    *first, last = shares
    parts = {slug: total * shares[slug] for slug in first}
    rest = total - sum(parts.values(), start=np.zeros_like(total))
    parts[last] = np.maximum(rest, 0.0)
    return tuple(
        PlanTransfer(source=source.region.slug, target=slug, moved_mw=moved)
        for slug, moved in parts.items()
    )


def _require_sound(by_slug: Mapping[str, RegionOutlook], move: PlanTransfer) -> None:
    for slug in (move.source, move.target):
        if slug not in by_slug:
            message = f"The plan names {slug}, which is not one of its regions."
            raise NotFound(message)
        if not by_slug[slug].load_is_known:
            message = f"The load of {slug} is not known for every hour."
            raise InvalidInput(message)
        if by_slug[slug].it_load_mw.shape != move.moved_mw.shape:
            message = f"The plan and {slug} cover other hours."
            raise InvalidInput(message)
    if move.source == move.target:
        message = f"{move.source} cannot send load to itself."
        raise InvalidInput(message)
    require_load("The moved load", move.moved_mw)


def region_change(
    outlook: RegionOutlook, out_mw: FloatArray, in_mw: FloatArray
) -> RegionChange:
    """What a plan does to a region from which this leaves and at which this arrives."""
    rise_c = rise_of_change_c(outlook, in_mw - out_mw)
    before = outlook.check()
    return RegionChange(
        outlook=outlook,
        out_mw=out_mw,
        in_mw=in_mw,
        rise_c=rise_c,
        before=before,
        after=outlook.check(rise_c) if rise_c.any() else before,
    )


def _part(
    changes: Mapping[str, RegionChange],
    move: PlanTransfer,
    migration_energy_frac: float,
) -> PlanPart:
    source, target = changes[move.source], changes[move.target]
    shift = transfer_shift(
        source.outlook,
        target.outlook,
        moved_mw=move.moved_mw,
        arrived_mw=move.moved_mw * (1.0 + migration_energy_frac),
        source_change_mw=source.change_mw,
        target_change_mw=target.change_mw,
    )
    facts = transfer_facts(
        source.outlook,
        target.outlook,
        shift,
        source_checks=(source.before, source.after),
        target_checks=(target.before, target.after),
    )
    outcome, code, text = judge(facts)
    return PlanPart(
        transfer=move,
        facts=facts,
        outcome=outcome,
        reason_code=code,
        reason_text=text,
    )


def transfer_shift(
    source: RegionOutlook,
    target: RegionOutlook,
    *,
    moved_mw: FloatArray,
    arrived_mw: FloatArray,
    source_change_mw: FloatArray,
    target_change_mw: FloatArray,
) -> LoadShift:
    """One transfer with what the whole plan does to both ends, to be judged.

    Parameters
    ----------
    moved_mw, arrived_mw : ndarray, shape (n_hours,)
        Of this transfer: what leaves, and what the target carries for it.
    source_change_mw, target_change_mw : ndarray, shape (n_hours,)
        Change of each end's load by the whole plan; negative where it falls.
    """
    energy_mwh = float(share_load_mw(source).sum())
    share = float(moved_mw.sum()) / energy_mwh if energy_mwh > 0.0 else 0.0
    return LoadShift(
        shift_pct=100.0 * min(share, 1.0),
        moved_mw=moved_mw,
        arrived_mw=arrived_mw,
        source_load_before_mw=source.it_load_mw,
        source_load_after_mw=source.it_load_mw + source_change_mw,
        target_load_before_mw=target.it_load_mw,
        target_load_after_mw=target.it_load_mw + target_change_mw,
        source_rise_c=rise_of_change_c(source, source_change_mw),
        target_rise_c=rise_of_change_c(target, target_change_mw),
    )
