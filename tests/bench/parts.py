"""The benchmarks: each returns the rows that it measured. What they are compared with is in their names."""

import contextlib
import json
import re
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson

from shared.events import attributes
from shared.events.cloudevent import CloudEvent, type_of_verdict
from shared.events.codec import decode, encode_structured
from shared.events.model import Classified
from shared.rules.classify import classify
from shared.rules.shipped import load_shipped
from shared.sources.registry import decode as observe
from tests.bench.events import Post, posts
from tests.bench.load import Load, send
from tests.bench.measure import Row, in_turns, microseconds_each
from tests.bench.processes import BARE, free_port, running, seconds_of, tidings


def cold_start() -> list[Row]:
    """Process start to first answer: a function, and uvicorn on an app that imports pydantic."""

    def start(*command: str) -> Callable[[], float]:
        def measure() -> float:
            port = free_port()
            with running((*command, "--port", str(port)), port) as seconds:
                return seconds * 1000

        return measure

    return [
        in_turns(
            f"cold start, {name}",
            "uvicorn + pydantic, bare app",
            "ms",
            start(*tidings("serve", name)),
            start(*BARE),
            rounds=9,
        )
        for name in ("classifier",)
    ]


def per_event() -> list[Row]:
    """One event in process: codec, decoder with redaction, rules, reply; compared with parsing the same JSON."""
    rules = load_shipped()
    sample = posts(2000)
    now = datetime.now(UTC)

    def path() -> int:
        for headers, body in sample:
            event = decode(headers, body)
            if not isinstance(event, CloudEvent):
                raise TypeError("the sample holds what is no event")
            found = observe(event, cluster="bench", now=now)
            if not isinstance(found, list):
                raise TypeError("the sample holds what is no observation")
            verdict = classify(found[0], rules)
            data = Classified(observation=found[0], verdict=verdict).model_dump(mode="json")
            kind, extensions = type_of_verdict(verdict.category), attributes.of(found[0], verdict)
            encode_structured(CloudEvent(event.id, "bench", kind, extensions=extensions, data=data))
        return len(sample)

    def parse(loads: Callable[[bytes], object]) -> Callable[[], int]:
        def parse_all() -> int:
            for _, body in sample:
                loads(body)
            return len(sample)

        return parse_all

    return [
        in_turns(
            "decode + redact + classify + reply",
            name,
            "µs/event",
            lambda: microseconds_each(path),
            lambda loads=loads: microseconds_each(parse(loads)),  # type: ignore[misc] # bound at once
            rounds=7,
        )
        for name, loads in (("json.loads of the same body", json.loads), ("orjson.loads of it", orjson.loads))
    ]


def explain() -> list[Row]:
    """`tidings explain` of 10,000 events, start-up included."""
    program = "import json, sys\nfor line in open(sys.argv[1], 'rb'):\n    print(json.dumps(json.loads(line)))"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events.jsonl"
        file.write_bytes(b"\n".join(body for _, body in posts(10_000)) + b"\n")
        return [
            in_turns(
                "explain 10,000 events",
                "Python reads and writes the same JSON",
                "s",
                lambda: seconds_of(tidings("explain", str(file), "--output", "jsonl")),
                lambda: seconds_of((sys.executable, "-c", program, str(file))),
                rounds=3,
            )
        ]


def over_http() -> list[Row]:
    """One function over HTTP on 8 connections, the load from the same machine."""
    sample = posts(2000)
    ours, bare = free_port(), free_port()
    with (
        running(tidings("serve", "classifier", "--port", str(ours)), ours),
        running((*BARE, "--port", str(bare)), bare),
    ):

        def rate(port: int, expected: set[int]) -> Callable[[], float]:
            return lambda: _checked(send(port, sample, seconds=2.5), expected).rate

        row = in_turns(
            "classifier over HTTP, 8 connections",
            "bare app that answers 204",
            "requests/s",
            rate(ours, {200, 204}),
            rate(bare, {204}),
            rounds=5,
        )
    return [row]


def embedded() -> list[Row]:
    """`tidings up`: events posted singly on 8 connections until Splunk's stand-in has them, tickets included."""
    count = 1500
    batches: Iterator[list[Post]] = (posts(count, f"r{number}") for number in range(1000))
    port, bare = free_port(), free_port()
    accepted: list[float] = []
    with tempfile.TemporaryDirectory() as data, running((*BARE, "--port", str(bare)), bare):
        command = tidings("up", "--feed", "none", "--listen", f"127.0.0.1:{port}", "--data", data, "--output", "json")
        with running(command, port):

            def carried() -> float:
                before = _records(port)
                batch = next(batches)
                begun = time.perf_counter()
                load = _checked(send(port, batch), {202})
                while _records(port) < before + count:
                    if time.perf_counter() - begun > 120:
                        raise RuntimeError("not every event arrived")
                    time.sleep(0.02)
                accepted.append(load.rate)
                return count / (time.perf_counter() - begun)

            def baseline() -> float:
                return _checked(send(bare, posts(count)), {204}).rate

            row = in_turns(
                "tidings up, carried end to end", "bare app that answers 204", "events/s", carried, baseline, rounds=3
            )
    return [
        Row("tidings up, accepted durably", row.baseline_name, row.unit, accepted[-len(row.ours) :], row.baseline),
        row,
    ]


def _checked(load: Load, expected: set[int]) -> Load:
    """Return the load; a fast answer of the wrong kind is no result. Raises RuntimeError."""
    if not load.statuses.keys() <= expected:
        raise RuntimeError(f"answers were {dict(load.statuses)}, expected only {sorted(expected)}")
    return load


def _records(port: int) -> int:
    with contextlib.closing(urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10)) as answer:
        text = answer.read().decode()
    found = re.search(
        r'^tidings_deliveries_total\{destination="splunk",operation="record",result="done"\} (\S+)', text, re.MULTILINE
    )
    return int(float(found[1])) if found else 0


PARTS: dict[str, Callable[[], list[Row]]] = {
    "start": cold_start,
    "event": per_event,
    "explain": explain,
    "http": over_http,
    "up": embedded,
}
