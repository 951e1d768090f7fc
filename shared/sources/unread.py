"""What could not be read, as an event that becomes a dead letter: redacted, with its reason, and able to be read later.

A broker has no place for letters but behind a Trigger. So `intake` hands an item that it cannot read to the broker as
`dev.tidings.unread.v1`; the classifier tries it once more and refuses it, and its Trigger makes the dead letter. Sent
again after somebody has taught Tidings the dialect, it is read.
"""

from hashlib import sha256
from typing import Any, Literal

import orjson

from shared.events.cloudevent import UNREAD, CloudEvent
from shared.events.identity import digest
from shared.events.outcome import Rejected
from shared.events.redaction import redact
from shared.sources.context import TOO_MANY, Context, bounded

Why = Literal["dialect", "json", "large", "limits", "many"]

_REASONS: dict[str, str] = {
    "json": "an item of the request is not valid JSON",
    "large": "an item of the request is larger than allowed on its path",
    "limits": "an item of the request is nested too deep or has a number that is too long",
    "many": TOO_MANY.reason,  # of which nothing is kept: to mask so much costs what the limit spares
}


def unread_event(why: Why, payload: Any, path: str, context: Context, raw: bytes = b"") -> CloudEvent:
    """Return the event of an item that nobody could read; `raw` are its bytes, of which only a key is made.

    Of anything but a JSON object nothing is kept: what cannot be parsed cannot be redacted by its keys.
    """
    shown = bounded(*redact(payload)) if isinstance(payload, dict) else None
    text = sha256(raw).hexdigest() if shown is None else orjson.dumps(shown, option=orjson.OPT_SORT_KEYS).decode()
    minute = context.received.strftime("%Y-%m-%dT%H:%M")
    return CloudEvent(
        id=digest("unread", context.cluster, path, why, text, minute),
        source="tidings/intake",
        type=UNREAD,
        subject=path,
        time=context.received,
        extensions={"cluster": context.cluster} if context.named else {},
        data={"why": why, "payload": shown},
    )


def refusal_of(data: Any, read: Rejected) -> Rejected:
    """Return why the data of such an event cannot be read: in our words, whoever sent it."""
    why = data.get("why") if isinstance(data, dict) else None
    reason = _REASONS.get(why) if isinstance(why, str) else None
    return read if reason is None else Rejected("intake", reason)
