"""What is fed: each target takes any bytes, and raises AssertionError where a promise is broken."""

import importlib
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any
from zlib import crc32

import orjson

from functions.intake.items import Reader
from functions.intake.paths import PATHS
from shared.episodes.relations import LONGEST, RELATIONS, relations_of
from shared.events import attributes, codec
from shared.events.cloudevent import OBSERVED, UNREAD, CloudEvent
from shared.events.json_items import Cutter, Item, Lines
from shared.events.limits import DEFAULT, exceeded
from shared.events.model import Classified, Observation, Verdict, classified_data, observed_data
from shared.events.outcome import Ignored, Rejected
from shared.rules.classify import NAME_LENGTH, SUMMARY_LENGTH, classify
from shared.rules.shipped import load_shipped
from shared.sources.context import MAX_ORIGINAL, Context
from shared.sources.dialects import DIALECTS
from shared.sources.registry import decode, decode_payload
from tests.support.sentinel import NAMING, PLANTED, SENTINEL, planted, told
from tests.support.specimens import CLUSTER, RECEIVED

SECRET = SENTINEL.encode()
LONG, DEEP = "LONG", "DEEP"
"""Words of an input that stand for a text of 300,000 letters and for 40 arrays, one in the other."""

_CONTEXT = Context(CLUSTER, RECEIVED, event_id="1")
_PATH = PATHS["/events"]._replace(item=4096)
_RULES = load_shipped()
for _dialect in DIALECTS:  # each is loaded with its first payload otherwise, and then is not watched
    importlib.import_module(f"shared.sources.{_dialect.name.replace('-', '_')}")


def items(data: bytes) -> None:
    """Cut a body as intake does, wherever its pieces end, and read what it holds; the first two bytes say how."""
    size, most, body = 1 + sum(data[:1]), 16 << sum(data[1:2]) % 9, data[2:]
    for make in (Cutter, Lines):
        whole = list(_cut(make(most), [body], most))
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        assert list(_cut(make(most), pieces, most)) == whole, "it matters where pieces end"
        for item in whole[:20]:
            _read(item)


def _cut(cutter: Cutter | Lines, pieces: list[bytes], most: int) -> Iterator[Item]:
    for item in chain(chain.from_iterable(map(cutter.feed, pieces)), cutter.end()):
        assert len(item.body) <= most, "an item is larger than allowed"
        yield item


def _read(item: Item) -> None:
    reader = Reader(_PATH, _CONTEXT, None, lambda _source, _type: True)
    read = reader.read(item)
    value = None if read.why in {"large", "json", "limits"} else orjson.loads(item.body)
    assert exceeded(item.body) or _depth(value) <= DEFAULT.depth, "it is deeper than was counted"
    hidden = orjson.dumps({**value, **PLANTED}) if isinstance(value, dict) else item.body + SECRET
    for event in chain(read.events, reader.read(Item(hidden, item.frame)).events):
        assert codec.refusal_of(CloudEvent(*event)) is None, "a reader would not take what it made"
        written = codec.to_json(event)
        assert codec.to_mapping(codec.from_json(written)) == orjson.loads(written)
        if event.type == UNREAD:
            assert SECRET not in written, "a dead letter tells a secret"
        else:
            shown = {key: value for key, value in event.data.items() if key not in NAMING}
            assert SECRET not in orjson.dumps(shown), "an event of intake tells a secret"


def events(data: bytes) -> None:
    """Read a CloudEvent: lines of headers, an empty line, the body; then write it in each mode and read it again."""
    head, _, body = data.partition(b"\n\n")
    lines = [line.partition(": ") for line in head.decode("latin-1").split("\n")]
    headers = {name.lower(): value for name, _, value in lines}
    read = codec.decode_batch(headers, body)
    for event in [read] if isinstance(read, codec.NotAnEvent) else read:
        if isinstance(event, codec.NotAnEvent):
            assert event.reason.isascii()
            assert len(event.reason) < 200, "a refusal is in our words"
        else:
            _written(event)
    marked = codec.decode(headers | {"ce-marked": SENTINEL, f"ce-{SENTINEL}": "1"}, body + SECRET)
    assert not isinstance(marked, codec.NotAnEvent) or SENTINEL not in marked.reason


