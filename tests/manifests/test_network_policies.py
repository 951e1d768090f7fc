"""What a Pod reaches and who reaches it, by all NetworkPolicies that select it together."""

import re
from collections.abc import Callable

import pytest
import yaml

from tests.conftest import ROOT
from tests.manifests.test_producers import WORKING
from tests.support.kustomize import Manifest, of_kind, one
from tests.support.policies import may_speak, ports, rules

Render = Callable[..., list[Manifest]]
NAMES = {53, 5353}  # of the cluster's DNS
JOBS = {
    "archive-export": {443, 4222},
    "archive-seal": {443},
    "publish-events-splunk": {443, 8088, 4222},
}


def labels(items: list[Manifest], kind: str, name: str) -> dict[str, str]:
    spec = one(items, kind, name)["spec"]
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    found: dict[str, str] = spec["template"]["metadata"]["labels"]
    return found


@pytest.mark.parametrize("name", JOBS)
def test_a_job_reaches_what_its_own_policy_names_and_nobody_reaches_it(name: str, render: Render) -> None:
    """With the component `oidc`, whose policy is for all functions."""
    items = render("archive", "archive-export", "splunk-cronjob", "oidc")
    pod = labels(items, "CronJob", name)
    assert ports(items, pod) == NAMES | JOBS[name]
    assert rules(items, pod, "Ingress") == []


def test_every_job_that_there_is_was_looked_at(render: Render) -> None:
    items = render("archive", "archive-export", "splunk-cronjob", "oidc")
    assert {item["metadata"]["name"] for item in of_kind(items, "CronJob")} == JOBS.keys()


def addressed(items: list[Manifest], producer: Manifest) -> tuple[str, int]:
    """Return the Service of Tidings that a producer posts to, and the port: of a URL, or as Fluent Bit has them."""
    told = str([producer, of_kind(items, "ConfigMap")])
    found = {
        (name, int(port or given or 80))
        for name, port, given in re.findall(
            r"\b([a-z-]+)\.tidings\.svc\.cluster\.local(?::(\d+))?(?:\\n\s*port\s+(\d+))?", told
        )
    }
    (one_address,) = found
    return one_address


@pytest.mark.parametrize("component", WORKING)
def test_without_knative_a_producer_posts_to_somebody_who_is_there_and_whom_it_may_reach(
    component: str, render: Render
) -> None:
    items = render(component, "plain")
    (producer,) = [
        item
        for item in of_kind(items, "Deployment")
        if item["spec"]["template"]["metadata"]["labels"].get("tidings.dev/role") == "producer"
    ]
    name, port = addressed(items, producer)
    service = one(items, "Service", name)["spec"]
    assert [each["port"] for each in service["ports"]] == [port]
    behind = [
        item
        for item in of_kind(items, "Deployment")
        if service["selector"].items() <= item["spec"]["template"]["metadata"]["labels"].items()
    ]
    (router,) = behind
    template = router["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert container["command"][-1] == "intake"
    assert service["ports"][0]["targetPort"] == container["ports"][0]["name"]
    reached = container["ports"][0]["containerPort"]
    who = producer["spec"]["template"]["metadata"]["labels"]
    assert may_speak(items, who, template["metadata"]["labels"], reached)
    bus = one(items, "Deployment", "bus-writer")["spec"]["template"]["metadata"]["labels"]
    assert not may_speak(items, who, bus, reached), "and nobody else of ours"


def test_the_pod_that_exports_the_state_reaches_nats_as_the_correlator_does(render: Render) -> None:
    (pod,) = yaml.safe_load_all((ROOT / "docs" / "deploy" / "state.yaml").read_text(encoding="utf-8"))
    items = render("nats-tls")
    assert may_speak(items, pod["metadata"]["labels"], labels(items, "StatefulSet", "nats"), 4222)
    (correlator,) = [item for item in of_kind(items, "Service") if item["metadata"]["name"] == "correlator"]
    there = correlator["spec"]["template"]["spec"]
    (ours,), (its,) = pod["spec"]["containers"], there["containers"]
    assert all(variable in its["env"] for variable in ours["env"])
    assert {variable["name"] for variable in ours["env"]} == {"STORE_URL", "NATS_CA_FILE"}
    assert ours["volumeMounts"] == its["volumeMounts"]
    assert pod["spec"]["volumes"] == there["volumes"]
    assert ours["securityContext"] == its["securityContext"]
    assert pod["spec"]["serviceAccountName"] == there["serviceAccountName"]


def blocks() -> list[Manifest]:
    page = (ROOT / "docs" / "how-it-fails.md").read_text(encoding="utf-8")
    return [yaml.safe_load(block) for block in re.findall(r"(?ms)^```yaml\n(.*?)^```$", page)]


def test_the_policy_of_the_page_opens_one_port_more(render: Render) -> None:
    (policy,) = [block for block in blocks() if block.get("kind") == "NetworkPolicy"]
    items = render()
    forwarder = {"app.kubernetes.io/part-of": "tidings", "serving.knative.dev/service": "siem-forwarder"}
    known = ports(items, forwarder)
    assert {443, 8088} <= known
    assert ports([*items, policy], forwarder) == known | {9443}


def test_f39_intake_by_two_of_the_page_leaves_one_at_a_drain(render: Render) -> None:
    """F39: pod OOM/evicted, node drain: as F01-F05; minReadySeconds/PDB documented."""
    (budget,) = [block for block in blocks() if block.get("kind") == "PodDisruptionBudget"]
    (overlay,) = [block for block in blocks() if "patches" in block]
    (service,) = [item for item in of_kind(render(), "Service") if item["metadata"]["name"] == "intake"]
    (patch,) = overlay["patches"]
    (step,) = yaml.safe_load(patch["patch"])
    annotation = step["path"].rpartition("/")[2].replace("~1", "/")
    annotations = service["spec"]["template"]["metadata"]["annotations"]
    assert int(annotations[annotation]) < int(step["value"]) <= int(annotations["autoscaling.knative.dev/max-scale"])
    assert int(step["value"]) > budget["spec"]["maxUnavailable"]
    assert budget["spec"]["selector"]["matchLabels"] == {"serving.knative.dev/service": service["metadata"]["name"]}
