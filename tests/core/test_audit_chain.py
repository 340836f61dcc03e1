"""Verification of the chain without a database: links, columns and anchors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core.anchors import Anchor
from core.audit import canonical_json, event_hash, genesis_hash, instant_text
from core.audit_chain import (
    ChainLink,
    ChainPosition,
    ChainReport,
    contradiction,
    verify_links,
)

INSTALLATION = UUID("00000000-0000-4000-8000-000000000001")
GENESIS = ChainPosition(0, genesis_hash(INSTALLATION))
NOON = datetime(2023, 8, 1, 12, tzinfo=UTC)


def make_links(length: int, start: ChainPosition = GENESIS) -> list[ChainLink]:
    links: list[ChainLink] = []
    seq, previous = start
    for _ in range(length):
        seq += 1
        columns = {
            "occurred_at_utc": instant_text(NOON + timedelta(seconds=seq)),
            "actor_id": 7,
            "actor_name": "ada",
            "action": "decision_recorded",
            "object_type": "decision",
            "object_id": str(seq),
            "request_id": None,
        }
        payload = canonical_json({**columns, "after": {"bound_c": 35.1}})
        link_hash = event_hash(1, previous, seq, payload)
        links.append(ChainLink(seq, 1, previous, link_hash, payload, **columns))
        previous = link_hash
    return links


def anchor_of(link: ChainLink, **changes: object) -> Anchor:
    values: dict[str, object] = {
        "installation_id": INSTALLATION,
        "seq": link.seq,
        "head": link.hash,
        "time_text": instant_text(NOON),
        "key_hex": "ab" * 32,
    }
    return Anchor(**{**values, **changes})  # type: ignore[arg-type]


def verify(links: list[ChainLink], *anchors: Anchor) -> ChainReport:
    return verify_links(iter(links), GENESIS, {item.seq: item for item in anchors})


@pytest.mark.parametrize("length", [0, 1, 20])
def test_an_untouched_chain_is_sound(length: int) -> None:
    links = make_links(length)

    report = verify(links)

    assert report.is_sound
    assert report.event_count == length
    assert report.last_hash == (links[-1].hash if links else GENESIS.hash)
    assert report.anchored_seq is None


@pytest.mark.parametrize(
    "change",
    [
        {"payload": '{"action":"other"}'},
        {"payload": "no record"},
        {"payload": ""},
        {"hash": bytes(32)},
        {"previous_hash": bytes(32)},
        {"seq": 70},
        {"format_version": 2},
        {"actor_name": "eve"},
        {"actor_id": None},
        {"action": "decision_refused"},
        {"object_id": "9"},
        {"object_type": None},
        {"request_id": "x"},
        {"occurred_at_utc": instant_text(NOON)},
        {"occurred_at_utc": None},
    ],
)
def test_any_change_to_one_event_is_found_at_that_event(
    change: dict[str, object],
) -> None:
    links = make_links(20)
    links[6] = links[6]._replace(**change)

    report = verify(links)

    assert report.first_bad_seq == 7
    assert report.event_count == 6
    assert report.reason


def test_a_missing_event_is_found_where_it_should_be() -> None:
    links = make_links(20)
    del links[6]

    report = verify(links)

    assert report.first_bad_seq == 7
    assert report.reason == "Event 7 is missing; event 8 follows."


def test_an_event_before_the_first_is_found() -> None:
    links = make_links(3)

    assert verify([links[0]._replace(seq=-4), *links]).first_bad_seq == -4


def test_a_rewritten_event_breaks_the_one_after_it() -> None:
    links = make_links(20)
    payload = links[6].payload.replace("35.1", "34.9")
    link_hash = event_hash(1, links[6].previous_hash, 7, payload)
    links[6] = links[6]._replace(payload=payload, hash=link_hash)

    assert verify(links).first_bad_seq == 8


def test_the_chain_of_another_installation_does_not_fit() -> None:
    stranger = genesis_hash(UUID("00000000-0000-4000-8000-000000000002"))

    report = verify_links(make_links(3), ChainPosition(0, stranger))

    assert report.first_bad_seq == 1


@pytest.mark.parametrize(
    "payload", ['["not","a","record"]', '{"action":"decision_recorded"}', '{"a":1}x']
)
def test_a_hashed_payload_that_is_no_complete_record_is_found(payload: str) -> None:
    link = make_links(1)[0]
    link_hash = event_hash(1, GENESIS.hash, 1, payload)

    report = verify([link._replace(payload=payload, hash=link_hash)])

    assert report.first_bad_seq == 1
    assert "record" in (report.reason or "")


def test_a_walk_may_begin_after_an_event_that_was_verified() -> None:
    links = make_links(10)

    report = verify_links(links[4:], ChainPosition(4, links[3].hash))

    assert report.is_sound
    assert report.event_count == 10


def test_events_after_the_newest_anchor_are_counted_as_outside_the_promise() -> None:
    links = make_links(10)

    report = verify(links, anchor_of(links[2]), anchor_of(links[6]))

    assert report.is_sound
    assert (report.anchored_seq, report.later_count) == (7, 3)


def recomputed(links: list[ChainLink], changed: int) -> list[ChainLink]:
    """The chain as somebody would write it anew, from `changed` on."""
    again, previous = links[: changed - 1], links[changed - 1].previous_hash
    for link in links[changed - 1 :]:
        payload = link.payload.replace("35.1", "34.9")
        link_hash = event_hash(1, previous, link.seq, payload)
        again.append(
            link._replace(payload=payload, previous_hash=previous, hash=link_hash)
        )
        previous = link_hash
    return again


def test_a_chain_computed_anew_is_sound_without_an_anchor() -> None:
    assert verify(recomputed(make_links(10), 5)).is_sound


@pytest.mark.parametrize(
    ("anchored", "first_bad_seq", "sound_count"),
    [([3, 7], 4, 3), ([7], 1, 0), ([5], 1, 0), ([4, 5], 5, 4)],
)
def test_a_chain_computed_anew_does_not_fit_its_anchors(
    anchored: list[int], first_bad_seq: int, sound_count: int
) -> None:
    links = make_links(10)
    anchors = [anchor_of(links[seq - 1]) for seq in anchored]

    report = verify(recomputed(links, 5), *anchors)

    assert report.first_bad_seq == first_bad_seq
    assert report.event_count == sound_count
    assert "written anew" in (report.reason or "")


def test_what_was_computed_anew_after_the_anchor_is_outside_the_promise() -> None:
    links = make_links(10)

    report = verify(recomputed(links, 5), anchor_of(links[3]))

    assert report.is_sound
    assert (report.anchored_seq, report.later_count) == (4, 6)


def test_a_cut_end_is_found_when_it_was_anchored() -> None:
    links = make_links(10)

    report = verify(links[:6], anchor_of(links[8]))

    assert report.first_bad_seq == 7
    assert "event 9 was anchored" in (report.reason or "")
    assert verify(links[:6]).is_sound


def test_anchors_that_contradict_each_other_are_named() -> None:
    first, second = make_links(2)
    stranger = UUID("00000000-0000-4000-8000-000000000002")

    assert contradiction([anchor_of(first), anchor_of(second)]) is None
    assert contradiction([anchor_of(first), anchor_of(first)]) is None
    assert "events 1" in str(
        contradiction([anchor_of(first), anchor_of(first, head=second.hash)])
    )
    assert "two installations" in str(
        contradiction([anchor_of(first), anchor_of(second, installation_id=stranger)])
    )
