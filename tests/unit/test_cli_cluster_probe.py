"""The doctor's probe: by which path it goes, and who gets it."""

import asyncio
import shutil
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from shared.cli.cluster_probe import ProbeError, probe_event, send, through_proxy, waited_for
from shared.cluster.access import Access, Cluster
from shared.cluster.api import Api
from shared.events.cloudevent import TICKS
from shared.local.broker.loader import load_topology
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("address", "path"),
    [
        (
            "http://kafka-broker-ingress.knative-eventing.svc.cluster.local/tidings/tidings",
            "/api/v1/namespaces/knative-eventing/services/kafka-broker-ingress:80/proxy/tidings/tidings",
        ),
        (
            "https://broker-ingress.knative-eventing.svc:8443/a/b",
            "/api/v1/namespaces/knative-eventing/services/https:broker-ingress:8443/proxy/a/b",
        ),
    ],
)
def test_a_brokers_address_is_reached_through_the_api_servers_proxy(address: str, path: str) -> None:
    assert through_proxy(address) == path


@pytest.mark.parametrize("address", ["", "http://broker.example.com/a", "kafka://x.y.svc", "http://[::1]/a"])
def test_an_address_that_is_no_service_of_the_cluster_is_refused_in_words(address: str) -> None:
    with pytest.raises(ProbeError, match="no Service of this cluster"):
        through_proxy(address)


def test_a_probe_is_a_tick_and_comes_to_all_that_wait_for_ticks() -> None:
    assert probe_event("probe", datetime.now(UTC)).type in TICKS
    assert waited_for(load_topology(ROOT / "knative")) == ["changes", "correlator", "reconcile"]


def test_a_probe_is_not_waited_for_where_nobody_can_look(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "knative" / "base", tmp_path / "base")
    text = (ROOT / "knative" / "triggers" / "correlator.yaml").read_text(encoding="utf-8")
    (tmp_path / "triggers").mkdir()
    there = text.replace("name: correlator", "name: correlator\n      namespace: shop")
    (tmp_path / "triggers" / "shop.yaml").write_text(there.replace("\n      namespace: shop", "", 1), encoding="utf-8")
    topology = load_topology(tmp_path)
    assert [one.subscriber for one in topology.triggers] == ["Service shop/correlator"]
    assert waited_for(topology) == []


def test_without_the_clusters_time_nothing_is_sent_for_a_tick_of_another_time_ends_what_lasts() -> None:
    api = Api(Cluster("", partial(Access, "http://127.0.0.1:1")), 1)
    with pytest.raises(ProbeError, match="does not say what time it is"):
        asyncio.run(send(api, {}, probe_event("probe", None)))
