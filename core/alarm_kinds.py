"""Kinds of alarms, once: what each means, what to do, and when it is raised.

An alarm is for what needs somebody: an action has to be possible, and waiting has to
cost something. BLOCKED by rule is a safe result and no alarm. Three kinds of fifteen
are of high priority (20 %); in the replay of a year they are 16 % of what is raised.

Delays and deadbands are assumed; the replay in `tests/core/test_alarm_replay.py` holds
them against the figures of EEMUA 191.

References: ANSI/ISA-18.2-2016, Management of Alarm Systems for the Process Industries;
EEMUA Publication 191 (2013), Alarm systems, 3rd ed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class AlarmPriority(StrEnum):
    """How soon somebody has to act: now, within the shift, within the day."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class AlarmKind(StrEnum):
    """What an alarm is about; causes come before what they explain."""

    WORKER_SILENT = "worker_silent"
    CHAIN_BROKEN = "chain_broken"
    BREACH_NOW = "breach_now"
    BREACH_PREDICTED = "breach_predicted"
    MODEL_UNAVAILABLE = "model_unavailable"
    MODEL_DRIFTING = "model_drifting"
    MODEL_IMPLAUSIBLE = "model_implausible"
    FEED_FAILING = "feed_failing"
    TELEMETRY_STALE = "telemetry_stale"
    TELEMETRY_MISSING = "telemetry_missing"
    TELEMETRY_SUSPECT = "telemetry_suspect"
    PLAN_NOT_CARRIED_OUT = "plan_not_carried_out"
    BOUND_EXCEEDED = "bound_exceeded"
    CAPACITY_NEAR = "capacity_near"
    BACKUP_OLD = "backup_old"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmDefinition:
    """What is written of a kind.

    Attributes
    ----------
    title : str
        The kind in a few words.
    cause, consequence, action : str
        Sentences for whoever sees it.
    delay_on, delay_off : timedelta
        For how long the condition holds before it is raised, and is over before it is
        cleared.
    deadband : float
        How far a value has to fall below the one that raises before it counts as
        over; in the unit of that value.
    each : str
        What one alarm of the kind is about.
    explained_by : tuple of AlarmKind
        While one of these is active for the same thing, this kind is a consequence: it
        is counted under it and not raised.
    """

    title: str
    priority: AlarmPriority
    cause: str
    consequence: str
    action: str
    each: str
    delay_on: timedelta = timedelta()
    delay_off: timedelta = timedelta()
    deadband: float = 0.0
    explained_by: tuple[AlarmKind, ...] = ()


_MINUTES = timedelta(minutes=1)
_HOURS = timedelta(hours=1)

