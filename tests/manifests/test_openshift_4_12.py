"""The component `openshift-4.12`: by exact attributes alone, each subscriber gets what the base's Triggers bring it.

The one difference is said: what is marked as an Event comes to `changes` as well, which passes it over there.
"""

import copy
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from shared.cli.app import app
from shared.cli.checked import check
from shared.events.attributes import NAMES
from shared.events.cloudevent import APISERVER_PREFIX, CloudEvent
from shared.events.codec import decode, from_mapping
from shared.local.broker.names_advice import TYPES
from shared.local.broker.parse_services import PING
from shared.local.broker.topology import Topology
from shared.local.recorded import player
from shared.runtime.registry import load
from shared.telemetry.metrics import Metrics
from tests.support.kustomize import COMPONENTS, KNATIVE, Manifest, kustomized, of_kind, one, rendered
from tests.support.routing import OTHER, Router, compared, router, topology, types, universe
from tests.support.specimens import specimens

COMPONENT = "openshift-4.12"
FOLDER = KNATIVE / "components" / COMPONENT
BESIDE = ("oidc", "plain", COMPONENT)  # of newer Knatives, and without Knative
OTHERS = sorted(name for name in COMPONENTS if not name.startswith(BESIDE))


def with_component(component: str) -> list[str]:
    """Return the components of an overlay that has this one, and what OpenShift 4.12 makes of it."""
    own = f"{COMPONENT}/{component}"
    return [*COMPONENTS[component], COMPONENT, *([own] if own in COMPONENTS else [])]


def differences(before: Topology, after: Topology, events: Iterable[CloudEvent]) -> list[str]:
    """Return on which events the two renderings differ for some subscriber, and how."""
    filters, exact = router(before), router(after)
    return [told for event in events if (told := difference(filters, exact, event))]


def difference(filters: Router, exact: Router, event: CloudEvent) -> str:
    wanted, found = set(filters(event)), exact(event)
    if event.type.startswith(f"{APISERVER_PREFIX}resource.") and event.attribute("kind") == "Event":
        wanted.add("changes")  # which passes it over
    if found == dict.fromkeys(wanted, 1):
        return ""
    return f"{event.type} {event.source} {dict(event.extensions)}: {sorted(wanted)}, not {dict(found)}"


@pytest.fixture(scope="module")
def both(render: Callable[..., list[Manifest]], tmp_path_factory: pytest.TempPathFactory) -> tuple[Topology, Topology]:
    folder = tmp_path_factory.mktemp("both")
    return topology(render(), folder), topology(render(COMPONENT), folder)


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    folder = tmp_path_factory.mktemp("production")
    return rendered(folder, components=[COMPONENT, "gitops"], resources=["overlays/production"])


def test_whatever_there_is_goes_where_the_bases_triggers_send_it(both: tuple[Topology, Topology]) -> None:
    events = list(universe(both))
    assert {event.type for event in events} >= {*TYPES, PING}
    assert differences(*both, events) == []


def test_events_with_any_attributes_do(both: tuple[Topology, Topology]) -> None:
    values = compared(both)
    texts = st.one_of(
        st.sampled_from(sorted({OTHER, *(text for found in values.values() for text in found)})), st.text()
    )
    names = sorted({*NAMES, *values, "dialect", "action", "team"} - {"type", "source"})
    ticks = sorted({tick.event.source for one in both for tick in one.ticks})
    filters, exact = map(router, both)

    @given(
        st.sampled_from(sorted(types(both))),
        st.one_of(st.sampled_from([*ticks, "https://10.96.0.1:443"]), st.uuids().map(str)),
        st.dictionaries(st.sampled_from(names), texts),
    )
    def is_the_same(kind: str, source: str, extensions: dict[str, str]) -> None:
        assert difference(filters, exact, CloudEvent("1", source, kind, extensions=extensions)) == ""

    is_the_same()


def test_what_was_recorded_does(both: tuple[Topology, Topology]) -> None:
    recorded = [decode(request.headers, request.body) for request in player.requests()]
    payloads = [one.payload for one in specimens() if isinstance(one.payload, dict) and "specversion" in one.payload]
    events = [event for event in [*recorded, *map(from_mapping, payloads)] if isinstance(event, CloudEvent)]
    assert len(events) == len(recorded) + len(payloads) > 800
    assert differences(*both, events) == []
    filters = router(both[0])
    assert all(filters(event) for event in events), "each of them goes somewhere"


