"""First contact with a cluster: what began before it is known, not news.

A cluster that is watched for the first time has old conditions, thousands of them, and their Events go on. The marker
in the store says when the first observation of a cluster came; a problem that began before then is old. Pure.
"""

from dataclasses import dataclass
from typing import Literal

import orjson

from shared.events.identity import digest
from shared.events.model import Observation

Mode = Literal["baseline", "ticket"]

CONTACTS = "contact."
WINDOW = 3600.0
"""Seconds from first contact on within which a problem can be old. An old condition is repeated well within them; a
clock that is wrong on some node cannot make its problems old for longer."""


@dataclass(frozen=True, slots=True)
class Contact:
    """When a cluster was first heard of (time of sending, seconds), and what becomes of problems from before then."""

    time: float
    mode: Mode


def key_of(cluster: str) -> str:
    """Return the key under which the store keeps a cluster's marker."""
    return CONTACTS + digest("contact", cluster)


def is_old(contact: Contact, seen: Observation) -> bool:
    """Return True where what was seen began before first contact.

    An Event says when its series began; of an object only the time of this change is known. The event's own time
    counts here: policy time takes the time of sending for what is long ago.
    """
    if contact.mode != "baseline" or seen.received.timestamp() >= contact.time + WINDOW:
        return False
    series = seen.first_time if seen.operation == "event" else None
    return (seen.time if series is None else min(series, seen.time)).timestamp() < contact.time


def encode(contact: Contact) -> bytes:
    """Return the marker as stored bytes."""
    return orjson.dumps([contact.time, contact.mode])


def decode(data: bytes) -> Contact:
    """Return a stored marker; with one that cannot be read nothing is old, for a ticket too many is seen at least."""
    try:
        time, mode, *_ = orjson.loads(data)  # a newer release may have put more behind
        return Contact(float(time), "baseline" if mode == "baseline" else "ticket")
    except (ValueError, TypeError):
        return Contact(0.0, "ticket")
