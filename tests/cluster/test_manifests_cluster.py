"""All manifests on a real API server, with the real definitions: taken as they are, and with no right too many."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from shared.cluster.kinds import DEFAULT_KINDS, parse_kind
from shared.sources.resources import plural
from tests.conftest import ROOT, could_not_run
from tests.support.apiserver.applying import Applier, Refused
from tests.support.apiserver.server import missing, running
from tests.support.dangerous import DANGEROUS
from tests.support.kustomize import LOADER, WAYS, Manifest, ways

# Their definitions are not here, so tests/manifests/test_overlays.py looks at them.
NOT_SERVED = {"ClusterLogForwarder", "ConsoleLink", "KafkaSource"}
STRICT = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


class Applied(NamedTuple):
    """The API server, everything that was rendered and applied to it, by overlay or component, and what it refused."""

    applier: Applier
    items: dict[str, list[Manifest]]
    refused: dict[str, list[str]]


def definitions(crds: Path) -> Iterator[Manifest]:
    for path in sorted(crds.glob("*/*.yaml")):
        for item in yaml.load_all(path.read_text(encoding="utf-8"), Loader=LOADER):
            if isinstance(item, dict):  # some files are links out of their repository
                yield item


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Iterator[Applied]:
    """Return a server of this module's own: others want one without Knative."""
    if why := missing():
        could_not_run(why, "make apiserver (Go, about 7 minutes once a machine), and Debian's etcd-server")
    folder = tmp_path_factory.mktemp("manifests")
    items = ways(folder)
    with running(folder / "server") as cluster:
        applier = Applier(cluster)
        applier.define(definitions(shared_data / "data" / "crds"))
        for name in ("openshift-logging", "openshift-config-managed", "shop"):
            applier.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        yield Applied(applier, items, {name: list(refusals(applier, found)) for name, found in items.items()})
        applier.close()


def refusals(applier: Applier, items: list[Manifest]) -> Iterator[str]:
    """Apply each; yield what the API server says to those that it does not take."""
    for item in items:
        if not applier.knows(item):
            if item["kind"] not in NOT_SERVED:
                yield f"{item['kind']}: no such kind"
            continue
        try:
            applier.apply(item)
        except Refused as error:
            yield str(error)


@pytest.mark.parametrize("name", WAYS)
def test_the_api_server_takes_every_manifest(name: str, applied: Applied) -> None:
    assert applied.refused[name] == []


def test_a_misspelt_field_is_refused(applied: Applied) -> None:
    (item,) = [one for one in applied.items["base"] if one["kind"] == "Broker"]
    broken = copy.deepcopy(item)
    broken["spec"]["deliverry"] = broken["spec"].pop("delivery")
    with pytest.raises(Refused, match="deliverry"):
        applied.applier.apply(broken)


def accounts(applied: Applied) -> dict[str, str]:
    """Return the component of each account."""
    found: dict[str, str] = {}
    for name, items in applied.items.items():
        for item in items:
            if item["kind"] == "ServiceAccount":
                found.setdefault(
                    f"system:serviceaccount:{item['metadata']['namespace']}:{item['metadata']['name']}", name
                )
    return found


def test_no_account_may_do_one_of_forty_dangerous_things(applied: Applied) -> None:
    allowed = {
        (user.rpartition(":")[2], what)
        for user in accounts(applied)
        for what, action in DANGEROUS.items()
        if applied.applier.may(user, action)
    }
    assert allowed == {
        ("tidings-references", "get secrets"),
        ("tidings-references", "list secrets"),
        ("tidings-references", "watch secrets"),
        ("tidings-remediate", "patch deployments apps"),
        ("tidings-remediate", "patch statefulsets apps"),
        ("tidings-remediate", "patch nodes"),
        ("tidings-remediate", "create jobs batch"),
    }, "the component reference-mode says so, and the hooks that need it (test_remediate_cluster.py)"
    assert len(accounts(applied)) >= 14


def reads(api_version: str, kind: str) -> list[dict[str, str]]:
    group = api_version.rpartition("/")[0]
    return [{"verb": verb, "group": group, "resource": plural(kind)} for verb in ("get", "list", "watch")]


