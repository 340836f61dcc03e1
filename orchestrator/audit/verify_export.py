"""Check an exported audit chain: python3 verify_export.py FILE [--public-key HEX].

Needs Python 3.11 and nothing else. Exit code 0: sound, 1: not, 2: not readable. Take
this file and the public key from where you trust them, not from the export.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
import sys
from typing import Any
from zipfile import ZipFile

MAKING = ("decision_automatic", "decision_what_if", "decision_recorded")
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int, int, int]
Record = dict[Any, Any]


class Unsound(Exception):
    """Something in the export does not fit."""


def add(a: Point, b: Point) -> Point:
    """Sum of two points in extended coordinates (RFC 8032, section 5.1.4)."""
    x, y = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0])
    t, z = 2 * a[3] * b[3] * D, 2 * a[2] * b[2]
    e, f, g, h = y - x, z - t, z + t, y + x
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar: int, point: Point) -> Point:
    """Multiple of a point."""
    total = (0, 1, 1, 0)
    while scalar:
        total = add(total, point) if scalar & 1 else total
        point, scalar = add(point, point), scalar >> 1
    return total


def decode(data: bytes) -> Point:
    """Point from its 32 bytes (RFC 8032, section 5.1.3)."""
    sign, y = divmod(int.from_bytes(data, "little"), 2**255)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        raise Unsound("a key or a signature is not a point of the curve")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = decode((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    """Ed25519 (RFC 8032, section 5.1.7)."""
    scalar = int.from_bytes(signature[32:], "little")
    digest = hashlib.sha512(signature[:32] + key + message).digest()
    challenge = int.from_bytes(digest, "little") % L
    a = times(scalar, BASE)
    b = add(decode(signature[:32]), times(challenge, decode(key)))
    return scalar < L and not any((a[i] * b[2] - b[i] * a[2]) % P for i in (0, 1))


def check_files(archive: ZipFile, manifest: Record) -> None:
    """Every file is the one that the manifest names."""
    for name, expected in manifest["files"].items():
        with archive.open(name) as member:
            digest = hashlib.file_digest(member, "sha256")  # type: ignore[arg-type]
        if digest.hexdigest() != expected["sha256"]:
            raise Unsound(f"{name} is not the file that the manifest names")


def read_anchors(archive: ZipFile, manifest: Record, trusted: str | None) -> Record:
    """Anchors of these events; the newest, which counts, has its key's signature."""
    anchors = [json.loads(line) for line in archive.open("anchors.jsonl")]
    if any(a["installation_id"] != manifest["installation_id"] for a in anchors):
        raise Unsound("an anchor is another installation's")
    span = range(manifest["first_seq"], manifest["last_seq"] + 1)
    inside = {a["seq"]: a for a in anchors if a["seq"] in span}
    if inside:
        anchor = dict(inside[max(inside)])
        signature = bytes.fromhex(anchor.pop("signature"))
        text = json.dumps(anchor, sort_keys=True, separators=(",", ":"))
        key = bytes.fromhex(trusted or anchor["key"])
        if not is_signed(key, b"gfo-audit-anchor:1:" + text.encode(), signature):
            raise Unsound(f"the key did not sign the anchor of event {anchor['seq']}")
    return inside


def check_events(archive: ZipFile, manifest: Record, anchors: Record) -> None:
    """Walk the chain; every decision has the hash that its event states."""
    previous, expected = manifest["first_previous_hash"], manifest["first_seq"]
    if expected == 1:
        previous = hashlib.sha256(manifest["installation_id"].encode()).hexdigest()
    decisions = archive.open("decisions.jsonl")
    for line in archive.open("events.jsonl"):
        event = json.loads(line)
        seq, text = event["seq"], event["payload"]
        if seq != expected or event["previous_hash"] != previous:
            raise Unsound(f"event {expected} does not continue the one before it")
        head = struct.pack(">B32sQ", event["version"], bytes.fromhex(previous), seq)
        digest = hashlib.sha256(head + text.encode()).hexdigest()
        if not digest == event["hash"] == anchors.get(seq, {"head": digest})["head"]:
            raise Unsound(f"event {seq} is not the one that was hashed or anchored")
        payload = json.loads(text)
        if payload["action"] in MAKING:
            row = hashlib.sha256(next(decisions, b"").rstrip(b"\n")).hexdigest()
            if (payload["after"] or {}).get("record_sha256", row) != row:
                raise Unsound(f"decision {payload['object_id']} is not as recorded")
        previous, expected = digest, seq + 1
    if (expected - 1, previous) != (manifest["last_seq"], manifest["last_hash"]):
        raise Unsound(f"the export ends before event {manifest['last_seq']}")


def main(arguments: list[str] | None = None) -> int:
    """Check one export."""
    parser = argparse.ArgumentParser(description="Check an export of the audit chain.")
    parser.add_argument("export")
    parser.add_argument("--public-key", help="64 hexadecimal digits, from elsewhere")
    given = parser.parse_args(arguments)
    try:
        with ZipFile(given.export) as archive:
            manifest = json.loads(archive.read("manifest.json"))
            check_files(archive, manifest)
            anchors = read_anchors(archive, manifest, given.public_key)
            check_events(archive, manifest, anchors)
    except Exception as exc:  # whatever a damaged file may cause
        is_unsound = isinstance(exc, Unsound)
        print(f"NOT SOUND: {exc}." if is_unsound else f"It cannot be read: {exc!r}")
        return 1 if is_unsound else 2
    last, anchored = manifest["last_seq"], max(anchors, default=0)
    print(f"SOUND: events {manifest['first_seq']} to {last}.")
    if not anchors:
        print("No anchor lies within: a chain computed anew would look the same.")
        return 0
    print(f"Anchored up to event {anchored} by the key {anchors[anchored]['key']}.")
    print(f"{last - anchored} later events are outside this promise.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
