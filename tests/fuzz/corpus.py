"""What the fuzzer begins with, and how it changes JSON so that it stays JSON."""

import random
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import orjson

from shared.events import codec
from shared.events.cloudevent import CloudEvent
from tests.support.specimens import RECEIVED, body, changed, places, specimens

_PIECES = (
    *"'\"\\\0\n {}[]=:/@%,",
    "",
    "://",
    "password=",
    "token: ",
    "secret",
    "Bearer ",
    "[masked]",
    "\u2028",
    "é",
    "0" * 20,
)
_ODD = (
    None,
    True,
    0,
    -1,
    2**63,
    1.5e300,
    "",
    "LONG",
    "DEEP",
    "\0",
    "é\ud7ff",
    "2026-08-21T00:00:00Z",
    [],
    {},
    [{}],
    "items",
)


def write(folder: Path, target: str) -> None:
    """Write the seeds of a target into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(target)):
        (folder / f"seed-{number:03}").write_bytes(seed)


def seeds(target: str) -> Iterator[bytes]:
    """Yield the seeds of a target: the specimens of the dialects, as that target takes them."""
    yield from _SEEDS[target]()


def _payloads() -> Iterator[bytes]:
    return (orjson.dumps(body(specimen.payload)) for specimen in specimens())


def _items() -> Iterator[bytes]:
    each = list(_payloads())
    for number, text in enumerate(each):
        yield bytes([number, 8]) + text
    lists = (b'{"kind":"EventList","items":[%s,%s]}', b"[%s,%s]", b"%s\n%s\n", b"\x1e%s\n\x1e%s")
    for form in lists:
        yield b"\x20\x08" + form % (each[0], each[1])


def _events() -> Iterator[bytes]:
    made = [
        CloudEvent("1", "test", "dev.knative.apiserver.resource.update", time=RECEIVED, data=orjson.loads(text))
        for text in _payloads()
    ]
    encoded = chain(
        map(codec.encode_binary, made[:9]), map(codec.encode_structured, made), [codec.encode_batch(made[:3])]
    )
    for headers, text in encoded:
        yield "\n".join(f"{name}: {value}" for name, value in headers).encode() + b"\n\n" + text


_SEEDS: dict[str, Callable[[], Iterator[bytes]]] = {"items": _items, "events": _events, "payloads": _payloads}


class Mutator:
    """Changes one to three places of a JSON value: what stands there becomes odd, another's part, a changed text."""

    def __init__(self) -> None:
        self._parts = [part for text in _payloads() for _, part in places(orjson.loads(text))]

    def __call__(self, data: bytes, most: int, seed: int) -> bytes:
        """Return the changed value; another one in place of bytes that are no JSON or would be too many."""
        chance = random.Random(seed)  # noqa: S311 - a fuzzer wants it repeatable
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError:
            value = {}
        for _ in range(chance.randint(1, 3)):
            place, part = chance.choice(list(places(value)))
            value = changed(value, place, self._instead(part, chance))
        text = orjson.dumps(value)
        return text if len(text) <= most else b"{}"

    def _instead(self, part: object, chance: random.Random) -> object:
        if isinstance(part, str) and chance.random() < 0.5:
            start, end = sorted(chance.randint(0, len(part)) for _ in "se")
            return part[:start] + chance.choice(_PIECES) + part[end if chance.random() < 0.5 else start :]
        if isinstance(part, dict) and chance.random() < 0.6:
            return {**part, self._key(chance): chance.choice(self._parts)}
        return chance.choice(_ODD if chance.random() < 0.5 else self._parts)

    def _key(self, chance: random.Random) -> str:
        keys = [key for part in chance.sample(self._parts, 8) if isinstance(part, dict) for key in part]
        return chance.choice([*keys, "kind", "items", "message"])
