"""The topics as manifests: the same that `tidings bus apply` makes."""

import yaml
from typer.testing import CliRunner

from shared.bus.manifests import nack, strimzi
from shared.bus.nats import stream_of
from shared.bus.protocol import Topic
from shared.bus.topology import TOPOLOGY, wanted
from shared.cli.bus import app

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
    assert named == {row.topic.name for row in TOPOLOGY} | {"tidings"}


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
    for operator, kinds in (("strimzi", {"KafkaTopic", "KafkaUser"}), ("nack", {"Stream"})):
        ended = CliRunner().invoke(app, ["manifests", operator])
        assert ended.exit_code == 0
        assert {one["kind"] for one in yaml.safe_load_all(ended.output)} == kinds