LEARNT = {
    "dev.example.new.v1": {"exact": {"type": "dev.example.new.v1"}},
    "dev.tidings.listed.v1": {"exact": {"type": "dev.tidings.listed.v1"}},
    "dev.tidings.change.": {"prefix": {"type": "dev.tidings.change."}},
    "com.example.": {"prefix": {"type": "com.example."}},
}


@pytest.mark.parametrize("what", LEARNT)
@pytest.mark.parametrize("name", ["changes", "classifier", "correlator", "reconcile", "siem-forwarder"])
def test_a_type_that_the_base_learns_and_the_component_does_not_is_told(
    name: str, what: str, render: Callable[..., list[Manifest]], both: tuple[Topology, Topology], tmp_path: Path
) -> None:
    items = copy.deepcopy(render())
    one(items, "Trigger", name)["spec"]["filters"][0]["any"].append(LEARNT[what])
    later = topology(items, tmp_path)
    told = differences(later, both[1], universe((later, both[1])))
    assert told
    assert all(entry.startswith(what) for entry in told)


def test_each_trigger_of_it_is_missed_and_a_second_one_brings_it_twice(both: tuple[Topology, Topology]) -> None:
    before, after = both
    events = list(universe(both))
    for trigger in after.triggers:
        without = tuple(each for each in after.triggers if each is not trigger)
        assert differences(before, replace(after, triggers=without), events), trigger.name
        assert differences(before, replace(after, triggers=(*after.triggers, trigger)), events), trigger.name


@pytest.mark.parametrize("component", OTHERS)
def test_with_what_else_may_be_added_it_goes_the_same_ways(
    component: str, render: Callable[..., list[Manifest]], tmp_path: Path
) -> None:
    pair = (
        topology(render(*COMPONENTS[component]), tmp_path),
        topology(render(*with_component(component)), tmp_path),
    )
    assert differences(*pair, universe(pair)) == []


def test_without_a_part_of_its_own_a_component_that_changes_the_bases_triggers_would_not(
    render: Callable[..., list[Manifest]], tmp_path: Path
) -> None:
    pair = (
        topology(render("servicenow-security"), tmp_path),
        topology(render("servicenow-security", COMPONENT), tmp_path),
    )
    told = differences(*pair, universe(pair))
    assert told
    assert all(entry.startswith("dev.tidings.problem.") for entry in told), "an incident beside the security incident"


def test_a_tick_comes_from_the_ping_source_that_is_there(both: tuple[Topology, Topology]) -> None:
    (tick,) = both[1].ticks
    assert tick.every == 60
    assert router(both[1])(tick.event) == {"changes": 1, "correlator": 1, "reconcile": 1}


def test_a_tick_that_nobody_takes_is_warned_of(
    render: Callable[..., list[Manifest]], both: tuple[Topology, Topology], tmp_path: Path
) -> None:
    """Without a tick nothing that is due is done, and no ticket opens: exact attributes name its whole source."""
    assert [found.warnings for found in both] == [(), ()]
    waiting = ["changes", "correlator", "reconcile"]
    for component, told in ((), []), ((COMPONENT,), waiting):
        items = copy.deepcopy(render(*component))
        one(items, "PingSource", "tidings-tick")["metadata"]["namespace"] = "elsewhere"
        warnings = topology(items, tmp_path).warnings
        assert [each.message.partition(" waits for ticks")[0] for each in warnings] == told
        assert all("/namespaces/elsewhere/pingsources/tidings-tick" in each.suggestion for each in warnings)
    less = [each for each in render(COMPONENT) if each["metadata"]["name"] != "correlator-ping"]
    assert ["correlator" in each.message for each in topology(less, tmp_path).warnings] == [True]


def test_what_of_the_base_is_not_wanted_is_deleted_behind_it_as_the_page_says(tmp_path: Path) -> None:
    page = (KNATIVE.parent / "docs" / "deploy" / "kustomize.md").read_text(encoding="utf-8")
    (block,) = re.findall(
        r"(?ms)^```yaml\n(.*?)^```$", page[page.index("## OpenShift 4.12") : page.index("## Files of")]
    )
    rendered(tmp_path, components=[COMPONENT])
    overlay = tmp_path / "knative" / "overlays" / "of-this-test"
    with (overlay / "kustomization.yaml").open("a", encoding="utf-8") as file:
        file.write(block)
    items = kustomized(overlay)
    left = {item["spec"]["subscriber"]["ref"]["name"] for item in of_kind(items, "Trigger")}
    assert left == {"changes", "classifier", "correlator", "reconcile"}
    assert left <= {item["metadata"]["name"] for item in of_kind(items, "Service")}
    assert not [item for item in items if item["metadata"]["name"].startswith(("servicenow", "siem"))]
    found = topology(items, tmp_path)
    assert (found.problems, found.warnings) == ((), ())


