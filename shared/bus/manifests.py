"""The topics as manifests for operators: Strimzi and AMQ Streams (KafkaTopic, KafkaUser), NACK (Stream). Pure.

Made from the same table as `tidings bus apply`, for clusters where an operator makes topics and nobody else may.
"""

from collections.abc import Sequence
from typing import Any

from shared.bus.kafka_configuration import configuration
from shared.bus.protocol import Topic

Manifest = dict[str, Any]

USER = "tidings"
SINK = "tidings-dead-letters"
"""The topic of `knative/base`'s KafkaSink: Knative's controller makes it, `tidings dead-letters` reads and marks it."""

# What a topic keeps is asked of its configuration.
_RIGHTS = ("Read", "Write", "Describe", "DescribeConfigs")
# Served from Strimzi 0.49 (AMQ Streams 3.1) on, and alone from 1.0 on.
_STRIMZI = "kafka.strimzi.io/v1"
_NACK = "jetstream.nats.io/v1beta2"


def strimzi(topics: Sequence[Topic], cluster: str) -> list[Manifest]:
    """Return a KafkaTopic for each, and one KafkaUser that may write and read them, and the Broker's dead letters.

    It signs in by SCRAM-SHA-512.
    """
    labels = {"strimzi.io/cluster": cluster}
    made = [
        {
            "apiVersion": _STRIMZI,
            "kind": "KafkaTopic",
            "metadata": {"name": topic.name, "labels": labels},
            "spec": {"partitions": topic.partitions, "replicas": topic.replicas, "config": configuration(topic)},
        }
        for topic in topics
    ]
    rights = [_right("topic", name, *_RIGHTS) for name in (*(topic.name for topic in topics), SINK)]
    user = {
        "apiVersion": _STRIMZI,
        "kind": "KafkaUser",
        "metadata": {"name": USER, "labels": labels},
        "spec": {
            "authentication": {"type": "scram-sha-512"},
            "authorization": {"type": "simple", "acls": [*rights, _right("group", USER, "Read", pattern="prefix")]},
        },
    }
    return [*made, user]


def nack(topics: Sequence[Topic]) -> list[Manifest]:
    """Return a Stream for each, as `tidings bus apply` makes it."""
    return [
        {
            "apiVersion": _NACK,
            "kind": "Stream",
            "metadata": {"name": topic.name},
            "spec": {
                "name": topic.name,
                "subjects": [topic.name, f"{topic.name}.>"],
                "storage": "file",
                "retention": "limits",
                "discard": "new",
                "maxAge": f"{topic.seconds}s",
                "maxBytes": -1 if topic.max_bytes is None else topic.max_bytes,
                "replicas": topic.replicas,
                "duplicateWindow": f"{topic.window}s",
                "allowDirect": True,
            },
        }
        for topic in topics
    ]


def _right(kind: str, name: str, *operations: str, pattern: str = "literal") -> Manifest:
    resource = {"type": kind, "name": name, "patternType": pattern}
    return {"resource": resource, "operations": list(operations), "host": "*"}
