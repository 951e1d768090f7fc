"""NATS in the base: a configuration that the real server takes, as strict as the functions, reached by them alone."""

import os
import re
import shutil
import subprocess
from functools import reduce
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from shared.stores.limits import MAX_VALUE
from shared.stores.nats_bucket import HEADERS_ROOM
from shared.stores.nats_place import place_of
from tests.bench.processes import free_port
from tests.conftest import ROOT
from tests.manifests.test_oidc_component import BASE, DASHED
from tests.support.certificates import new_authority
from tests.support.kustomize import Manifest, kustomized, of_kind, overlaid, rendered
from tests.support.nats import Nats, cluster, program
from tests.support.steps import until

COMPONENTS = ROOT / "knative" / "components"
WATCH = list(yaml.safe_load_all((COMPONENTS / "watch" / "source.yaml").read_text()))
ALL = [*reduce(overlaid, [COMPONENTS / name for name in DASHED], BASE), *WATCH]
WITH_TLS = overlaid(ALL, COMPONENTS / "nats-tls")
NAMED = {"app.kubernetes.io/name": "nats"}


def one(kind: str, name: str, manifests: list[Manifest] = ALL) -> Manifest:
    (found,) = [
        item
        for item in manifests
        if item["kind"] == kind and item["metadata"]["name"] == name and "knative" not in item["apiVersion"]
    ]
    return found


def stores(manifests: list[Manifest]) -> dict[str, str]:
    """Return the STORE_URL of each function that has one."""
    urls = {name: environment(spec).get("STORE_URL") for name, spec in pods(manifests).items()}
    return {name: url for name, url in urls.items() if url is not None}


def pods(manifests: list[Manifest]) -> dict[str, Any]:
    """Return the Pod's specification of each function, by name."""
    return {
        item["metadata"]["name"]: item["spec"]["template"]["spec"]
        for item in manifests
        if (item["kind"] == "Service" and "serving.knative.dev/" in item["apiVersion"])
        or item["kind"] == "ContainerSource"
    }


def environment(spec: Any) -> dict[str, Any]:
    (container,) = spec["containers"]
    return {variable["name"]: variable.get("value") for variable in container["env"]}