DEFINITIONS: Mapping[AlarmKind, AlarmDefinition] = {
    AlarmKind.WORKER_SILENT: AlarmDefinition(
        title="Worker silent",
        priority=AlarmPriority.HIGH,
        cause="The worker has stopped, hangs, or cannot reach the database.",
        consequence="Forecasts, verdicts, feeds and alarms are not renewed.",
        action="Look at the worker's log; start it again with gfo run or gfo worker.",
        each="the installation",
        delay_off=10 * _MINUTES,
    ),
    AlarmKind.CHAIN_BROKEN: AlarmDefinition(
        title="Audit chain or anchor broken",
        priority=AlarmPriority.HIGH,
        cause="An event, an anchor or the anchor key is not the one that was stored.",
        consequence="The history cannot be relied on from that event on.",
        action="Keep the database and the anchors as they are; see docs/audit.md.",
        each="the installation",
    ),
    AlarmKind.BREACH_NOW: AlarmDefinition(
        title="Above the limit",
        priority=AlarmPriority.HIGH,
        cause="The newest measured temperature is above the thermal limit.",
        consequence="Load that stays runs outside its envelope.",
        action="Move load away now, or add cooling; check the sensor.",
        each="a region",
        delay_off=2 * _HOURS,
        deadband=0.5,
    ),
    AlarmKind.BREACH_PREDICTED: AlarmDefinition(
        title="Breach predicted",
        priority=AlarmPriority.MEDIUM,
        cause="Within 24 hours the limit is more likely exceeded than not, on the load"
        " as it is.",
        consequence="Load that stays will probably run outside its envelope.",
        action="Find a shift on What-if or Plan, record it and carry it out.",
        each="a region",
        delay_off=3 * _HOURS,
        deadband=0.15,
        explained_by=(AlarmKind.BREACH_NOW,),
    ),
    AlarmKind.MODEL_UNAVAILABLE: AlarmDefinition(
        title="Model unavailable",
        priority=AlarmPriority.MEDIUM,
        cause="The serving model cannot be loaded, verified or run.",
        consequence="No forecast is issued; every live verdict is BLOCKED.",
        action="Activate a sound model, or roll back.",
        each="a target",
        delay_off=10 * _MINUTES,
    ),
    AlarmKind.MODEL_DRIFTING: AlarmDefinition(
        title="Model lost coverage or skill",
        priority=AlarmPriority.MEDIUM,
        cause="Maxima lie above the model's forecasts more often than its errors"
        " allow; or its errors over the fleet have grown beside the plain model's.",
        consequence="A region without coverage is BLOCKED until another model serves or"
        " the alarm of the watch is cleared. Lost skill blocks nothing: bounds hold but"
        " are wider, and more days are blocked than need be.",
        action="Let another model serve, or clear the alarm of the watch (gfo model"
        " clear-alarm).",
        each="a region, or a model where most or all of its regions are concerned",
    ),
    AlarmKind.MODEL_IMPLAUSIBLE: AlarmDefinition(
        title="Model implausible",
        priority=AlarmPriority.MEDIUM,
        cause="The model's bound lies implausibly far below that of the portal's plain"
        " model.",
        consequence="The region is BLOCKED until a plausible forecast is issued.",
        action="Compare both on Forecast; roll the model back if it persists.",
        each="a region, or a model where most of its regions are concerned",
        delay_off=2 * _HOURS,
        explained_by=(AlarmKind.MODEL_DRIFTING,),
    ),
    AlarmKind.FEED_FAILING: AlarmDefinition(
        title="Feed failing",
        priority=AlarmPriority.LOW,
        cause="The last two runs of the feed failed, or more.",
        consequence="Its telemetry grows old; a feed that stands by may take over.",
        action="Read its last error on Feeds; mend address, secret or source.",
        each="a feed, or all where most fail",
        delay_on=10 * _MINUTES,
        delay_off=2 * _HOURS,
        deadband=1.0,
        explained_by=(AlarmKind.WORKER_SILENT,),
    ),
    AlarmKind.TELEMETRY_STALE: AlarmDefinition(
        title="Telemetry stale",
        priority=AlarmPriority.MEDIUM,
        cause="The newest measured temperature is older than the policy allows.",
        consequence="The region is BLOCKED; a breach would not be seen.",
        action="Find out why no telemetry comes: feed, network or sensor.",
        each="a region, a feed or all where most are concerned",
        delay_on=15 * _MINUTES,
        delay_off=30 * _MINUTES,
        deadband=0.25,
        explained_by=(AlarmKind.WORKER_SILENT, AlarmKind.FEED_FAILING),
    ),
    AlarmKind.TELEMETRY_MISSING: AlarmDefinition(
        title="Telemetry missing",
        priority=AlarmPriority.LOW,
        cause="Hours that a forecast needs were never measured.",
        consequence="The region is BLOCKED.",
        action="Import the missing hours, or connect a feed.",
        each="a region, a feed or all where most are concerned",
        delay_on=30 * _MINUTES,
        delay_off=2 * _HOURS,
        explained_by=(
            AlarmKind.WORKER_SILENT,
            AlarmKind.FEED_FAILING,
            AlarmKind.TELEMETRY_STALE,
        ),
    ),
    AlarmKind.TELEMETRY_SUSPECT: AlarmDefinition(
        title="Telemetry suspect",
        priority=AlarmPriority.LOW,
        cause="The newest hours came and fail a check of quality.",
        consequence="The region is BLOCKED until good hours come.",
        action="Check the sensor; accept the hours on Telemetry if they are right.",
        each="a region, a feed or all where most are concerned",
        delay_on=15 * _MINUTES,
        delay_off=3 * _HOURS,
        explained_by=(AlarmKind.WORKER_SILENT, AlarmKind.TELEMETRY_STALE),
    ),
    AlarmKind.PLAN_NOT_CARRIED_OUT: AlarmDefinition(
        title="Plan not carried out",
        priority=AlarmPriority.MEDIUM,
        cause="A recorded shift should move load by now, and nobody said that it is in"
        " effect.",
        consequence="The load still stands where its verdict may be BLOCKED.",
        action="Carry it out and say so on the decision, or refuse it with a reason.",
        each="a decision, or the plan that it belongs to",
        delay_on=30 * _MINUTES,
    ),
    AlarmKind.BOUND_EXCEEDED: AlarmDefinition(
        title="Above the bound",
        priority=AlarmPriority.LOW,
        cause="A reading is above the bound that was in force when its hour began.",
        consequence="The day is one of the few that the bound allows to miss, or the"
        " model is wrong.",
        action="Watch the region; look at Quality if it happens again.",
        each="a region",
        delay_off=24 * _HOURS,
        explained_by=(AlarmKind.BREACH_NOW, AlarmKind.MODEL_DRIFTING),
    ),
    AlarmKind.CAPACITY_NEAR: AlarmDefinition(
        title="Capacity near",
        priority=AlarmPriority.LOW,
        cause="The IT load is within 5 % of the region's capacity.",
        consequence="No shift can bring load here; a rise may exceed the capacity.",
        action="Plan load elsewhere.",
        each="a region",
        delay_on=_HOURS,
        delay_off=3 * _HOURS,
        deadband=0.03,
    ),
    AlarmKind.BACKUP_OLD: AlarmDefinition(
        title="Backup old",
        priority=AlarmPriority.LOW,
        cause="No backup was made for longer than the settings allow.",
        consequence="More history would be lost with the disk.",
        action="Make one with gfo db backup; look at what makes them.",
        each="the installation",
    ),
}

HIGH_SHARE = sum(
    one.priority is AlarmPriority.HIGH for one in DEFINITIONS.values()
) / len(DEFINITIONS)
"""Share of the kinds that are of high priority."""