def test_each_source_may_read_what_it_watches(applied: Applied) -> None:
    sources = [item["spec"] for items in applied.items.values() for item in items if item["kind"] == "ApiServerSource"]
    assert sources
    for spec in sources:
        user = f"system:serviceaccount:tidings:{spec['serviceAccountName']}"
        for one in spec["resources"]:
            assert all(applied.applier.may(user, action) for action in reads(one["apiVersion"], one["kind"])), one


def test_watch_and_reconcile_may_read_what_is_watched_by_default(applied: Applied) -> None:
    for kind in map(parse_kind, DEFAULT_KINDS):
        for action in reads(kind.api_version, kind.name):
            assert applied.applier.may("system:serviceaccount:tidings:tidings-watch", action), action


def test_functions_may_read_nothing_and_a_source_no_other_sources_kinds(applied: Applied) -> None:
    may = applied.applier.may
    for kind in map(parse_kind, DEFAULT_KINDS):
        for action in reads(kind.api_version, kind.name):
            assert not may("system:serviceaccount:tidings:tidings-function", action)
    assert may("system:serviceaccount:tidings:tidings-events", {"verb": "list", "resource": "events"})
    assert not may("system:serviceaccount:tidings:tidings-events", {"verb": "list", "resource": "pods"})
    assert not may("system:serviceaccount:tidings:tidings-workloads", {"verb": "list", "resource": "nodes"})


def templates(items: list[Manifest]) -> Iterator[tuple[str, Any]]:
    for item in items:
        spec = item.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "containers" in spec.get("template", {}).get("spec", {}):
            yield f"{item['kind']} {item['metadata']['name']}", copy.deepcopy(spec["template"]["spec"])


QUEUE_PROXY = {"name": "queue-proxy", "image": "registry.example.com/queue:1", "securityContext": STRICT}


@pytest.mark.parametrize("name", WAYS)
def test_every_pod_is_admitted_under_the_strictest_profile(name: str, applied: Applied) -> None:
    """With queue-proxy beside it, as Serving adds it; its security context is Serving's own."""
    for owner, spec in templates(applied.items[name]):
        status, answer = created(applied.applier, spec)
        assert status == 201, (owner, answer.get("message"))


def test_the_pod_that_exports_the_state_is_admitted_too(applied: Applied) -> None:
    (pod,) = yaml.safe_load_all((ROOT / "docs" / "deploy" / "state.yaml").read_text(encoding="utf-8"))
    path = "/api/v1/namespaces/tidings/pods?dryRun=All&fieldValidation=Strict"
    status, answer = applied.applier.ask("POST", path, pod)
    assert status == 201, answer.get("message")


def test_a_pod_that_asks_for_more_is_refused(applied: Applied) -> None:
    _, spec = next(templates(applied.items["base"]))
    spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    status, answer = created(applied.applier, spec)
    assert status == 403
    assert re.search(r'violates PodSecurity "restricted', answer["message"])


def created(applier: Applier, spec: Any) -> tuple[int, Any]:
    """Ask the API server to take a Pod into the namespace `tidings`, and not to keep it."""
    for number, container in enumerate(spec["containers"]):
        container.setdefault("name", f"container-{number}")
        for kind in ("readinessProbe", "livenessProbe"):
            if probe := container.get(kind):
                next(iter(probe[one] for one in ("httpGet", "tcpSocket") if one in probe)).setdefault("port", 8080)
    spec["containers"].append(QUEUE_PROXY)
    mounted = {mount["name"] for one in spec["containers"] for mount in one.get("volumeMounts", ())}
    there = {volume["name"] for volume in spec.get("volumes", ())}
    spec.setdefault("volumes", []).extend({"name": each, "emptyDir": {}} for each in mounted - there)  # a claim's
    for field in ("containerConcurrency", "timeoutSeconds"):  # Serving's own
        spec.pop(field, None)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tried"}, "spec": spec}
    return applier.ask("POST", "/api/v1/namespaces/tidings/pods?dryRun=All&fieldValidation=Strict", pod)
