"""What the correlator and the SIEM forwarder take for one classified event, each alone behind its edge."""

import asyncio
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.events import attributes
from shared.events.cloudevent import CloudEvent, type_of_verdict
from shared.events.model import Classified
from shared.local.standins import splunk
from shared.rules.classify import classify
from shared.rules.shipped import load_shipped
from shared.runtime.edge import Edge
from shared.runtime.registry import load
from shared.stores.sqlite import SqliteStore
from shared.telemetry.metrics import Metrics
from tests.bench.events import posts
from tests.bench.in_process import observation
from tests.bench.processes import Running
from tests.support.servers import standin

_AT_ONCE = 50  # as many as a Trigger has in flight


class _Taken:
    """A broker that takes everything."""

    async def publish(self, event: CloudEvent) -> bool:
        """Take it."""
        return bool(event.id)


def classified(count: int, mark: str) -> list[CloudEvent]:
    """Return what the classifier replies with to so many Events."""
    rules, now = load_shipped(), datetime.now(UTC)
    made: list[CloudEvent] = []
    for post in posts(count, mark):
        seen = observation(post, now)
        verdict = classify(seen, rules)
        data = Classified(observation=seen, verdict=verdict).model_dump(mode="json")
        extensions = attributes.of(seen, verdict)
        kind = type_of_verdict(verdict.category)
        made.append(CloudEvent(seen.identity, "bench", kind, time=now, extensions=extensions, data=data))
    return made


def correlator(count: int) -> float:
    """Return the µs of CPU for one event, its store in a file."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "state.db")
        return _each("correlator", {}, classified(count, "c"), store=store, publisher=_Taken())


def siem_forwarder(count: int) -> tuple[float, float]:
    """Return the µs of CPU for one event, and those of Splunk's stand-in in a process of its own."""
    with ExitStack() as opened:
        folder = opened.enter_context(tempfile.TemporaryDirectory())
        running = opened.enter_context(standin("splunk", Path(folder) / "splunk.db"))
        settings = {"SPLUNK_HEC_URL": running.url, "SPLUNK_TOKEN": splunk.TOKENS[0].value}
        other = Running(running.process.pid, 0.0)
        before = other.cpu()
        ours = _each("siem_forwarder", settings, classified(count, "s"))
        return ours, (other.cpu() - before) * 1e6 / count


def _each(name: str, environ: Mapping[str, str], events: Sequence[CloudEvent], **parts: Any) -> float:
    async def run() -> float:
        metrics = Metrics()
        function = load(name, environ, metrics, **parts)
        await function.start()
        edge = Edge(function, metrics)
        try:
            begun = time.process_time()
            for place in range(0, len(events), _AT_ONCE):
                await asyncio.gather(*(edge.dispatch(event) for event in events[place : place + _AT_ONCE]))
            return (time.process_time() - begun) * 1e6 / len(events)
        finally:
            await function.stop()
            if "store" in parts:
                await parts["store"].close()

    return asyncio.run(run())
