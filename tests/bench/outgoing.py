"""What part `destinations` measures: functions that tell a foreign system, and the events that they are sent."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count, cycle
from pathlib import Path
from urllib.request import Request, urlopen

from shared.events.cloudevent import CloudEvent
from shared.events.codec import encode_binary
from tests.bench.events import raw
from tests.bench.processes import Running, free_port, running, tidings
from tests.bench.steps_functions import classified
from tests.bench.target import Counts
from tests.support.rigs.place import event_of
from tests.support.tickets import KEY, episode

_TEMPLATES = 500


_RUNS = count()


def observations() -> Iterator[bytes]:
    """Return classified observations without end, as a broker sends them in binary mode, each a new one."""
    return _endless(_observations())


def episodes() -> Iterator[bytes]:
    """Return episodes that were opened, without end, each of a problem of its own."""
    return _endless(_episodes())


def _endless(templates: Sequence[Sequence[bytes]]) -> Iterator[bytes]:
    run = next(_RUNS)
    return ((b"%06d%020d" % (run, number)).join(parts) for number, parts in enumerate(cycle(templates)))


@cache
def _observations() -> Sequence[Sequence[bytes]]:
    made = classified(_TEMPLATES, "out")
    return [_cut(event, event.data["observation"]["identity"]) for event in made]


@cache
def _episodes() -> Sequence[Sequence[bytes]]:
    return [_cut(event_of(episode()), KEY)]


def _cut(event: CloudEvent, identity: str) -> Sequence[bytes]:
    """Return the request, cut where the 26 characters stand that make it another one."""
    headers, body = encode_binary(event)
    return raw(dict(headers), body).split(identity.encode())


@dataclass(frozen=True, slots=True)
class Subject:
    """One function under load.

    `settings` are made of the target's URL and a folder of its own; `wanted` are events a second by requests in flight
    and the target's latency in ms: what is not named there is printed without a bound. `told` makes the requests that
    it is sent.
    """

    function: str
    to: str
    settings: Callable[[str, Path], Mapping[str, str]]
    wanted: Mapping[int, Mapping[int, float]]
    told: Callable[[], Iterator[bytes]]

    @property
    def name(self) -> str:
        """Return what rows call it."""
        return f"{self.function} to {self.to}"


FORWARDS: Mapping[int, Mapping[int, float]] = {256: {0: 2500, 5: 2500, 50: 2500}, 64: {0: 3000}, 50: {}}
"""What every forwarder must do. 50 is what one consumer of a Trigger has in flight."""

SUBJECTS = (
    Subject(
        "siem_forwarder",
        "Splunk",
        lambda url, _: {"SPLUNK_HEC_URL": url, "SPLUNK_TOKEN": "bench"},
        FORWARDS,
        observations,
    ),
    Subject(
        "elastic_forwarder",
        "Elastic",
        lambda url, _: {"ELASTIC_URL": url, "ELASTIC_API_KEY": "bench:bench"},
        FORWARDS,
        observations,
    ),
    Subject(
        "webhook",
        "any target, with claims",
        lambda url, folder: {"WEBHOOK_URL": url, "STORE_URL": f"sqlite:///{folder}/claims.db"},
        {64: {0: 1200, 50: 600}},
        episodes,
    ),
    Subject(
        "webhook",
        "a target that is idempotent",
        lambda url, _: {"WEBHOOK_URL": url, "WEBHOOK_IDEMPOTENT": "true"},
        {64: {0: 1900, 50: 600}},
        episodes,
    ),
)


@dataclass(frozen=True, slots=True)
class Foreign:
    """A target that runs (tests/bench/target.py)."""

    url: str

    def answers_after(self, milliseconds: float) -> None:
        """Set its latency."""
        self._told("PUT", f"latency/{milliseconds / 1000}")

    def is_down_for(self, seconds: float) -> None:
        """Let it answer 503 to everything from now on for so long."""
        self._told("PUT", f"down/{seconds}")

    def counts(self) -> Counts:
        """Return what it has counted."""
        return self._told("GET", "counts")

    def _told(self, method: str, what: str) -> Counts:
        with urlopen(Request(f"{self.url}/_target/{what}", method=method), timeout=10) as answer:  # noqa: S310 -- ours
            return Counts.of(answer.read())


@dataclass(frozen=True, slots=True)
class Telling:
    """A function that runs, at this port, with its target, which is a process, too."""

    port: int
    process: Running
    foreign: Foreign
    target: Running


@contextmanager
def telling(subject: Subject) -> Iterator[Telling]:
    """Run a function as `tidings serve` does, beside a target in a process of its own."""
    behind, port = free_port(), free_port()
    foreign = Foreign(f"http://127.0.0.1:{behind}")
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        beside = (sys.executable, "-m", "tests.bench.target", "--port", str(behind))
        target = opened.enter_context(running(beside, behind))
        command = tidings("serve", subject.function, "--port", str(port))
        ours = opened.enter_context(running(command, port, **subject.settings(foreign.url, folder)))
        yield Telling(port, ours, foreign, target)