def _written(event: CloudEvent) -> None:
    for encode in (codec.encode_binary, codec.encode_structured):
        headers, body = encode(event)
        assert all(value.isprintable() and value.isascii() for _, value in headers), "F46: a header could be split"
        assert sum(len(name) + len(value) for name, value in headers) <= DEFAULT.header_bytes
        again = codec.decode(dict(headers), body)
        if not exceeded(body):
            assert isinstance(again, CloudEvent), again
            # What calls itself no JSON is a text in binary mode; without data nothing tells of what type it would be.
            kept = encode is codec.encode_structured or (body and event.datacontenttype == "application/json")
            assert event == (again if kept else again._replace(datacontenttype=event.datacontenttype, data=event.data))
    found = decode(event, cluster=CLUSTER, now=RECEIVED)
    for seen in found if isinstance(found, list) else ():
        _sound(seen)


def payloads(data: bytes) -> None:
    """Read a JSON value by each dialect, classify it, and read it once more with secrets in it."""
    if exceeded(data):
        return
    try:
        payload = _grown(orjson.loads(data))
    except orjson.JSONDecodeError:
        return
    hidden = planted(payload, crc32(data))
    for dialect in DIALECTS:
        if dialect.recognises(payload):
            assert isinstance(decode_payload(payload, _CONTEXT), list | Rejected)
        for value in (payload, hidden):
            found = dialect.decode(value, _CONTEXT)
            if isinstance(found, Rejected):
                assert SENTINEL not in found.reason
                continue
            for seen in found:
                _sound(seen)
                verdict = _judged(seen)
                assert SECRET not in told(seen), "an observation tells a secret"
                if SECRET not in orjson.dumps(observed_data(seen)):
                    assert SENTINEL not in repr(verdict), "a verdict tells a secret"
    refused = decode_payload(hidden, _CONTEXT)
    assert not isinstance(refused, Rejected) or SENTINEL not in refused.reason


def _sound(seen: Observation) -> None:
    """An observation is what a check of each value would have built, and within the limits."""
    assert Observation.model_validate(seen.model_dump(), strict=True) == seen
    assert len(orjson.dumps(seen.original)) <= MAX_ORIGINAL
    assert len(seen.masked) <= 50
    assert len(seen.cluster) <= 256
    for thing in (seen.object, seen.owner, seen.related):
        assert thing is None or max(map(len, thing.__dict__.values())) <= 1024


def _judged(seen: Observation) -> Verdict:
    """Return the verdict, whose key is the same where the observation comes by way of intake and is masked again."""
    verdict = classify(seen, _RULES)
    assert Verdict.model_validate(verdict.model_dump(), strict=True) == verdict
    assert len(verdict.summary) <= SUMMARY_LENGTH
    assert len(verdict.part) <= NAME_LENGTH
    orjson.dumps(classified_data(seen, verdict))
    relations = relations_of(Classified(observation=seen, verdict=verdict))
    assert all(name in RELATIONS and 0 < len(value) <= LONGEST for name, value in relations.items())
    assert all(len(value.encode()) <= 256 for value in attributes.of(seen, verdict).values())
    sent = CloudEvent("1", "tidings/intake", OBSERVED, data=orjson.loads(orjson.dumps(observed_data(seen))))
    again = decode(sent, cluster=CLUSTER, now=RECEIVED)
    assert not isinstance(again, Ignored | Rejected), again
    key = classify(again[0], _RULES).problem_key
    assert key == verdict.problem_key, f"the key of {verdict.rule} depends on what is masked"
    return verdict


def _grown(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _grown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_grown(item) for item in value]
    return "x" * 300_000 if value == LONG else orjson.loads("[" * 40 + "]" * 40) if value == DEEP else value


def _depth(value: Any) -> int:
    if isinstance(value, dict | list):
        return 1 + max(map(_depth, value.values() if isinstance(value, dict) else value), default=0)
    return 0


TARGETS: dict[str, Callable[[bytes], None]] = {"items": items, "events": events, "payloads": payloads}
