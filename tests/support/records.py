"""Classified observations and Splunk clients for tests."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson

from shared.destinations.splunk.client import SplunkClient
from shared.destinations.splunk.settings import SplunkSettings
from shared.events.cloudevent import CloudEvent, type_of_verdict
from shared.events.model import Classified, ObjectRef, Observation, Verdict
from shared.settings.environment import read
from shared.telemetry.metrics import Metrics

T = TypeVar("T")
TIME = datetime(2026, 3, 1, 12, 0, 0, 250_000, UTC)
AUDIT: dict[str, Any] = {
    "kind": "Event",
    "apiVersion": "audit.k8s.io/v1",
    "level": "RequestResponse",
    "auditID": "a-1",
    "stage": "ResponseComplete",
    "requestURI": "/api/v1/namespaces/shop/pods/api-0/exec",
    "verb": "create",
    "user": {"username": "jane", "groups": ["system:authenticated"]},
    "sourceIPs": ["10.0.0.7"],
    "objectRef": {"resource": "pods", "namespace": "shop", "name": "api-0", "subresource": "exec"},
    "responseStatus": {"code": 101},
    "annotations": {"authorization.k8s.io/decision": "allow"},
}
"""A record as an API server writes it."""


def classified(identity: str = "id-1", **changes: object) -> Classified:
    """Return a crash loop's observation with its verdict; `changes` are members of the observation."""
    observation = Observation(
        identity=identity,
        dialect="kubernetes-event",
        cluster="prod",
        object=ObjectRef(kind="Pod", namespace="shop", name="api-0", uid="u-1"),
        reason="BackOff",
        message="Back-off restarting failed container",
        type="Warning",
        time=TIME,
        received=TIME,
        original={"secret": "not for the SIEM"},
    ).model_copy(update=changes)
    verdict = Verdict(
        category="infrastructure",
        subcategory="pod",
        severity="high",
        phase="problem",
        condition="crash-loop",
        problem_key="k-1",
        summary="Pod shop/api-0 keeps crashing",
        rule="crash-loop",
    )
    return Classified(observation=observation, verdict=verdict)


def audited(identity: str = "id-1", **changes: Any) -> Classified:
    """Return an audit record's observation with a verdict; `changes` are members of the record."""
    return classified(identity, dialect="audit", original={**AUDIT, **changes})


def classified_event(subject: Classified) -> CloudEvent:
    """Return the classifier's event of it, as JSON brought it here."""
    return CloudEvent(
        id=f"c-{subject.observation.identity}",
        source="tidings/classifier",
        type=type_of_verdict(subject.verdict.category),
        data=subject.model_dump(mode="json"),
    )


def hec(event_id: str, **members: object) -> bytes:
    """Return one HEC object as the client is given it."""
    return orjson.dumps({"event": {"event_id": event_id}, "fields": {"event_id": event_id}, **members})


def with_splunk(
    url: str,
    use: Callable[[SplunkClient], Awaitable[T]],
    *,
    metrics: Metrics | None = None,
    seconds: float = 3.0,
    **settings: str,
) -> T:
    """Run `use` with a client of the collector at `url`; `settings` are environment variables."""
    environ = {"SPLUNK_HEC_URL": url, "SPLUNK_TOKEN": "tidings-hec-token", "SPLUNK_TIMEOUT": str(seconds), **settings}

    async def run() -> T:
        client = SplunkClient(read(SplunkSettings, environ), metrics or Metrics())
        try:
            return await use(client)
        finally:
            await client.close()

    return asyncio.run(run())
