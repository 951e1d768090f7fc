"""A Service may have any name: who is told what, by `explain` too, is a matter of the function that it runs."""

import shutil
from pathlib import Path

import pytest

from shared.cli.daily import Daily
from shared.cli.explained import explained
from shared.delivery.preview import Preview
from shared.events.attributes import of as attributes
from shared.local.broker.loader import load_topology
from shared.local.broker.topology import Topology
from shared.rules.shipped import load_shipped
from shared.runtime.function import Function
from shared.runtime.registry import load
from shared.stores.registry import open_store
from shared.telemetry.metrics import Metrics
from tests.support.records import classified, classified_event
from tests.support.servers import ROOT

_TRIGGER = """\
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: observed, namespace: tidings}
spec:
  broker: tidings
  filters: [{prefix: {type: dev.tidings.infrastructure}}]
  subscriber: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: team-alerts}}
"""


@pytest.fixture
def topology(tmp_path: Path) -> Topology:
    """Return a topology whose webhook runs as the Service `team-alerts` and is told of what was observed."""
    folder = tmp_path / "knative"
    shutil.copytree(ROOT / "knative" / "base", folder / "base")
    service = (ROOT / "knative/components/webhook/service.yaml").read_text(encoding="utf-8")
    (folder / "base" / "alerts.yaml").write_text(service.replace("  name: webhook\n", "  name: team-alerts\n", 1))
    (folder / "triggers").mkdir()
    (folder / "triggers" / "observed.yaml").write_text(_TRIGGER)
    found = load_topology(folder)
    assert not found.problems
    return found


@pytest.fixture
def webhook() -> Function:
    return load("webhook", {"WEBHOOK_URL": "https://hooks.example/x"}, Metrics(), store=open_store("memory:", {}))


def test_a_subscriber_is_the_function_that_its_service_runs(topology: Topology) -> None:
    assert topology.function_of("team-alerts") == "webhook"
    assert topology.function_of("servicenow-incident") == "servicenow_incident"
    assert topology.function_of("http://siem-forwarder") == ""
    assert topology.function_of("Service shop/siem-forwarder") == "", "it has only the name of ours"
    assert Topology(part=True).function_of("siem-forwarder") == "siem_forwarder"


def test_a_service_of_another_name_is_counted_for_its_function(topology: Topology, webhook: Function) -> None:
    seen = classified()
    daily = Daily({"webhook": webhook}, topology)
    daily.told(classified_event(seen)._replace(extensions=attributes(seen.observation, seen.verdict)))
    assert [(row.destination, row.told) for row in daily.rows(86_400)] == [("webhook", 1)]


def test_a_service_of_another_name_is_shown_what_its_function_would_send(topology: Topology, webhook: Function) -> None:
    found = explained(classified().observation, load_shipped(), topology, {"webhook": webhook})
    assert found.triggers == ("observed",)
    assert any(isinstance(one, Preview) and one.destination == "webhook" for one in found.previews)
