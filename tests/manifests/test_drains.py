"""What a drained node takes away is still there or there again, in every way to run it that kustomize renders."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.runtime.edge import EdgeSettings
from shared.runtime.registry import FUNCTIONS
from shared.runtime.serve import config
from tests.support.kustomize import WAYS, Manifest, of_kind

# A trial's dead letters lie in its Pod, as its README says; Botkube unpacks its plugins there.
LOST_WITH_THE_POD = {"dead-letters", "tidings-botkube"}
GRACE = 30  # Kubernetes' own
each_way = pytest.mark.parametrize("way", WAYS)


def run_on(items: list[Manifest]) -> Iterator[tuple[Manifest, Any]]:
    """Yield what keeps Pods running, with the Pod's template."""
    for item in items:
        if item["kind"] in {"Service", "Deployment", "StatefulSet", "ContainerSource"} and "template" in item["spec"]:
            yield item, item["spec"]["template"]


def environment(template: Any) -> dict[str, str]:
    return {
        each["name"]: each.get("value", "") for one in template["spec"]["containers"] for each in one.get("env", ())
    }


@each_way
def test_f39_of_what_has_several_pods_one_goes_at_a_time_and_nothing_else_has_a_budget(
    way: str, rendered: dict[str, list[Manifest]]
) -> None:
    """F39: pod OOM/evicted, node drain: as F01-F05; minReadySeconds/PDB documented.

    Of one Pod, a budget that keeps it holds the drain for ever; of a Knative Service, how many there are moves.
    """
    items = rendered[way]
    budgets = {item["metadata"]["name"]: item["spec"] for item in of_kind(items, "PodDisruptionBudget")}
    several = {item["metadata"]["name"]: each for item, each in run_on(items) if item["spec"].get("replicas", 1) > 1}
    assert budgets.keys() == several.keys()
    for name, template in several.items():
        assert budgets[name].keys() == {"maxUnavailable", "selector"}
        assert budgets[name]["maxUnavailable"] == 1
        chosen = budgets[name]["selector"]["matchLabels"].items()
        labels = [(item["metadata"]["name"], each["metadata"]["labels"]) for item, each in run_on(items)]
        assert [other for other, found in labels if chosen <= found.items()] == [name], "it counts its own Pods alone"
        spread = template["spec"]["topologySpreadConstraints"]
        assert [one["topologyKey"] for one in spread] == ["kubernetes.io/hostname"], "they are not all on that node"
        assert [one["labelSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items() for one in spread]


@each_way
def test_f39_no_pod_holds_what_is_lost_with_it(way: str, rendered: dict[str, list[Manifest]]) -> None:
    """F39: pod OOM/evicted, node drain: as F01-F05; minReadySeconds/PDB documented."""
    for item, template in run_on(rendered[way]):
        name, told = item["metadata"]["name"], environment(template)
        function = told.get("FUNCTION_TARGET", name).replace("-", "_")
        if function in FUNCTIONS and "store" in FUNCTIONS[function].parts:
            assert told["STORE_URL"].partition(":")[0] in {"nats", "tls"}, f"{name}: its state is elsewhere"
        if name not in LOST_WITH_THE_POD:
            kinds = {kind for volume in template["spec"].get("volumes", ()) for kind in volume if kind != "name"}
            assert kinds <= {"secret", "configMap", "projected"}, name


@each_way
def test_f39_a_pod_that_must_go_is_given_the_time_to_end_what_it_took(
    way: str, rendered: dict[str, list[Manifest]]
) -> None:
    """F39: pod OOM/evicted, node drain: as F01-F05; minReadySeconds/PDB documented.

    Serving gives its Pods as long as timeoutSeconds says.
    """
    drain = config(None, "127.0.0.1", 0).timeout_graceful_shutdown  # type: ignore[arg-type]
    assert drain is not None
    assert EdgeSettings().seconds < drain
    for item, template in run_on(rendered[way]):
        spec = template["spec"]
        given = (
            spec["timeoutSeconds"] if item["kind"] == "Service" else spec.get("terminationGracePeriodSeconds", GRACE)
        )
        assert drain < given, item["metadata"]["name"]
        assert "minReadySeconds" not in item["spec"], "as docs/how-it-fails.md says"
