"""The component `openshift`: the audit log as its page says, and alerts that ask for metrics that there are."""

import json
import re
from collections.abc import Callable

import jsonschema
import pytest
import yaml

from shared.runtime.registry import FUNCTIONS
from shared.runtime.request import reason_of
from shared.telemetry.metrics import METRICS
from tests.conftest import ROOT
from tests.manifests.test_knative_manifests import documents
from tests.support.kustomize import Manifest, one

KNATIVE = ROOT / "knative"
FORWARDER = {
    "additionalProperties": False,
    "required": ["serviceAccount", "inputs", "outputs", "pipelines"],
    "properties": {
        "serviceAccount": {"required": ["name"]},
        "inputs": {"items": {"required": ["name", "type"], "properties": {"type": {"const": "audit"}}}},
        "filters": {"items": {"required": ["name", "type", "openshiftLabels"]}},
        "outputs": {
            "items": {
                "required": ["name", "type", "http"],
                "properties": {
                    "http": {
                        "additionalProperties": False,
                        "properties": {
                            "url": {"pattern": "^https?://"},
                            "method": {"enum": ["POST", "PUT"]},
                            "tuning": {
                                "properties": {
                                    "deliveryMode": {"enum": ["AtLeastOnce", "AtMostOnce"]},
                                    "compression": {"enum": ["gzip", "none", "snappy", "zlib"]},
                                }
                            },
                        },
                    }
                },
            }
        },
        "pipelines": {"items": {"required": ["name", "inputRefs", "outputRefs"]}},
    },
}


def test_the_audit_log_is_forwarded_as_its_page_says(render: Callable[..., list[Manifest]]) -> None:
    item = one(render("openshift", "installation"), "ClusterLogForwarder", "tidings")
    jsonschema.validate(item["spec"], FORWARDER)
    page = (ROOT / "docs" / "sources" / "audit.md").read_text(encoding="utf-8")
    (said,) = [
        yaml.safe_load(block)
        for block in re.findall(r"(?ms)^```yaml\n(.*?)^```$", page)
        if "ClusterLogForwarder" in block
    ]
    assert item["apiVersion"] == said["apiVersion"]
    for part in ("inputs", "pipelines"):
        assert item["spec"][part] == said["spec"][part]
    here, there = item["spec"]["outputs"][0]["http"], said["spec"]["outputs"][0]["http"]
    assert (here["method"], here["tuning"]) == (there["method"], there["tuning"])
    assert [url.rpartition("/")[2] for url in (here["url"], there["url"])] == ["audit", "audit"]
    assert item["spec"]["filters"][0]["openshiftLabels"] == {"cluster": "my-cluster"}
    names = {each["name"] for part in ("inputs", "filters", "outputs") for each in item["spec"][part]}
    for pipeline in item["spec"]["pipelines"]:
        assert {*pipeline["inputRefs"], *pipeline["filterRefs"], *pipeline["outputRefs"]} <= names


def test_the_link_in_the_console_has_the_fields_that_there_are(render: Callable[..., list[Manifest]]) -> None:
    link = one(render("openshift", "installation"), "ConsoleLink", "tidings-tickets")["spec"]
    assert set(link) == {"location", "namespaceDashboard", "text", "href"}
    assert link["location"] == "NamespaceDashboard"
    assert link["href"].startswith("https://")


@pytest.mark.parametrize("beside", ["watch", "archive", "plain"])
def test_whatever_counts_is_asked_at_the_port_that_its_pod_has(
    beside: str, render: Callable[..., list[Manifest]]
) -> None:
    items = render(beside, "openshift", "installation")
    monitor = one(items, "PodMonitor", "tidings-functions")["spec"]
    asked = {endpoint["port"] for endpoint in monitor["podMetricsEndpoints"]}
    (allowed,) = one(items, "NetworkPolicy", "tidings-metrics")["spec"]["ingress"]
    counting = 0
    for item in items:
        template = item.get("spec", {}).get("template", {})
        labels = template.get("metadata", {}).get("labels", {})
        if item["kind"] == "Job" or not monitor["selector"]["matchLabels"].items() <= labels.items():
            continue
        (port,) = template["spec"]["containers"][0]["ports"]
        # Serving gives the container's port this name, whatever it was.
        name = "user-port" if item["apiVersion"] == "serving.knative.dev/v1" else port["name"]
        assert name in asked, item["metadata"]["name"]
        assert {"port": port["containerPort"]} in allowed["ports"]
        counting += 1
    assert counting >= 6


def expressions() -> list[str]:
    folder = KNATIVE / "components" / "openshift"
    (rules,) = documents(folder / "alerts.yaml")
    found = [rule["expr"] for group in rules["spec"]["groups"] for rule in group["rules"]]
    (board,) = documents(folder / "dashboard.yaml")
    panels = [panel for row in json.loads(board["data"]["tidings.json"])["rows"] for panel in row["panels"]]
    return found + [target["expr"] for panel in panels for target in panel["targets"]]


@pytest.mark.parametrize("expression", expressions())
def test_alerts_and_dashboard_ask_for_metrics_and_labels_that_there_are(expression: str) -> None:
    names = re.findall(r"\btidings_\w+", expression)
    assert names
    labels = {"le"}
    for name in names:
        family = METRICS[name.removesuffix("_bucket")]
        labels |= set(family.labels)
    asked = re.findall(r"by \(([\w, ]+)\)", expression)
    assert {label.strip() for group in asked for label in group.split(",")} <= labels
    assert set(re.findall(r'(\w+)(?:=|!=)"', expression)) <= labels
    assert expression.count("(") == expression.count(")")
    for result in re.findall(r'result="(\w+)"', expression):
        assert result in {"done", "rejected", "refused", "lost"}


def test_f35_every_way_to_a_dead_letter_has_an_alert() -> None:
    """F35: DLS down: alert; doc says DLS must be durable; `dead_letter` never in the path.

    By a destination, by any function before, at the edge of one, or as an item of a producer.
    """
    asked = {name: expression for expression in expressions() for name in re.findall(r"\btidings_\w+", expression)}
    (rules,) = documents(KNATIVE / "components" / "openshift" / "alerts.yaml")
    alerts = " ".join(rule["expr"] for group in rules["spec"]["groups"] for rule in group["rules"])
    for name in ("deliveries", "events", "requests_refused", "intake_items"):
        assert f"tidings_{name}_total" in alerts
    between = {name for name, one in FUNCTIONS.items() if one.destination is None} - {"intake", "watch"}
    assert set(re.findall(r'outcome="rejected",function=~"([^"]+)"', alerts)[0].split("|")) == between
    reasons = re.findall(r'reason=~"([^"]+)"', asked["tidings_requests_refused_total"])[0].split("|")
    assert set(reasons) == {reason_of(status) for status in (400, 413, 415, 422, 431)}
