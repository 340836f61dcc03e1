"""Sends one webhook as Standard Webhooks says, and judges the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.errors import FleetError
from orchestrator.feeds.web_client import WebClient, WebLimits

WEBHOOK_LIMITS = WebLimits(connect_s=5.0, read_s=10.0, total_s=15.0)
"""Of one try. The schedule tries again; the client does not."""

LARGEST_BYTES = 64 * 1024
"""Of a payload."""

GONE = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class TryResult:
    """What came of one try.

    Attributes
    ----------
    words : str
        What the receiver said, or why there was no answer.
    status : int | None
        Of an HTTP answer, or of an SMTP one.
    not_before_utc : datetime | None
        When the receiver wants to be asked again.
    is_gone : bool
        The receiver wants nothing any more.
    """

    is_delivered: bool
    words: str
    status: int | None = None
    not_before_utc: datetime | None = None
    is_gone: bool = False


def send_webhook(
    client: WebClient,
    address: str,
    body: str,
    *,
    message_id: str,
    secrets: Sequence[str],
    now: datetime,
) -> TryResult:
    """Post a payload, signed by every secret; never raises for what a receiver does."""
    from standardwebhooks.webhooks import (  # noqa: PLC0415 -- pages send nothing
        EmptyWebhookSecretError,
        Webhook,
    )

    content = body.encode()
    if len(content) > LARGEST_BYTES:
        words = f"The payload has more than {LARGEST_BYTES:,} bytes."
        return TryResult(is_delivered=False, words=words)
    try:
        signatures = [Webhook(item).sign(message_id, now, body) for item in secrets]
    except (ValueError, EmptyWebhookSecretError):
        words = "The secret is none of Standard Webhooks: whsec_ and base64."
        return TryResult(is_delivered=False, words=words)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
    try:
        reply = client.post(address, content, headers=headers)
    except FleetError as exc:  # no answer, or an address that is not allowed
        return TryResult(is_delivered=False, words=exc.message)
    status = reply.status
    return TryResult(
        is_delivered=200 <= status < 300,
        words=_words(status, reply.said),
        status=status,
        not_before_utc=reply.not_before_utc,
        is_gone=status == GONE,
    )


def _words(status: int, said: str) -> str:
    if 200 <= status < 300:
        return f"Taken ({status})."
    if 300 <= status < 400:
        return f"Redirects ({status}), which deliveries do not follow."
    if status == GONE:
        return "Gone (410): the receiver wants nothing any more."
    if status == 429:
        return f"Asks to wait (429){said}."
    if status in {401, 403, 404}:
        return f"Refused ({status}){said}."
    return f"Answered with status {status}{said}."
