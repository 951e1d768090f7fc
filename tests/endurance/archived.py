"""A million events through archive: its memory must be what it was at ten thousand: `make endurance ARGS=archived`.

`python -m tests.endurance.archived [BUS …] [--events N]`: archive runs as `tidings serve` does, before a real bus.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from shared.bus.topology import wanted
from shared.events.attributes import of as attributes_of
from shared.events.codec import encode_binary
from tests.bench.events import raw
from tests.bench.load import flat_out
from tests.bench.processes import free_port, running, tidings
from tests.support.buses.registry import RIGS
from tests.support.records import classified, classified_event

_FIRST = 10_000
_IN_FLIGHT = 64
_GROWTH = 1.1
_MARK = "@@@@@@@@@@"
_BUSES = ("nats", "kafka")


def archived(name: str, events: int, folder: Path) -> list[str]:
    """Archive so many events on one bus, print what memory that took, return what is not as it should be."""
    port, begun = free_port(), time.monotonic()
    with RIGS[name](folder) as rig:
        asyncio.run(_topics(rig))
        with running(tidings("serve", "archive", "--port", str(port)), port, BUS=name, **rig.environment()) as process:
            flat_out(port, _requests(0, _FIRST), connections=_IN_FLIGHT).only(204)
            few = process.rss()
            values: list[float] = []
            load = flat_out(
                port,
                _requests(_FIRST, events),
                connections=_IN_FLIGHT,
                looks=[(5.0, lambda: values.append(process.rss()))],
            ).only(204)
            many = process.rss()
    print(  # noqa: T201
        f"{name}: {few:.1f} MiB at {_FIRST} events, {many:.1f} at {events}, at most {max([*values, many]):.1f};"
        f" {load.rate:.0f} a second, {time.monotonic() - begun:.0f} s",
        flush=True,
    )
    return [f"{name}: the memory grew to {many / few:.2f} of what it was"] if many > few * _GROWTH else []


def _requests(first: int, end: int) -> Iterator[bytes]:
    """Yield requests of new events, cheap to make."""
    seen = classified(_MARK)
    attributes = {**attributes_of(seen.observation, seen.verdict), "partitionkey": _MARK}
    headers, body = encode_binary(classified_event(seen)._replace(extensions=attributes))
    pieces = raw(dict(headers), body).split(_MARK.encode())
    for number in range(first, end):
        yield (b"%010d" % number).join(pieces)


async def _topics(rig: object) -> None:
    bus = rig.bus()  # type: ignore[attr-defined]
    for topic in wanted(1):
        await bus.ensure(topic)
    await bus.close()


def main(arguments: Sequence[str] = ()) -> int:
    """Archive on each bus; return 0 where memory stayed level."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance.archived", description=__doc__)
    parser.add_argument("buses", nargs="*", metavar="BUS", help=f"of {', '.join(RIGS)}; else {', '.join(_BUSES)}")
    parser.add_argument("--events", type=int, default=1_000_000)
    options = parser.parse_args(arguments)
    wrong: list[str] = []
    for name in options.buses or _BUSES:
        with tempfile.TemporaryDirectory(prefix="tidings-archived-") as folder:
            wrong += archived(name, options.events, Path(folder))
    for one in wrong:
        print(f"MISSED: {one}")  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
