"""A probe through a cluster's broker: a tick with an id of its own, posted to its ingress and looked for in the logs.

Both ways go through the API server, the proxy of a Service and the log of a Pod: whoever asks needs no network of the
cluster. A tick makes functions look for what is due, which they do every ten seconds anyhow: it changes nothing.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from shared.cluster.api import Api, ApiError
from shared.events.cloudevent import PROBE, TICK, CloudEvent
from shared.events.codec import encode_binary
from shared.local.broker.filters import matches
from shared.local.broker.topology import Topology, is_foreign

_SOURCE = "tidings/doctor"
_EVERY = 0.5  # seconds between two looks at the logs
_PORTS = {"http": 80, "https": 443}
_SIDECAR = "queue-proxy"


class ProbeError(Exception):
    """The probe could not be sent, or nobody may look whether it arrived; the text says why and what to do."""


def probe_event(name: str, now: datetime | None) -> CloudEvent:
    """Return the probe of this name. What functions take for now is its time, as that of every tick: the cluster's."""
    return CloudEvent(name, _SOURCE, TICK, time=now, extensions={PROBE: "true"})


def waited_for(topology: Topology) -> list[str]:
    """Return the services whose Triggers let a probe through: its far ends."""
    event = probe_event("probe", None)
    found = {one.subscriber for one in topology.triggers if matches(one.selection, event)}
    return sorted(name for name in found if not is_foreign(name))


def through_proxy(address: str) -> str:
    """Return the API server's path to a broker's address in the cluster. Raises ProbeError for an address elsewhere."""
    parts = urlsplit(address)
    host = (parts.hostname or "").split(".")
    if parts.scheme not in _PORTS or len(host) < 3 or host[2] != "svc":  # noqa: PLR2004 - name, namespace, svc
        raise ProbeError(f"the broker's address {address or 'is not known and'} is no Service of this cluster")
    port = parts.port or _PORTS[parts.scheme]
    service = f"{'https:' if parts.scheme == 'https' else ''}{host[0]}:{port}"
    return f"/api/v1/namespaces/{host[1]}/services/{service}/proxy{parts.path}"


async def send(api: Api, broker: Mapping[str, Any], event: CloudEvent) -> None:
    """Post a probe to the broker. Raises ProbeError."""
    if event.time is None:  # our own clock may be wrong, and a tick ends what is over by its time
        raise ProbeError("it was not sent: the API server does not say what time it is")
    address = str(((broker.get("status") or {}).get("address") or {}).get("url") or "")
    path = through_proxy(address)
    headers, body = encode_binary(event)
    try:
        await api.post(path, headers, body)
    except ApiError as error:
        raise ProbeError(_refused(error)) from error


async def arrived(api: Api, namespace: str, services: Sequence[str], event: CloudEvent, seconds: float) -> list[str]:
    """Return the services that had not logged the probe within so many seconds. Raises ProbeError.

    The time is that of a function which must be started first, from none.
    """
    missing, end = list(services), time.monotonic() + seconds
    began = time.monotonic()
    while True:
        try:
            since = int(time.monotonic() - began) + 5
            had = await asyncio.gather(*(_has(api, namespace, one, event.id, since) for one in missing))
        except ApiError as error:
            raise ProbeError(f"it was sent, and nobody could look for it: {_unread(error)}") from error
        missing = [name for name, has in zip(missing, had, strict=True) if not has]
        if not missing or time.monotonic() > end:
            return missing
        await asyncio.sleep(_EVERY)


async def _has(api: Api, namespace: str, service: str, event_id: str, since: int) -> bool:
    pods = f"/api/v1/namespaces/{namespace}/pods"
    found = await api.get(pods, {"labelSelector": f"serving.knative.dev/service={service}"})
    for pod in found.get("items", ()):
        container = next((one["name"] for one in pod["spec"]["containers"] if one["name"] != _SIDECAR), "")
        path = f"{pods}/{pod['metadata']['name']}/log"
        try:
            text = await api.text(path, {"container": container, "sinceSeconds": since})
        except ApiError as error:
            if error.why in {"absent", "busy"}:  # it has just come, or is just going
                continue
            raise
        if event_id in text:
            return True
    return False


def _refused(error: ApiError) -> str:
    words = {
        "forbidden": "it could not be sent: the right to create services/proxy in the broker's namespace is missing, "
        "or the broker takes events only from those that an EventPolicy names",
        "unauthenticated": "the broker wants a token (OIDC), and no probe has one",
        "absent": "the broker's ingress does not know the broker, or has no Service",
        "busy": "the broker's ingress does not take it: look at its pods",
    }
    return words.get(error.why, f"it could not be sent: {error}")


def _unread(error: ApiError) -> str:
    return "the right to get pods/log is missing" if error.why == "forbidden" else str(error)
