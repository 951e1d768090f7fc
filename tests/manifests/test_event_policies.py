"""The component `oidc` at the Broker's door: each sender may send all that it sends, and nothing that another does."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import jsonschema
import pytest
import yaml

from shared.events.change import ChangeTransition
from shared.events.cloudevent import (
    APISERVER_PREFIX,
    LISTED,
    OBSERVED,
    UNREAD,
    CloudEvent,
    type_of_change,
    type_of_transition,
)
from shared.events.episode import Transition
from shared.local.broker.event_kinds import kinds
from shared.sources.registry import PRODUCED
from tests.conftest import ROOT
from tests.manifests.test_knative_manifests import schemas
from tests.support.event_policies import account, lets, may_send
from tests.support.kustomize import Manifest, of_kind

Render = Callable[..., list[Manifest]]
PING = "dev.knative.sources.ping"
OBJECTS = {f"{APISERVER_PREFIX}resource.{verb}" for verb in ("add", "update", "delete")}
REFERENCES = {f"{APISERVER_PREFIX}ref.{verb}" for verb in ("add", "update", "delete")}
ALL = {kind.type for kind in kinds(ticks=["x"])} | {"com.example.other"}
SENT = {
    "ApiServerSource": OBJECTS | REFERENCES,
    "ContainerSource": OBJECTS | {LISTED},
    "KafkaSource": OBJECTS | REFERENCES,
    "PingSource": {PING},
    "SinkBinding changes": {OBSERVED},
    "SinkBinding correlator": {
        *map(type_of_transition, get_args(Transition)),
        *map(type_of_change, get_args(ChangeTransition)),
    },
    "SinkBinding intake": {OBSERVED, UNREAD, LISTED, *PRODUCED, *OBJECTS, *REFERENCES},
    "SinkBinding reconcile": OBJECTS | {LISTED},
}
"""What goes from each of them to the Broker: what it makes itself, and what it passes on (docs/intake.md)."""
OVERLAYS = [
    ("oidc",),
    ("watch", "oidc"),
    ("virtualization", "kyverno", "reference-mode", "oidc"),
    ("amq-streams", "multi-cluster-hub", "installation", "oidc"),
]


def senders(items: list[Manifest]) -> list[Manifest]:
    return [item for item in items if item.get("apiVersion", "").startswith("sources.knative.dev/")]


@pytest.mark.parametrize("components", OVERLAYS, ids="+".join)
def test_f51_each_sender_may_send_its_own_types_and_no_others(
    components: tuple[str, ...], render: Render, tmp_path: Path
) -> None:
    """F51: spoofed `ce-source`/`ce-type` from allowed sender: source allow-list per trigger; EventPolicy documented."""
    items = render(*components)
    assert len(senders(items)) >= 6
    for source in senders(items):
        kind, name = source["kind"], source["metadata"]["name"]
        sent = SENT.get(kind) or SENT[f"{kind} {name}"]
        assert may_send(items, source, ALL, tmp_path) == sent, f"{kind} {name}"


def test_every_sender_of_every_component_was_asked(render: Render) -> None:
    files = [path for path in (ROOT / "knative").glob("**/*.yaml") if path.name != "kustomization.yaml"]
    there = [item for path in files for item in yaml.safe_load_all(path.read_text(encoding="utf-8"))]
    asked = {(one["kind"], one["metadata"]["name"]) for each in OVERLAYS for one in senders(render(*each))}
    assert {(one["kind"], one["metadata"]["name"]) for one in senders(there)} == asked


def test_intake_may_pass_on_what_the_triggers_of_the_classifier_name(render: Render, tmp_path: Path) -> None:
    """What comes from outside comes by it, or by a source."""
    items = render("oidc")
    (trigger,) = [item for item in of_kind(items, "Trigger") if item["metadata"]["name"] == "classifier"]
    named = {one["exact"]["type"] for one in trigger["spec"]["filters"][0]["any"] if "exact" in one}
    (intake,) = [one for one in of_kind(items, "SinkBinding") if one["metadata"]["name"] == "intake"]
    assert {"falco.rule.output.v1", OBSERVED} <= named == may_send(items, intake, named, tmp_path)


def test_whoever_takes_the_component_is_told_which_knative_filters_in_policies(render: Render) -> None:
    assert all(item["spec"]["filters"] for item in of_kind(render("oidc"), "EventPolicy"))
    for page in ("knative/components/oidc/kustomization.yaml", "docs/who-may-send.md"):
        assert "1.16 or newer" in (ROOT / page).read_text(encoding="utf-8")


def test_f51_the_policy_of_the_page_holds_a_sender_of_ones_own_to_its_source_and_type(
    shared_data: Path, tmp_path: Path
) -> None:
    """F51: spoofed `ce-source`/`ce-type` from allowed sender: source allow-list per trigger; EventPolicy documented."""
    page = (ROOT / "docs" / "who-may-send.md").read_text(encoding="utf-8")
    blocks = re.findall(r"(?ms)^```yaml\n(.*?)^```$", page)
    (policy,) = of_kind([one for block in blocks for one in yaml.safe_load_all(block) if "kind" in one], "EventPolicy")
    schema = schemas(shared_data / "data" / "crds")[policy["apiVersion"], "EventPolicy"]
    jsonschema.Draft202012Validator(schema).validate({**policy, "metadata": {}})
    alert = CloudEvent(id="1", source="https://falco.org", type="falco.rule.output.v1")
    assert lets(policy, alert, tmp_path)
    assert not lets(policy, alert._replace(source="https://10.96.0.1:443"), tmp_path)
    assert not lets(policy, alert._replace(type="dev.knative.apiserver.resource.update"), tmp_path)


def test_an_account_is_named_as_knative_does() -> None:
    """The second is what Knative's own test expects of it (eventing:pkg/auth/serviceaccount_test.go)."""
    broker = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "metadata": {"name": "my-Broker"}}
    assert account(broker) == "my-broker-oidc-eventing.knative.dev-broker"
    long = broker | {"metadata": {"name": f"my-l{'o' * 38}g-Broker"}}
    assert account(long) == f"my-l{'o' * 27}2dfc2a3825b8d82077b0f25518b36884"


@pytest.mark.parametrize(("length", "known"), [(29, True), (30, False)])
def test_a_trigger_with_a_name_of_29_characters_is_known_to_the_functions(length: int, *, known: bool) -> None:
    """docs/who-may-send.md tells of it."""
    trigger = {"apiVersion": "eventing.knative.dev/v1", "kind": "Trigger", "metadata": {"name": "x" * length}}
    assert account(trigger).endswith("-oidc-eventing.knative.dev-trigger") is known
