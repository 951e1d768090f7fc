"""A cluster in which Knative and Tidings are ready, as far as manifests tell, and in which a probe can go its way.

The API server, its proxies, the function and its log are real. No pods run there: `DataPlane` stands in for the broker,
which hands each event to its subscriber, and `kubelet` for what hands out a Pod's log.
"""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from typer.testing import CliRunner

from shared.cli.app import app
from shared.runtime.asgi import answer, read_body
from tests.support.apiserver.applying import Applier
from tests.support.apiserver.server import ApiServer, running
from tests.support.certificates import new_authority
from tests.support.functions import Served, serving
from tests.support.kustomize import LOADER, Manifest
from tests.support.servers import ROOT, serve

MANIFESTS = {"base": ("namespace", "broker", "dead-letters", "correlator"), "triggers": ("correlator",)}
_VERSIONS = {"kafkasinks": "eventing.knative.dev/v1alpha1", "services": "serving.knative.dev/v1"}
POD = "correlator-00001-deployment-x"
READY = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
ISSUER = "https://kubernetes.default.svc"
INGRESS = "kafka-broker-ingress"


@dataclass
class DataPlane:
    """The broker's ingress and dispatcher in one: hands an event to a function, and answers `status` for itself."""

    function: Served
    status: int = 202
    paths: list[str] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.paths.append(scope["path"])
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        body = await read_body(receive, 1 << 20, 10)
        if self.status == 202:
            ours = {name: value for name, value in headers.items() if name.startswith(("ce-", "content-type"))}
            code, _, _ = await asyncio.to_thread(self.function.request, "POST", "/", ours, body)
            assert code == 204
        await answer(send, self.status)


def kubelet(log: Path) -> Any:
    """Return the kubelet's part of `kubectl logs`."""

    async def serve_log(scope: Any, _receive: Any, send: Any) -> None:
        assert scope["path"] == f"/containerLogs/tidings/{POD}/function"
        await answer(send, 200, [("content-type", "text/plain")], await asyncio.to_thread(log.read_bytes))

    return serve_log


@dataclass(frozen=True, slots=True)
class Installed:
    """A cluster in which Tidings is ready, as far as this test's manifests go."""

    server: ApiServer
    applier: Applier
    plane: DataPlane
    knative: Path

    def doctor(self, system: str, *arguments: str, config: Path | None = None, **settings: str) -> list[list[str]]:
        """Return state and finding of each row about a system."""
        there = config or self.server.kubeconfig()
        command = ["doctor", "--kubeconfig", str(there), "--knative", str(self.knative), "-o", "json", *arguments]
        result = CliRunner().invoke(app, command, env=settings)
        rows = json.loads(result.stdout)
        assert result.exit_code == any(row["state"] == "bad" for row in rows)
        return [[row["state"], row["finding"]] for row in rows if row["system"] == system]

    def status(self, plural: str, name: str, status: Manifest) -> None:
        version = _VERSIONS.get(plural, "eventing.knative.dev/v1")
        reported(self.applier, f"/apis/{version}/namespaces/tidings/{plural}/{name}", status)