def spec(items: list[Manifest], name: str) -> dict[str, Any]:
    found: dict[str, Any] = one(items, "Trigger", name)["spec"]
    return found


@pytest.mark.parametrize("before", [(), ("in-memory-broker",)], ids=["kafka", "in memory"])
def test_each_is_delivered_as_the_trigger_whose_place_it_takes(
    before: tuple[str, ...], render: Callable[..., list[Manifest]]
) -> None:
    base, items = render(*before), render(*before, COMPONENT)
    for trigger in of_kind(items, "Trigger"):
        whom = trigger["spec"]["subscriber"]["ref"]["name"]
        assert trigger["metadata"]["name"].startswith(f"{whom}-")
        for part in ("broker", "subscriber", "delivery"):
            assert trigger["spec"][part] == spec(base, whom)[part], trigger["metadata"]["name"]


def test_the_incidents_of_a_category_are_delivered_so_too(render: Callable[..., list[Manifest]]) -> None:
    items = render(*COMPONENTS[f"{COMPONENT}/servicenow-security"])
    deliveries = [
        item["spec"]["delivery"] for item in of_kind(items, "Trigger") if "incident" in item["metadata"]["name"]
    ]
    assert deliveries == [spec(render(), "servicenow-incident")["delivery"]] * 8


def test_nothing_in_it_is_newer_than_openshift_4_12(production: list[Manifest]) -> None:
    """Filters are a Technology Preview there; seconds came with Serverless 1.34, Strimzi's v1 wants Kubernetes 1.27."""
    assert len(of_kind(production, "Trigger")) > 30
    assert not [item for item in of_kind(production, "Trigger") if "filters" in item["spec"]]
    assert [item["spec"]["schedule"] for item in of_kind(production, "PingSource")] == ["* * * * *"]
    strimzi = [item for item in production if item["apiVersion"].startswith("kafka.strimzi.io/")]
    assert {item["apiVersion"] for item in strimzi} == {"kafka.strimzi.io/v1beta2"}
    assert {item["kind"] for item in strimzi} == {"Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser"}
    newer = kustomized(KNATIVE / "overlays" / "production")
    assert all(item["spec"] == one(newer, item["kind"], item["metadata"]["name"])["spec"] for item in strimzi)
    annotations = one(production, "Kafka", "my-cluster")["metadata"]["annotations"]
    assert (annotations["strimzi.io/kraft"], annotations["strimzi.io/node-pools"]) == ("enabled", "enabled")
    assert not [item for item in production if "observability.openshift.io" in item["apiVersion"]]
    assert "tidings-audit" not in {item["metadata"]["name"] for item in production}
    waves = [item["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"] for item in of_kind(production, "Trigger")]
    assert set(waves) == {"1"}


def test_tidings_reads_what_it_renders_without_a_word(production: list[Manifest], tmp_path: Path) -> None:
    file = tmp_path / "rendered.yaml"
    file.write_text(yaml.safe_dump_all(production).replace("0" * 64, "1" * 64), encoding="utf-8")
    found = check([file, FOLDER])
    assert (found.problems, found.warnings) == ([], [])
    told = CliRunner().invoke(app, ["triggers", str(file)])
    assert told.exit_code == 0, told.output
    assert "twice" not in told.output


def test_changes_passes_over_what_comes_to_it_besides(production: list[Manifest]) -> None:
    (service,) = [item for item in of_kind(production, "Service") if item["metadata"]["name"] == "changes"]
    (container,) = service["spec"]["template"]["spec"]["containers"]
    environment = {each["name"]: each.get("value", "") for each in container["env"]}
    assert environment["CHANGES_SKIP_EVENTS"] == "true"
    environment |= {"STORE_URL": "memory:", "K_SINK": "http://broker.example.com", "NATS_CA_FILE": ""}
    assert load("changes", environment, Metrics()).name == "changes"
