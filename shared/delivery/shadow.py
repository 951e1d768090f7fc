"""What a destination in shadow shows: the requests that it would have sent, in a report that says so."""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import orjson

from shared.delivery.claim import Memory
from shared.delivery.preview import Preview
from shared.delivery.remember import dealt_with, sent
from shared.delivery.report import event_of
from shared.events import attributes
from shared.events.change import Change
from shared.events.cloudevent import CloudEvent
from shared.events.delivery import DeliveryOperation, DeliveryReport, ShadowRequest
from shared.events.episode import Episode
from shared.events.identity import digest
from shared.events.limits import Limits, exceeded
from shared.events.model import Classified
from shared.events.outcome import Rejected

Snapshot = Episode | Change
Subject = Snapshot | Classified | DeliveryReport

_AS_VALUE: Final = Limits(body=32_768, depth=32)
"""What of a body stands in a report as it is: whoever takes the report has limits of his own."""
_UNWRITABLE: Final = Rejected("mapping", "the event cannot be written as JSON")


def requests_of(previews: Sequence[Preview]) -> tuple[ShadowRequest, ...] | Rejected:
    """Return requests as a report shows them: bounded, without headers. Rejected where a body is no JSON."""
    found: list[ShadowRequest] = []
    for one in previews:
        try:
            text = orjson.dumps(one.body)
        except orjson.JSONEncodeError:
            return _UNWRITABLE
        body = text[: _AS_VALUE.body].decode(errors="ignore") if exceeded(text, _AS_VALUE) else one.body
        found.append(ShadowRequest(method=one.method, url=one.url, body=body, cut=len(text) > _AS_VALUE.body))
    return tuple(found)


class Named(NamedTuple):
    """How a subject is called: its key and revision, and what a report says of where it belongs."""

    key: str
    revision: int
    cluster: str
    problem_key: str
    attributes: dict[str, str]


def named(subject: Subject, cause: CloudEvent) -> Named:
    """Return how the subject that an event brought is called."""
    if isinstance(subject, Episode):
        said = attributes.of_episode(subject)
        return Named(subject.id, subject.revision, subject.cluster, subject.problem_key, said)
    if isinstance(subject, Change):
        return Named(subject.id, subject.revision, subject.cluster, "", attributes.of_change(subject))
    if isinstance(subject, Classified):
        seen, verdict = subject.observation, subject.verdict
        return Named(seen.identity, 0, seen.cluster, verdict.problem_key, attributes.of(seen, verdict))
    said = {name: text for name, text in cause.extensions.items() if name in attributes.NAMES}
    key = digest("report", subject.destination, subject.key)  # two destinations' reports have one key
    return Named(key, subject.revision, subject.cluster, subject.problem_key, said)


class Unsent(NamedTuple):
    """What would have been done, and when that was seen."""

    operation: DeliveryOperation
    requests: tuple[ShadowRequest, ...]
    time: datetime


def shadow_report(destination: str, name: Named, unsent: Unsent, cause: CloudEvent) -> CloudEvent:
    """Return the report of what would have been sent. Its id is not that of the delivery, which may come one day."""
    report = DeliveryReport(
        destination=destination,
        operation=unsent.operation,
        key=name.key,
        revision=name.revision,
        result="shadow",
        reason="in shadow: not sent",
        cluster=name.cluster,
        problem_key=name.problem_key,
        time=unsent.time,
        requests=unsent.requests,
    )
    return event_of(report, cause.subject, name.attributes, cause, "shadow")


class Shown(NamedTuple):
    """What was shown of one key last: its revision, and what would be known of the foreign record before and after."""

    revision: int
    before: Memory | None
    after: Memory | None


class Lately:
    """What this process has shown of the last `most` keys: the place of a store, for nothing took effect."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._shown: OrderedDict[str, Shown] = OrderedDict()

    def of(self, key: str) -> Shown | None:
        """Return what was shown of a key, as far as it is remembered."""
        return self._shown.get(key)

    def remember(self, key: str, shown: Shown) -> None:
        """Remember it; the keys that were longest not told of are forgotten."""
        self._shown[key] = shown
        self._shown.move_to_end(key)
        if len(self._shown) > self._most:
            self._shown.popitem(last=False)


def after(memory: Memory | None, subject: Snapshot, operation: DeliveryOperation, time: datetime) -> Memory:
    """Return what would be known once this snapshot had been told."""
    return sent(dealt_with(memory or Memory(), subject, None), subject, {}, operation, time)