def own_address() -> str:
    """Return an address of this machine that is none of the loopback's: the API server's proxy refuses those."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


@contextmanager
def installed_in(folder: Path, crds: Path) -> Iterator[Installed]:
    """Run everything, and make it ready."""
    log = folder / "correlator.log"
    with (
        running(folder / "cluster") as server,
        serving("correlator", log, {"STORE_URL": "memory:"}) as function,
        standing_in(DataPlane(function), kubelet(log), folder) as (plane, ingress, node),
    ):
        applier = Applier(server)
        install(applier, crds, ingress, node)
        found = Installed(server, applier, plane, manifests(folder / "knative", applier))
        make_ready(found)
        yield found
        applier.close()


@contextmanager
def standing_in(plane: DataPlane, log: Any, folder: Path) -> Iterator[tuple[DataPlane, str, str]]:
    certificate = new_authority(folder).issued("kubelet")
    with serve(plane, host=own_address()) as ingress, serve(log, certificate) as node:
        yield plane, ingress, node


def install(applier: Applier, crds: Path, ingress: str, node: str) -> None:
    """Put Knative's definitions there, its broker's ingress, a node with its kubelet, and a Pod of the correlator."""
    for part in ("knative-eventing", "knative-serving", "knative-kafka"):
        for file in sorted((crds / part).glob("*.yaml")):
            found = yaml.load_all(file.read_text(encoding="utf-8"), Loader=LOADER)
            applier.define(one for one in found if isinstance(one, dict))
    for name in ("tidings", "knative-eventing"):
        applier.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    parts, place = urlsplit(ingress), {"name": INGRESS, "namespace": "knative-eventing"}
    ports = [{"name": "http", "port": 80, "targetPort": parts.port}]
    applier.apply({"apiVersion": "v1", "kind": "Service", "metadata": place, "spec": {"ports": ports}})
    part = {**place, "labels": {"kubernetes.io/service-name": INGRESS}}
    pod(applier, "knative-eventing", INGRESS, "receiver")
    reported(applier, f"namespaces/knative-eventing/pods/{INGRESS}", {"podIPs": [{"ip": parts.hostname}]})
    target = {"kind": "Pod", "namespace": "knative-eventing", "name": INGRESS}  # the proxy wants to know whose it is
    there = {
        "endpoints": [{"addresses": [parts.hostname], "targetRef": target}],
        "ports": [{"name": "http", "port": parts.port}],
    }
    slice_ = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": part, "addressType": "IPv4"}
    applier.apply({**slice_, **there})
    applier.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker-1"}})
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": urlsplit(node).port}},
    }
    reported(applier, "nodes/worker-1", status)
    pod(applier, "tidings", POD, "function", "queue-proxy", labels={"serving.knative.dev/service": "correlator"})


def pod(applier: Applier, namespace: str, name: str, *containers: str, labels: dict[str, str] | None = None) -> None:
    names = {"name": name, "namespace": namespace, "labels": labels or {}}
    spec = {"nodeName": "worker-1", "containers": [{"name": one, "image": "x"} for one in containers]}
    applier.apply({"apiVersion": "v1", "kind": "Pod", "metadata": names, "spec": spec})


def reported(applier: Applier, what: str, status: Manifest) -> None:
    """Write the status of an object, as its controller or kubelet does."""
    root = "" if what.startswith("/apis/") else "/api/v1/"
    body = {"status": status}
    code, said = applier.ask("PATCH", f"{root}{what}/status", body, "application/merge-patch+json")
    assert code == 200, said


def manifests(folder: Path, applier: Applier) -> Path:
    """Write a folder of a few of our manifests, and apply them."""
    for part, names in MANIFESTS.items():
        (folder / part).mkdir(parents=True)
        for name in names:
            text = (ROOT / "knative" / part / f"{name}.yaml").read_text(encoding="utf-8")
            (folder / part / f"{name}.yaml").write_text(text, encoding="utf-8")
            for item in yaml.load_all(text, Loader=LOADER):
                applier.apply(item)
    return folder


def make_ready(installed: Installed) -> None:
    """Write what Knative's controllers write when all is well."""
    url = f"http://{INGRESS}.knative-eventing.svc.cluster.local/tidings/tidings"
    ready = {"conditions": [READY]}
    installed.status("brokers", "tidings", {**ready, "address": {"url": url}})
    installed.status("triggers", "correlator", ready)
    installed.status("kafkasinks", "tidings-dead-letters", ready)
    installed.status("services", "correlator", ready)


def account(installed: Installed, name: str, verbs: list[str], besides: list[str] | None = None) -> Path:
    """Make a service account with these rights to what the doctor looks at; return its kubeconfig."""
    applier, place = installed.applier, {"name": name, "namespace": "tidings"}
    core = {"namespaces", "configmaps", "pods", "pods/log", "services", "services/proxy", "nodes"} - set(besides or [])
    groups = ["eventing.knative.dev", "serving.knative.dev", "apiextensions.k8s.io"]
    rules = [
        {"apiGroups": [""], "resources": sorted(core), "verbs": verbs},
        {"apiGroups": groups, "resources": ["*"], "verbs": verbs},
    ]
    applier.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": place})
    group = "rbac.authorization.k8s.io"
    kind = {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": name}}
    applier.apply({**kind, "rules": rules})
    role = {"apiGroup": group, "kind": "ClusterRole", "name": name}
    subjects = [{"kind": "ServiceAccount", **place}]
    applier.apply({**kind, "kind": "ClusterRoleBinding", "roleRef": role, "subjects": subjects})
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": [ISSUER]}}
    code, made = applier.ask("POST", f"/api/v1/namespaces/tidings/serviceaccounts/{name}/token", asked)
    assert code == 201, made
    return installed.server.kubeconfig(f"{name}.kubeconfig", token=made["status"]["token"])
