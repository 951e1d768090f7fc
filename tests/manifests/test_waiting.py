"""How long events are held, as shipped: by the tries of Triggers, and by the topics in which they wait meanwhile."""

from collections.abc import Callable
from datetime import timedelta

from shared.local.broker.delivery_spec import DeliverySpec
from shared.local.broker.loader import load_topology
from shared.runtime.registry import FUNCTIONS
from tests.support.kustomize import KNATIVE, Manifest, of_kind, one

OPTIONAL = [name.replace("_", "-") for name, each in FUNCTIONS.items() if each.optional]
# Until a node that fell silent is not ready, its Pods are given up, and others are ready.
LOST = timedelta(seconds=40 + 300 + 60)


def tries() -> dict[str, timedelta]:
    """Return how long each Trigger, of the base and of every component, tries to deliver an event."""
    return {each.name: _lasting(each.delivery) for each in load_topology(KNATIVE, OPTIONAL).triggers}


def _lasting(spec: DeliverySpec) -> timedelta:
    return timedelta(seconds=sum(map(spec.delay, range(1, spec.retry + 1))))


def kept(milliseconds: str) -> timedelta:
    return timedelta(milliseconds=int(milliseconds))


def test_f39_the_broker_tries_for_longer_than_a_lost_node_is_missed() -> None:
    """F39: pod OOM/evicted, node drain: as F01-F05; minReadySeconds/PDB documented.

    But for ticks to `reconcile`: the next one does what is due.
    """
    assert [name for name, lasting in tries().items() if lasting < LOST] == ["reconcile"]


def test_f56_no_topic_forgets_what_a_trigger_still_tries(render: Callable[..., list[Manifest]]) -> None:
    """F56: destination down for 4 hours (injected clock).

    held by the broker, all delivered afterwards without an operator, no duplicates, others unaffected.

    50 of a consumer's events are tried at a time; those behind them wait in the topic, and are tried as long again.
    """
    items = render("amq-streams", "multi-cluster-hub", "installation")
    longest = max(tries().values())
    assert longest > timedelta(hours=4)
    broker = one(items, "ConfigMap", "tidings-broker")["data"]
    assert one(items, "Broker", "tidings")["spec"]["config"]["name"] == "tidings-broker"
    assert kept(broker["default.topic.config.retention.ms"]) > 2 * longest
    assert int(broker["default.topic.replication.factor"]) > int(broker["default.topic.config.min.insync.replicas"]) > 1
    (spoke,) = [item for item in of_kind(items, "KafkaTopic") if item["metadata"]["name"].startswith("tidings-spoke-")]
    assert kept(spoke["spec"]["config"]["retention.ms"]) > 2 * longest, "the hub's Broker is a destination, too"
