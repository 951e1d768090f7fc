"""The store in a bucket of NATS JetStream: many processes share it, and its replicas outlive a machine.

A revision is the message's sequence in the bucket's stream: it grows over all keys, so a key that was deleted and made
again never has an old one. Writes are compared by the server (`Nats-Expected-Last-Subject-Sequence`), expiry is the
server's too (`Nats-TTL`): no clock of ours has a say. Reads go to whichever replica is nearest (direct get) and may be
a moment old: then the write that follows is refused, as if another had been first.
"""

import json
import time
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from math import ceil
from typing import Final

from nats.aio.msg import Msg

from shared.settings.nats import NatsSettings
from shared.stores import nats_keys
from shared.stores.limits import check
from shared.stores.nats_bucket import HEADERS_ROOM, stream_of
from shared.stores.nats_link import Link
from shared.stores.nats_place import Place
from shared.stores.protocol import ABSENT, Entry, StoreUnavailableError, ValueTooLargeError

_EXPECTED: Final = "Nats-Expected-Last-Subject-Sequence"
_TTL: Final = "Nats-TTL"
_MARKER: Final = "KV-Operation"
_EXPIRED: Final = "Nats-Marker-Reason"
_OTHERS_FIRST: Final = {
    10071,
    10164,
}  # wrong last sequence; the second while another write of the subject is on its way
_TOO_LARGE: Final = 10054  # of a bucket with a limit of its own for values
_FOUND_NOTHING, _TOO_MANY = "404", "413"
_MARKER_SECONDS: Final = 1  # the least that NATS takes; nobody watches for what was deleted
_SCAN_SECONDS: Final = 10.0
_PAGE_BYTES: Final = 32 * 1024 * 1024
_CROWDED_SECONDS: Final = 3600.0
_MAX_CROWDED: Final = 50_000
Parts = list[tuple[str, bool]]
"""Keys, each alone or (True) with all that begin with it, in order."""


