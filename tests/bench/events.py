"""What the benchmarks send: Events of the recorded day as ApiServerSource sends them, as many as wanted, each new."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count, cycle, islice
from typing import Any

from shared.local.recorded.player import requests
from tests.support.signals import FOLDER, ordinary, record

Post = tuple[dict[str, str], bytes]
"""Headers in lower case without content-length, and the body."""

_TIMES = frozenset({"creationTimestamp", "firstTimestamp", "lastTimestamp", "eventTime", "lastObservedTime", "time"})
_DIGITS = 8
_APART = timedelta(milliseconds=10)  # a busy cluster has a hundred Events a second; time never goes back in it
_OTHER = "~~~~~~"  # stands for the number of the round through the day
_NEVER = "9999-12-31T23:59:59Z"  # stands for the time of what is sent later


@cache
def templates() -> list[tuple[dict[str, str], dict[str, Any]]]:
    """Return the day's Events: headers and parsed body of each."""
    found = [(request.headers, json.loads(request.body)) for request in requests()]
    # An Event that the cluster deleted because of its age says nothing and ends at the classifier.
    return [
        (headers, body) for headers, body in found if body["kind"] == "Event" and "delete" not in headers["ce-type"]
    ]


def posts(count: int, mark: str = "b") -> list[Post]:
    """Return so many binary CloudEvents, one after the other up to now; with another `mark` they are others."""
    now = datetime.now(UTC)
    return [
        _as_new(headers, body, uid(mark, number), _text(now - _APART * (count - 1 - number)))
        for number, (headers, body) in enumerate(islice(cycle(templates()), count))
    ]


