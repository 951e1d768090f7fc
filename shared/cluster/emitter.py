"""Hands over what happened as the CloudEvents that an ApiServerSource sends, so that all behind it is the same.

Recorded from the real one (reference/knative.md, "ApiServerSource, observed"): the subject says `/apis/v1` also for
core objects, and `namespace` is there and empty for what belongs to none. Two things are better here: the id is the
same each time, and what the broker does not take now is not given up.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from shared.cluster.api import Api
from shared.cluster.changes import Change
from shared.cluster.kinds import Resource
from shared.events.cloudevent import APISERVER_PREFIX, LISTED, CloudEvent
from shared.events.identity import digest
from shared.events.listed import Listed
from shared.runtime.handover import Handover
from shared.telemetry.metrics import Metrics

log = logging.getLogger("tidings.sources")

_MOST = 64
_BYTES = 1024 * 1024


class BrokerFullError(Exception):
    """The broker cannot take events now: some of them may have been taken."""


class Emitter:
    """Emits what happened to objects of one kind of one cluster."""

    def __init__(self, handover: Handover, metrics: Metrics, function: str, api: Api, resource: Resource) -> None:
        self._handover = handover
        self._metrics = metrics
        self._function = function
        self._api = api
        self._cluster = api.cluster
        self._resource = resource

    async def emit(self, changes: Sequence[Change]) -> None:
        """Return once the broker has all of them. Raises BrokerFullError."""
        await self._hand_over([self._event(change) for change in changes])
        for change in changes:
            self._metrics.count(
                "tidings_source_changes_total",
                function=self._function,
                kind=self._resource.kind.name,
                operation=change.operation,
            )

    async def listed(self, listed: Listed) -> None:
        """Say that a list is complete. Raises BrokerFullError."""
        key = digest("listed", self._cluster, str(self._resource.kind), listed.resource_version)
        event = CloudEvent(
            id=key,
            source=self._api.server,
            type=LISTED,
            subject=str(self._resource.kind),
            time=listed.ended,
            extensions={"cluster": self._cluster},
            data=listed.model_dump(mode="json"),
        )
        await self._hand_over([event])

    async def _hand_over(self, events: Sequence[CloudEvent]) -> None:
        found = await self._handover.accept(events)
        if found == "full":
            raise BrokerFullError
        if found == "accepted":
            return
        if len(events) > 1:  # one that no broker takes spoils no other
            for event in events:
                await self._hand_over([event])
            return
        (event,) = events
        if isinstance(event.data, dict) and not event.data.get("truncated"):
            await self._hand_over([event._replace(data=_head(event.data))])
            return
        self._metrics.count("tidings_dropped_total", function=self._function, reason="too_large", intentional="false")
        log.error("the broker refuses an event for good", extra={"event_id": event.id, "why": found})

    def _event(self, change: Change) -> CloudEvent:
        kind = self._resource.kind
        place = f"/apis/{kind.api_version}/namespaces/{change.namespace}/{self._resource.plural}/{change.name}"
        return CloudEvent(
            id=digest("emitted", self._cluster, change.uid, change.version, change.operation),
            source=self._api.server,
            type=f"{APISERVER_PREFIX}resource.{change.operation}",
            subject=place,
            time=datetime.now(UTC),
            extensions={
                "kind": kind.name,
                "apiversion": kind.api_version,
                "name": change.name,
                "namespace": change.namespace,
                "cluster": self._cluster,
            },
            data=change.thing,
        )


def _head(thing: dict[str, object]) -> dict[str, object]:
    """Return what is left of an object that is larger than the broker takes: that there is such a version of it."""
    metadata = thing.get("metadata")
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp")
    named = {name: metadata[name] for name in kept if name in metadata} if isinstance(metadata, dict) else {}
    return {"apiVersion": thing.get("apiVersion"), "kind": thing.get("kind"), "metadata": named, "truncated": True}


def batches(changes: Iterable[Change]) -> Iterator[list[Change]]:
    """Yield changes in small batches in which no object comes twice: a batch has no order on its way."""
    batch: list[Change] = []
    uids: set[str] = set()
    size = 0
    for change in changes:
        if batch and (change.uid in uids or len(batch) == _MOST or size + change.size > _BYTES):
            yield batch
            batch, uids, size = [], set(), 0
        batch.append(change)
        uids.add(change.uid)
        size += change.size
    if batch:
        yield batch
