"""One line of functions, each a process of any release, with a broker between them that sends again what it must."""

import json
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from urllib.request import urlopen

from shared.events.cloudevent import APISERVER_PREFIX, PROBLEM_PREFIX, TICK, CloudEvent, type_of_verdict
from shared.events.codec import NotAnEvent, decode_reply, encode_binary
from shared.events.episode import Episode
from shared.events.vocabulary import CATEGORIES
from tests.support.functions import Served
from tests.support.releases import Release
from tests.support.servers import serve
from tests.support.sinks import Sink

CLASSIFIER, CORRELATOR, INCIDENT = "classifier", "correlator", "servicenow_incident"
LINE = (CLASSIFIER, CORRELATOR, INCIDENT)
LOST, READY = "NodeNotReady", "NodeReady"
OPEN, RESOLVED = "1", "6"
_AGAIN = frozenset({409, 503})
_TRIES = 40
_VERDICTS = frozenset(type_of_verdict(category) for category in CATEGORIES)


def node_event(node: str, reason: str, number: int, count: int = 1) -> CloudEvent:
    """Return the `number`th Event of a node as an ApiServerSource sends it."""
    now = datetime.now(UTC)
    time_text = now.isoformat(timespec="seconds").replace("+00:00", "Z")
    data = {
        "apiVersion": "v1", "kind": "Event", "type": "Normal", "reason": reason, "count": count,
        "message": f"Node {node} status is now: {reason}", "firstTimestamp": time_text, "lastTimestamp": time_text,
        "metadata": {"name": f"{node}.{number}", "namespace": "default", "uid": f"{node}-{number}"},
        "involvedObject": {"kind": "Node", "name": node}, "source": {"component": "node-controller"},
    }  # fmt: skip
    return CloudEvent(
        f"{node}-{number}-{count}", "https://10.96.0.1:443", f"{APISERVER_PREFIX}resource.add", time=now,
        extensions={"cluster": "prod", "kind": "Event"}, data=data,
    )  # fmt: skip


def tick() -> CloudEvent:
    """Return a tick that finds all due which is so by now: the index is by whole seconds."""
    soon = datetime.now(UTC) + timedelta(seconds=2)
    return CloudEvent(f"tick-{soon.isoformat()}", "tick", TICK, time=soon)


@dataclass
class Line:
    """What runs. `replicas` are the processes of each function, which take turns; `passed` all that went through."""

    replicas: Mapping[str, Sequence[Served]]
    sink: Sink
    passed: list[CloudEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._turns = {name: cycle(served) for name, served in self.replicas.items()}

    def carry(self, *events: CloudEvent) -> None:
        """Carry events through, each with all that comes of it, and then a tick with all that is due."""
        for event in events:
            self._carry(event)
            self._carry(tick())

    def _carry(self, event: CloudEvent) -> None:
        waiting = deque([event])
        while waiting:
            one = waiting.popleft()
            self.passed.append(one)
            for function in _subscribers(one):
                reply = self.post(function, one)
                published, self.sink.got = self.sink.got, []
                waiting += [*([reply] if reply is not None else []), *published]

    def post(self, function: str, event: CloudEvent) -> CloudEvent | None:
        """Hand an event to one replica, again for as long as it asks for that; return what it replied."""
        headers, body = encode_binary(event)
        said: list[int] = []
        for _ in range(_TRIES):
            status, found, answer = next(self._turns[function]).request("POST", "/", dict(headers), body)
            said.append(status)
            if status not in _AGAIN:
                break
            time.sleep(0.1)
        assert status in {200, 204}, f"{function} answered {said} to {event.type}: {found}"
        reply = decode_reply(found, answer) if status == 200 else None
        assert not isinstance(reply, NotAnEvent)
        return reply

    def told(self) -> list[Episode]:
        """Return the snapshots that passed, in their order."""
        return [Episode.model_validate(one.data) for one in self.passed if one.type.startswith(PROBLEM_PREFIX)]

    def revisions(self) -> dict[str, list[int]]:
        """Return the revisions of each episode that passed, by its id, in their order."""
        found: dict[str, list[int]] = {}
        for one in self.told():
            found.setdefault(one.id, []).append(one.revision)
        return found


@contextmanager
def line(folder: Path, releases: Mapping[str, Sequence[Release]], settings: Mapping[str, str]) -> Iterator[Line]:
    """Run functions, each by one or several releases side by side, with the same settings."""
    folder.mkdir()
    sink = Sink()
    with ExitStack() as stack:
        url = stack.enter_context(serve(sink))
        replicas = {
            name: [
                stack.enter_context(
                    one.serving(name, folder / f"{name}-{number}.log", {**settings, "K_SINK": url})
                )
                for number, one in enumerate(each)
            ]
            for name, each in releases.items()
        }  # fmt: skip
        yield Line(replicas, sink)


def all_of(release: Release) -> dict[str, Sequence[Release]]:
    """Return a line of one release."""
    return dict.fromkeys(LINE, (release,))


def incidents(url: str) -> dict[str, dict[str, str]]:
    """Return the stand-in's incidents by what they are about; fails where two are about the same."""
    with urlopen(f"{url}/_standin/records/incident", timeout=10) as answer:  # noqa: S310 - our own address
        rows = json.load(answer)
    found = {row["short_description"]: row for row in rows}
    assert len(found) == len(rows), sorted(row["short_description"] for row in rows)
    return found


def title(node: str) -> str:
    """Return what the incident of a lost node is about."""
    return f"[prod] Node {node} is not ready"


def states(url: str) -> dict[str, str]:
    """Return the states of the stand-in's incidents."""
    return {about: row["state"] for about, row in incidents(url).items()}


def numbers(url: str) -> dict[str, str]:
    """Return the numbers of the stand-in's incidents."""
    return {about: row["number"] for about, row in incidents(url).items()}


def _subscribers(event: CloudEvent) -> tuple[str, ...]:
    if event.type.startswith(APISERVER_PREFIX):
        return (CLASSIFIER,)
    if event.type in _VERDICTS or event.type == TICK:
        return (CORRELATOR,)
    return (INCIDENT,) if event.type.startswith(PROBLEM_PREFIX) else ()