def stream(mark: str, *, storm: bool = False) -> Iterator[bytes]:
    """Yield HTTP requests without end, each a new Event that happens when it is asked for; cheap to make.

    The uid of the n-th is `uid(mark, n)`. It is the day over and over: its problems last and say so again, and what
    goes well goes well with other objects each time, as roll-outs and jobs make new pods. In a `storm` the objects stay
    the same, so that every problem ends and comes back each few hundred events: no ticket system takes as many changes.
    """
    placeholder = "@" * len(uid(mark, 0))
    cut = [
        raw(*_as_new(headers, body if storm else _elsewhere(body), placeholder, _NEVER)).split(placeholder.encode())
        for headers, body in templates()
    ]
    second, never, text, other = 0, _NEVER.encode(), b"", _OTHER.encode()
    for number in count():
        if int(time.time()) != second:
            now = datetime.now(UTC)
            second, text = int(now.timestamp()), _text(now).encode()
        request = uid(mark, number).encode().join(cut[number % len(cut)]).replace(never, text)
        yield request if storm else request.replace(other, b"%0*d" % (len(other), number // len(cut)))


def uid(mark: str, number: int) -> str:
    """Return the uid of a stream's n-th Event."""
    return f"{mark}-{number:0{_DIGITS}d}"


def raw(headers: dict[str, str], body: bytes) -> bytes:
    """Return a POST to `/` as it goes over the wire."""
    lines = ["POST / HTTP/1.1", "host: localhost", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _as_new(headers: dict[str, str], body: dict[str, Any], uid: str, text: str) -> Post:
    """Return the Event as another one, of about now: the past would be closed by the first tick and be opened again."""
    fresh = _retimed({**body, "metadata": {**body["metadata"], "uid": uid}}, text)
    return {**headers, "ce-id": uid, "ce-time": text}, json.dumps(fresh, separators=(",", ":")).encode()


def _elsewhere(body: dict[str, Any]) -> dict[str, Any]:
    """Return an Event that went well as one about an object whose name still lacks a number."""
    involved = body["involvedObject"]
    if body["type"] != "Normal" or involved["kind"] == "Node":  # nodes do not come and go
        return body
    return {**body, "involvedObject": {**involved, "name": f"{involved['name']}-{_OTHER}"}}


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _retimed(value: Any, text: str) -> Any:
    if isinstance(value, dict):
        return {
            name: text if name in _TIMES and isinstance(member, str) else _retimed(member, text)
            for name, member in value.items()
        }
    return [_retimed(member, text) for member in value] if isinstance(value, list) else value


def deployments(count: int) -> list[Post]:
    """Return updates of a Deployment as a cluster has it, with secrets in its environment: 4 kB each."""
    made: list[Post] = []
    for number in range(count):
        body = _deployment(number)
        headers = {
            "content-type": "application/json",
            "ce-specversion": "1.0",
            "ce-id": f"d-{number}",
            "ce-source": "https://10.40.0.1:6443",
            "ce-type": "dev.knative.apiserver.resource.update",
            "ce-subject": f"/apis/apps/v1/namespaces/shop/deployments/web-{number % 50}",
            "ce-kind": "Deployment",
            "ce-cluster": "prod-eu1",
        }
        made.append((headers, json.dumps(body, separators=(",", ":")).encode()))
    return made


def audit_records(count: int) -> list[Post]:
    """Return audit records: what a real API server logged with bodies, ordinary ones, and an update of a Deployment."""
    batch = json.loads((FOLDER / "recorded-batch.json").read_text(encoding="utf-8"))["items"]
    update = record({"level": "Request", "requestObject": _deployment(0)})
    mixed = cycle([*batch, *ordinary(), *[update] * 10])
    return [
        ({}, json.dumps({**each, "auditID": f"a-{number}"}, separators=(",", ":")).encode())
        for number, each in enumerate(islice(mixed, count))
    ]


def _deployment(number: int) -> dict[str, Any]:
    labels = {"app": "web", "app.kubernetes.io/part-of": "shop", "team": "storefront"}
    container = {
        "name": "web",
        "image": f"registry.example/shop/web:1.{number}.0",
        "env": [
            {"name": "DATABASE_URL", "value": f"postgres://shop:s3cr3t-{number}@db.shop.svc:5432/shop"},
            {"name": "DB_PASSWORD", "value": f"correct-horse-{number}"},
            {"name": "API_TOKEN", "value": f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI{number:08d}In0.c2lnbmF0dXJl"},
            {"name": "LOG_LEVEL", "value": "info"},
            {"name": "REGION", "value": "eu-central-1"},
            {"name": "SESSION_KEY", "valueFrom": {"secretKeyRef": {"name": "web", "key": "session"}}},
        ],
        "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http", "scheme": "HTTP"}, "periodSeconds": 10},
        "livenessProbe": {"httpGet": {"path": "/live", "port": "http", "scheme": "HTTP"}, "periodSeconds": 10},
        "resources": {"limits": {"cpu": "1", "memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
        "volumeMounts": [{"mountPath": "/etc/web", "name": "config", "readOnly": True}],
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }
    template = {
        "metadata": {"labels": labels, "annotations": {"checksum/config": f"{number:064x}"}},
        "spec": {
            "containers": [container, {**container, "name": "proxy", "image": "registry.example/proxy:2.1"}],
            "volumes": [{"name": "config", "configMap": {"name": "web", "defaultMode": 420}}],
            "serviceAccountName": "web",
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        },
    }
    spec = {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    spec |= {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}}
    name = f"web-{number % 50}"
    applied = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps({"metadata": {"name": name}})}
    conditions = [
        {"type": kind, "status": "True", "reason": reason, "message": f'ReplicaSet "{name}-5d9c" is fine.'}
        for kind, reason in (("Available", "MinimumReplicasAvailable"), ("Progressing", "NewReplicaSetAvailable"))
    ]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"7c9e6679-7425-40de-944b-{number % 50:012x}",
            "resourceVersion": str(48_000_000 + number),
            "generation": number,
            "labels": labels,
            "annotations": applied,
            "creationTimestamp": "2026-11-01T06:00:00Z",
            "managedFields": [
                {
                    "manager": "kubectl",
                    "operation": "Apply",
                    "apiVersion": "apps/v1",
                    "fieldsType": "FieldsV1",
                    "fieldsV1": {"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": {}}}}},
                }
            ],
        },
        "spec": spec,
        "status": {"replicas": 3, "readyReplicas": 3, "observedGeneration": number, "conditions": conditions},
    }
