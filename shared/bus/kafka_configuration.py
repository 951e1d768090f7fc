"""How Kafka is told what to keep of a topic. Pure: the admin client says it, and manifests do."""

from shared.bus.protocol import Topic

UNBOUNDED = "-1"

_SAFE_REPLICAS = 3


def configuration(topic: Topic) -> dict[str, str]:
    """Return the topic's own configuration; what is not in it is the brokers' or somebody else's."""
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(topic.seconds * 1000),
        "retention.bytes": UNBOUNDED if topic.max_bytes is None else str(topic.max_bytes // topic.partitions),
        # With three replicas, what all in sync have acknowledged outlives any one of them.
        "min.insync.replicas": "2" if topic.replicas >= _SAFE_REPLICAS else "1",
    }
