"""The component that archives and seals every night: two identities, each with what it needs and no more."""

from typing import Any

import pytest
import yaml
from typer.main import get_command

from shared.archive.settings import S3Settings, SealSettings
from shared.cli.app import app
from shared.settings.environment import read
from shared.settings.nats import NatsSettings
from tests.conftest import ROOT

FOLDER = ROOT / "knative" / "components" / "archive-export"


def documents(name: str) -> dict[str, dict[str, Any]]:
    found = yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8"))
    return {item["metadata"]["name"]: item for item in found}


JOBS = documents("service.yaml")


def pod(name: str) -> dict[str, Any]:
    template: dict[str, Any] = JOBS[name]["spec"]["jobTemplate"]["spec"]["template"]
    return template


def container(name: str) -> dict[str, Any]:
    (found,) = pod(name)["spec"]["containers"]
    return dict(found)


def values(name: str) -> dict[str, str]:
    return {one["name"]: one["value"] for one in container(name)["env"]}


def test_there_are_an_export_and_a_seal_that_comes_after_it() -> None:
    assert list(JOBS) == ["archive-export", "archive-seal"]
    hours = [int(job["spec"]["schedule"].split()[1]) for job in JOBS.values()]
    assert hours == sorted(hours)


@pytest.mark.parametrize("name", JOBS)
def test_its_command_is_one_that_there_is(name: str) -> None:
    program, group, command, *options = container(name)["command"]
    commands: Any = get_command(app)
    known = {one for option in commands.commands[group].commands[command].params for one in option.opts}
    assert (program, {option.split("=")[0] for option in options} - known) == ("tidings", set())


def test_the_seal_reads_where_the_export_writes_and_keeps_the_roots_elsewhere() -> None:
    export, seal = (dict(one.split("=") for one in container(name)["command"][3:]) for name in JOBS)
    assert seal["--at"] == export["--to"]
    assert seal["--roots"].split("/")[2] != export["--to"].split("/")[2], "another bucket"


def test_who_exports_has_no_key_to_sign_and_who_signs_none_of_the_bus() -> None:
    """What each reaches: test_network_policies.py."""
    export, seal = (pod(name)["spec"]["volumes"] for name in JOBS)
    secrets = [{one["secret"]["secretName"] for one in volumes if "secret" in one} for volumes in (export, seal)]
    assert secrets == [{"archive", "archive-export"}, {"archive-seal"}]


@pytest.mark.parametrize("name", JOBS)
def test_one_run_at_a_time_and_its_pod_is_as_strict_as_every_function(name: str) -> None:
    spec = JOBS[name]["spec"]
    assert (spec["concurrencyPolicy"], spec["jobTemplate"]["spec"]["backoffLimit"]) == ("Forbid", 0)
    base = yaml.safe_load((ROOT / "knative" / "base" / "siem-forwarder.yaml").read_text(encoding="utf-8"))
    other = base["spec"]["template"]["spec"]
    for member in ("serviceAccountName", "automountServiceAccountToken", "enableServiceLinks"):
        assert pod(name)["spec"][member] == other[member], member
    for member in ("image", "securityContext", "resources"):
        assert container(name)[member] == other["containers"][0][member], member


@pytest.mark.parametrize("name", JOBS)
def test_its_policy_is_its_own_and_lets_nobody_in(name: str) -> None:
    policy = documents("network-policy.yaml")[f"tidings-{name}"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= pod(name)["metadata"]["labels"].items()
    assert policy["spec"]["ingress"] == []


def test_the_export_reads_where_the_archive_writes() -> None:
    archive = yaml.safe_load((FOLDER.parent / "archive" / "service.yaml").read_text(encoding="utf-8"))
    (writer,) = archive["spec"]["template"]["spec"]["containers"]
    wanted = {one["name"]: one["value"] for one in writer["env"] if one["name"].startswith("NATS_")}
    assert wanted == {name: text for name, text in values("archive-export").items() if name.startswith("NATS_")}
    assert read(NatsSettings, {"NATS_URL": wanted["NATS_URL"]}).servers


@pytest.mark.parametrize("name", JOBS)
def test_its_settings_are_settings(name: str) -> None:
    known = {field.alias for model in (S3Settings, SealSettings) for field in model.model_fields.values()}
    named = {one.removesuffix("_FILE") for one in values(name) if one.startswith("ARCHIVE_")}
    assert named <= known
    mounts = [one["mountPath"] for one in container(name)["volumeMounts"]]
    files = [text for one, text in values(name).items() if one.endswith("_FILE")]
    assert all(any(file.startswith(mount) for mount in mounts) for file in files)
