"""What is remembered of a namespace or node: labels and annotations that say whose it is, and when it is worked on."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from shared.events.identity import object_key
from shared.events.model import ObjectRef, Observation

PREFIX = "tidings.dev/"
NAMESPACE = "Namespace"
NODE = "Node"
_MAX_LABELS = 32
_MAX_VALUE = 256


@dataclass(frozen=True, slots=True)
class Projection:
    """The labels of a namespace or node as of a time (seconds)."""

    time: float
    labels: dict[str, str]


def key_of(cluster: str, kind: str, name: str) -> str:
    """Return the key under which the store keeps the projection of a namespace or node."""
    return f"{kind.lower()}.{object_key(cluster, ObjectRef(kind=kind, name=name))}"


def is_place(observation: Observation) -> bool:
    """Return True for an observation of a Namespace or Node itself (not for an Event about one)."""
    return observation.dialect == "apiserver-resource" and observation.object.kind in {NAMESPACE, NODE}


def project(observation: Observation, wanted: Sequence[str]) -> Projection:
    """Return what is kept: names with our prefix and the wanted ones; a label wins over an annotation of its name."""
    both = {**observation.annotations, **observation.labels}
    names = [name for name in sorted(both) if name.startswith(PREFIX) or name in wanted]
    labels = {name: both[name][:_MAX_VALUE] for name in names[:_MAX_LABELS]}
    if observation.operation == "delete":
        labels = {}
    # The time of sending: an object has no event time of its own, only its last change.
    return Projection(observation.received.timestamp(), labels)


def encode(projection: Projection) -> bytes:
    """Return the projection as stored bytes."""
    return orjson.dumps([projection.time, projection.labels])


def decode(data: bytes) -> Projection:
    """Return a stored projection; what cannot be read counts as unknown and is replaced by the next observation."""
    try:
        time, labels, *_ = orjson.loads(data)  # a newer release may have put more behind
        return Projection(float(time), {str(name): str(value) for name, value in labels.items()})
    except (ValueError, TypeError, AttributeError):
        return Projection(0.0, {})
