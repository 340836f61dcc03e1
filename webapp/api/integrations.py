"""What the endpoints of feeds and of subscriptions share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ActedOn:
    """What something was done to; `count` of its deliveries."""

    name: str
    count: int = 0
