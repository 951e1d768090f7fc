"""The component that hands to Splunk what NATS kept: the command that was asked for, as strictly as a function."""

import tomllib
from typing import Any
from urllib.parse import urlsplit

import yaml

from shared.runtime.registry import load
from shared.settings.environment import read
from shared.settings.nats import NatsSettings
from shared.telemetry.metrics import Metrics
from tests.conftest import ROOT

FOLDER = ROOT / "knative" / "components" / "splunk-cronjob"


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))


def cronjob() -> dict[str, Any]:
    (found,) = documents("service.yaml")
    return found


def pod() -> dict[str, Any]:
    template: dict[str, Any] = cronjob()["spec"]["jobTemplate"]["spec"]["template"]
    return template


def archives() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER.parent / "archive" / "service.yaml").read_text(encoding="utf-8"))
    return found


def test_it_runs_the_command_that_the_requirements_name() -> None:
    item = cronjob()
    assert (item["apiVersion"], item["kind"], item["spec"]["schedule"]) == ("batch/v1", "CronJob", "*/5 * * * *")
    (container,) = pod()["spec"]["containers"]
    assert container["command"] == ["publish", "--source=nats", "--target=splunk"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "publish" in project["project"]["scripts"], "the image has it by that name"


def test_one_run_at_a_time_and_none_is_tried_again_by_itself() -> None:
    spec = cronjob()["spec"]
    assert (spec["concurrencyPolicy"], spec["jobTemplate"]["spec"]["backoffLimit"]) == ("Forbid", 0)
    assert pod()["spec"]["restartPolicy"] == "Never"


def test_its_pod_is_as_strict_as_every_function() -> None:
    spec = pod()["spec"]
    (container,) = spec["containers"]
    base = yaml.safe_load((ROOT / "knative" / "base" / "siem-forwarder.yaml").read_text(encoding="utf-8"))
    other = base["spec"]["template"]["spec"]
    for name in ("serviceAccountName", "automountServiceAccountToken", "enableServiceLinks"):
        assert spec[name] == other[name], name
    function = other["containers"][0]
    for name in ("image", "securityContext"):
        assert container[name] == function[name], name
    assert container["resources"]["limits"] == function["resources"]["limits"]


def test_its_secrets_are_those_of_the_archive_and_of_the_forwarder() -> None:
    spec, archive = pod()["spec"], archives()
    forwarder = yaml.safe_load((ROOT / "knative" / "base" / "siem-forwarder.yaml").read_text(encoding="utf-8"))
    both = [one["spec"]["template"]["spec"] for one in (archive, forwarder)]
    assert spec["volumes"] == [volume for one in both for volume in one["volumes"]]
    mounts = [mount for one in both for mount in one["containers"][0]["volumeMounts"]]
    assert spec["containers"][0]["volumeMounts"] == mounts


def test_it_reads_where_the_archive_writes_and_may_go_there() -> None:
    (container,) = pod()["spec"]["containers"]
    (writer,) = archives()["spec"]["template"]["spec"]["containers"]
    wanted = [one for one in writer["env"] if one["name"].startswith("NATS_")]
    assert wanted == [one for one in container["env"] if one["name"].startswith("NATS_")]
    (policy,) = documents("network-policy.yaml")
    (server,) = read(NatsSettings, {one["name"]: one["value"] for one in wanted if one["name"] == "NATS_URL"}).servers
    assert urlsplit(server).port in {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}


def test_its_policy_is_its_own_and_lets_nobody_in() -> None:
    (policy,) = documents("network-policy.yaml")
    labels = policy["spec"]["podSelector"]["matchLabels"]
    assert labels.items() <= pod()["metadata"]["labels"].items()
    assert policy["spec"]["ingress"] == []


def test_bus_and_forwarder_understand_its_settings() -> None:
    (container,) = pod()["spec"]["containers"]
    settings = {one["name"]: one.get("value", "https://splunk.example:8088") for one in container["env"]}
    settings = {name: text for name, text in settings.items() if not name.endswith("_FILE")}
    assert read(NatsSettings, settings).servers
    assert load("siem_forwarder", {**settings, "SPLUNK_TOKEN": "t"}, Metrics()).name == "siem_forwarder"