class NatsStore:
    """A store in a bucket. Nothing is sent before its first use; one event loop uses it.

    Args:
        place: servers and bucket.
        who: who we are for them.
    """

    def __init__(self, place: Place, who: NatsSettings) -> None:
        self._link = Link(place, who)
        self._subjects = f"$KV.{place.bucket}."
        self._stream = stream_of(place.bucket)
        self._direct = f"$JS.API.DIRECT.GET.{self._stream}"
        self._crowded: dict[str, float] = {}

    async def get(self, key: str) -> Entry | None:
        """Return the entry, or None where there is none or it expired."""
        check(key)
        message = await self._last(key)
        return None if message is None else _entry(key, message)

    async def put(self, key: str, value: bytes, *, expected: int, ttl: float | None = None) -> int | None:
        """Write if the key's revision is `expected`; return the new revision once the bucket has it.

        A ttl is in whole seconds for NATS, at least one: it is rounded up.
        """
        check(key, value)
        headers = {} if ttl is None else {_TTL: f"{max(ceil(ttl), 1)}s"}
        revision = await self._publish(key, value, expected, headers)
        if revision is None and expected == ABSENT:
            marker = await self._last(key)
            if marker is not None and _is_marker(marker.headers or {}):
                revision = await self._publish(key, value, _sequence(marker), headers)
        return revision

    async def delete(self, key: str, *, expected: int) -> bool:
        """Delete if the key's revision is `expected`: a marker takes its place, and goes by itself."""
        check(key)
        if expected == ABSENT:
            return False
        headers = {_MARKER: "DEL", _TTL: f"{_MARKER_SECONDS}s"}
        return await self._publish(key, b"", expected, headers) is not None

    async def scan(self, prefix: str, *, after: str = "", before: str = "", limit: int = 1000) -> AsyncIterator[Entry]:
        """Iterate at most `limit` entries under `prefix` in key order, keys between `after` and `before` only."""
        left = limit
        parts = nats_keys.below(prefix, before) if before else [(prefix, True)]
        ahead = [parts] if left > 0 and parts else []
        while ahead and left > 0:
            parts = ahead.pop()
            if all(nats_keys.is_past(part, after) for part, _ in parts):
                continue
            page = await self._page(parts)
            if page is None:
                ahead += [[one] for one in reversed(_smaller(parts))]
                continue
            for entry in [one for one in page if one.key > after][:left]:
                left -= 1
                yield entry

    async def close(self) -> None:
        """End the connection."""
        await self._link.close()

    async def _last(self, key: str) -> Msg | None:
        """Return a key's last message, be it a marker."""
        message = await self._link.ask(f"{self._direct}.{self._subjects}{nats_keys.subject_of(key)}")
        status = (message.headers or {}).get("Status")
        if status is not None and status != _FOUND_NOTHING:
            raise StoreUnavailableError(f"NATS cannot read now (status {status})")
        return message if status is None else None

    async def _publish(self, key: str, value: bytes, expected: int, headers: Mapping[str, str]) -> int | None:
        """Write a message if the last one of its subject is `expected`; return its sequence."""
        most = self._link.max_payload
        if most and len(value) + HEADERS_ROOM > most:
            raise ValueTooLargeError(f"a value of {len(value)} bytes is too large for NATS: set max_payload to 2MB")
        subject = self._subjects + nats_keys.subject_of(key)
        message = await self._link.ask(subject, value, {_EXPECTED: str(expected), **headers})
        answer = json.loads(message.data)
        if "error" not in answer:
            return int(answer["seq"])
        code = answer["error"].get("err_code")
        if code in _OTHERS_FIRST:
            return None
        if code == _TOO_LARGE:
            raise ValueTooLargeError(
                f"a value of {len(value)} bytes is too large for the bucket: nats stream edit "
                f"{self._stream} --max-msg-size=-1"
            )
        raise StoreUnavailableError(f"NATS does not write now (error {code})")

    async def _page(self, parts: Parts) -> list[Entry] | None:
        """Return all entries of some parts of the keys, in order, or None where they are too many for one answer."""
        now = time.monotonic()
        only = parts[0][0] if len(parts) == 1 and parts[0][1] else None
        if only is not None and self._crowded.get(only, 0.0) > now:
            return None
        filters = [one for part, all_below in parts for one in nats_keys.filters_of(part, all_below=all_below)]
        if not filters:
            return []
        wanted = [self._subjects + one for one in filters]
        request = json.dumps({"multi_last": wanted, "max_bytes": _PAGE_BYTES}).encode()
        *found, end = await self._link.ask_many(self._direct, request, _SCAN_SECONDS)
        ending = end.headers or {}
        status = ending.get("Status")
        if status == _FOUND_NOTHING:
            return []
        if status == _TOO_MANY or (int(ending.get("Nats-Num-Pending", 0)) and len(found) > 1):
            if only is not None:
                self._remember(only, now)
            return None
        if status != "204":
            raise StoreUnavailableError(f"NATS cannot read now (status {status})")
        entries = [
            Entry(self._key(message), message.data, _sequence(message), _expires(message.headers or {}))
            for message in found
            if not _is_marker(message.headers or {})
        ]
        return sorted(entries, key=lambda entry: entry.key)

    def _remember(self, prefix: str, now: float) -> None:
        """Remember a prefix with too many keys: to be told so costs the server a look at all of them."""
        if len(self._crowded) >= _MAX_CROWDED:
            self._crowded.clear()
        self._crowded[prefix] = now + _CROWDED_SECONDS

    def _key(self, message: Msg) -> str:
        subject: str = (message.headers or {})["Nats-Subject"]
        return nats_keys.key_of(subject.removeprefix(self._subjects))


def _entry(key: str, message: Msg) -> Entry | None:
    if _is_marker(message.headers or {}):
        return None
    return Entry(key, message.data, _sequence(message))


def _smaller(parts: Parts) -> Parts:
    """Return the same keys in more parts, in order."""
    if len(parts) > 1:
        return parts
    (prefix, _) = parts[0]
    return [(prefix, False), *((child, True) for child in nats_keys.children(prefix))]


def _expires(headers: Mapping[str, str]) -> float | None:
    """Return when a message ends by the server's clock."""
    if _TTL not in headers:
        return None
    return datetime.fromisoformat(headers["Nats-Time-Stamp"]).timestamp() + int(headers[_TTL].rstrip("s"))


def _is_marker(headers: Mapping[str, str]) -> bool:
    return _MARKER in headers or _EXPIRED in headers


def _sequence(message: Msg) -> int:
    return int((message.headers or {})["Nats-Sequence"])
