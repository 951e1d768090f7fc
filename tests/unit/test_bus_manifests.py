"""The topics as manifests: the same that `tidings bus apply` makes."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from shared.bus.manifests import nack, strimzi
from shared.bus.manifests_nats import nats
from shared.bus.nats import stream_of
from shared.bus.protocol import Topic
from shared.bus.topology import TOPOLOGY, wanted
from shared.cli.bus import app
from tests.support.nats import program
from tests.support.servers import ROOT

DAY_MS = 86_400_000


def test_strimzi_is_told_what_the_requirements_name() -> None:
    *topics, user = strimzi(wanted(3), "event-cluster")
    assert [one["metadata"]["name"] for one in topics] == [row.topic.name for row in TOPOLOGY]
    events = topics[0]
    assert events["metadata"]["labels"] == {"strimzi.io/cluster": "event-cluster"}
    assert events["spec"]["partitions"] == 12
    assert events["spec"]["replicas"] == 3
    assert events["spec"]["config"]["retention.ms"] == str(7 * DAY_MS)
    assert events["spec"]["config"]["min.insync.replicas"] == "2"
    assert user["spec"]["authentication"] == {"type": "scram-sha-512"}
    named = {right["resource"]["name"] for right in user["spec"]["authorization"]["acls"]}
    assert named == {row.topic.name for row in TOPOLOGY} | {"tidings", "tidings-dead-letters"}


def test_a_nack_stream_is_the_stream_that_apply_makes() -> None:
    topic = Topic("t", seconds=3600, max_bytes=1000, replicas=3)
    (manifest,) = nack([topic])
    spec, made = manifest["spec"], stream_of(topic).as_dict()
    for theirs, ours in (("name", "name"), ("subjects", "subjects"), ("storage", "storage"), ("discard", "discard")):
        assert spec[theirs] == made[ours]
    assert (spec["maxBytes"], spec["replicas"]) == (made["max_bytes"], made["num_replicas"])
    assert spec["maxAge"] == f"{made['max_age'] // 10**9}s"
    assert spec["duplicateWindow"] == f"{made['duplicate_window'] // 10**9}s"


def test_the_command_prints_yaml_that_can_be_applied() -> None:
    for operator, kinds in (
        ("strimzi", {"KafkaTopic", "KafkaUser"}),
        ("nack", {"Stream"}),
        ("nats", {"ConfigMap", "StatefulSet", "Service", "PodDisruptionBudget", "NetworkPolicy"}),
    ):
        ended = CliRunner().invoke(app, ["manifests", operator])
        assert ended.exit_code == 0
        assert "&id" not in ended.output
        assert {one["kind"] for one in yaml.safe_load_all(ended.output)} == kinds


def made_of(kind: str, manifests: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = [one for one in manifests if one["kind"] == kind]
    return found


def test_the_nats_of_the_bus_runs_as_that_of_the_base_does() -> None:
    """The base's is applied to a real API server, and its rights are looked at there."""
    base = [*yaml.safe_load_all((ROOT / "knative" / "base" / "nats.yaml").read_text(encoding="utf-8"))]
    ours = nats("nats", "tidings", 3, "100Gi", "")
    theirs = made_of("StatefulSet", base)["spec"]
    spec = made_of("StatefulSet", ours)["spec"]
    assert spec["template"] == theirs["template"]
    assert {**spec, "template": 0, "volumeClaimTemplates": 0} == {**theirs, "template": 0, "volumeClaimTemplates": 0}
    for kind in ("PodDisruptionBudget", "NetworkPolicy"):
        assert made_of(kind, ours)["spec"] == made_of(kind, base)["spec"]


def test_its_volumes_are_as_large_and_of_the_class_that_is_asked_for() -> None:
    for storage_class in ("", "ocs-storagecluster-ceph-rbd"):
        (claim,) = made_of("StatefulSet", nats("n", "ns", 3, "100Gi", storage_class))["spec"]["volumeClaimTemplates"]
        assert claim["spec"]["resources"]["requests"]["storage"] == "100Gi"
        assert claim["spec"].get("storageClassName", "") == storage_class


@pytest.mark.parametrize("replicas", [1, 3])
def test_a_real_nats_server_takes_its_configuration(replicas: int, tmp_path: Path) -> None:
    conf = tmp_path / "nats.conf"
    conf.write_text(made_of("ConfigMap", nats("n", "ns", replicas, "1Gi", ""))["data"]["nats.conf"])
    tried = subprocess.run(
        [program(), "-t", "-c", str(conf)], env={"POD_NAME": "n-0"}, capture_output=True, text=True, check=False
    )
    assert tried.returncode == 0, tried.stderr