def accepted(manifests: list[Manifest], folder: Path, tls: Path) -> str:
    """Let the real server check the ConfigMap's files; return what it says."""
    for name, text in one("ConfigMap", "nats", manifests)["data"].items():
        (folder / name).write_text(text.replace("/etc/nats-tls", str(tls)).replace("/data", str(folder / "data")))
    ended = subprocess.run(
        [program(), "-t", "-c", str(folder / "nats.conf")],
        env={**os.environ, "POD_NAME": "nats-0"}, capture_output=True, text=True, check=False, timeout=20,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return ended.stdout + ended.stderr


@pytest.mark.parametrize("manifests", [ALL, WITH_TLS], ids=["plain", "tls"])
def test_the_real_server_takes_the_configuration(manifests: list[Manifest], tmp_path: Path) -> None:
    tls = tmp_path / "tls"
    tls.mkdir()
    authority = new_authority(tls)
    pem = authority.issued("nats").read_bytes()
    for name, content in (("tls.crt", pem), ("tls.key", pem), ("ca.crt", authority.file.read_bytes())):
        (tls / name).write_bytes(content)
    assert "is valid" in accepted(manifests, tmp_path, tls)


def test_a_value_of_the_largest_size_fits_into_a_message() -> None:
    text = one("ConfigMap", "nats")["data"]["nats.conf"]
    (size,) = re.findall(r"^max_payload: (\d+)MB$", text, re.MULTILINE)
    assert int(size) * 1_000_000 >= MAX_VALUE + HEADERS_ROOM


def test_every_function_that_keeps_state_keeps_it_there_with_as_many_replicas_as_servers() -> None:
    (url,) = set(stores(ALL).values())
    assert set(stores(ALL)) == {
        "changes", "correlator", "reconcile", "servicenow-change", "servicenow-incident",
        "servicenow-security", "glpi-ticket", "webhook", "remediate", "tidings-watch",
    }  # fmt: skip
    place = place_of(url)
    assert place.servers == ("nats://nats:4222",)
    assert place.replicas == one("StatefulSet", "nats")["spec"]["replicas"] == 3


def test_with_the_component_all_of_them_speak_tls_and_trust_its_authority() -> None:
    assert stores(WITH_TLS).keys() == stores(ALL).keys()
    (url,) = set(stores(WITH_TLS).values())
    assert place_of(url) == place_of(next(iter(stores(ALL).values())))._replace(servers=("tls://nats:4222",), tls=True)
    for name in stores(ALL):
        spec = pods(WITH_TLS)[name]
        mounts = {mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
        assert environment(spec)["NATS_CA_FILE"] == f"{mounts['nats-tls']}/ca.crt"
        (volume,) = [one for one in spec["volumes"] if one["name"] == "nats-tls"]
        assert [one["key"] for one in volume["secret"]["items"]] == ["ca.crt"], "no function gets the key"


def test_kustomize_renders_the_same(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "knative", tmp_path / "knative")
    components = [f"../knative/components/{name}" for name in (*DASHED, "watch", "nats-tls")]
    (tmp_path / "overlay").mkdir()
    written = yaml.safe_dump({"resources": ["../knative/base"], "components": components})
    (tmp_path / "overlay" / "kustomization.yaml").write_text(written)
    items = kustomized(tmp_path / "overlay")
    for kind in ("ConfigMap", "StatefulSet", "NetworkPolicy", "PodDisruptionBudget", "Service"):
        found = one(kind, "nats", items)
        for key in ("data", "spec"):
            assert found.get(key) == one(kind, "nats", WITH_TLS).get(key)
    assert {name: pod for name, pod in pods(items).items() if name in stores(ALL)} == {
        name: pod for name, pod in pods(WITH_TLS).items() if name in stores(ALL)
    }


def test_without_knative_whatever_asks_nats_speaks_tls_too(tmp_path: Path) -> None:
    items = rendered(tmp_path, components=["plain", "nats-tls"])
    asking = 0
    for item in [*of_kind(items, "Deployment"), *of_kind(items, "Job")]:
        name, spec = item["metadata"]["name"], item["spec"]["template"]["spec"]
        urls = {key: value for key, value in environment(spec).items() if key in {"NATS_URL", "STORE_URL"}}
        if not urls:
            continue
        asking += 1
        assert {value.partition("://")[0] for value in urls.values()} == {"tls"}, name
        mounts = {mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
        assert environment(spec)["NATS_CA_FILE"] == f"{mounts['nats-tls']}/ca.crt"
        assert mounts.keys() == {volume["name"] for volume in spec["volumes"]}, "and has its own Secrets still"
    assert asking == 7


def test_the_servers_are_as_strict_as_the_functions() -> None:
    spec = one("StatefulSet", "nats")["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    (container,) = spec["containers"]
    assert container["image"] == "registry.example.com/nats@sha256:" + "0" * 64, "an overlay sets registry and digest"
    assert container["securityContext"] == {
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()
    assert {"requests", "limits"} == container["resources"].keys()


def test_a_server_has_started_once_it_found_the_others_and_lives_until_then(tmp_path: Path) -> None:
    (container,) = one("StatefulSet", "nats")["spec"]["template"]["spec"]["containers"]
    nobody = (
        f'cluster {{ name: tidings, listen: "127.0.0.1:{free_port()}", routes: ["nats://127.0.0.1:{free_port()}"] }}'
    )
    alone = Nats(tmp_path / "alone", more=nobody)
    try:
        alone.start(wait=False)
        until(lambda: asked(alone, container["livenessProbe"]) == 200)
        assert asked(alone, container["startupProbe"]) == 503
    finally:
        alone.kill()
    with cluster(tmp_path) as servers:
        for server in servers:
            assert {asked(server, container[f"{kind}Probe"]) for kind in ("startup", "readiness", "liveness")} == {200}


def asked(server: Nats, probe: Manifest) -> int:
    """Return the status that a probe gets of a server, 0 where nobody listens yet."""
    try:
        return httpx2.get(f"http://127.0.0.1:{server.monitoring}{probe['httpGet']['path']}").status_code
    except httpx2.TransportError:
        return 0


def test_only_functions_reach_them_and_only_one_may_be_drained_at_a_time() -> None:
    policy = one("NetworkPolicy", "nats")["spec"]
    assert policy["podSelector"]["matchLabels"] == NAMED
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    asked_by = {
        rule["ports"][0]["port"]: [peer["podSelector"]["matchLabels"] for peer in rule["from"]]
        for rule in policy["ingress"]
    }
    assert asked_by == {4222: [{"app.kubernetes.io/part-of": "tidings"}], 6222: [NAMED]}
    labels: dict[str, Any] = one("StatefulSet", "nats")["spec"]["template"]["metadata"]["labels"]
    assert labels == NAMED, "what functions may reach is not for the store"
    for name in ("nats", "nats-routes"):
        assert one("Service", name)["spec"]["selector"] == NAMED
    assert one("PodDisruptionBudget", "nats")["spec"] == {"maxUnavailable": 1, "selector": {"matchLabels": NAMED}}


def test_the_size_of_the_volumes_is_the_installations() -> None:
    (kustomization,) = yaml.safe_load_all((ROOT / "knative" / "base" / "kustomization.yaml").read_text())
    (replaced,) = [each for each in kustomization["replacements"] if each["source"]["fieldPath"] == "data.state-volume"]
    (target,) = replaced["targets"]
    place: Any = one(target["select"]["kind"], target["select"]["name"])
    for step in target["fieldPaths"][0].split("."):
        place = place[int(step)] if isinstance(place, list) else place[step]
    assert place == one("ConfigMap", "tidings-installation")["data"]["state-volume"]
