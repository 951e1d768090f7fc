"""A real API server with `remediate`'s account, its rights, and things that its hooks act upon."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from shared.cluster.access import Access, from_kubeconfig
from tests.support.apiserver.admin import Admin
from tests.support.apiserver.applying import Applier
from tests.support.apiserver.server import ApiServer
from tests.support.kustomize import rendered
from tests.support.remedies import Lab

HOOKS = ("restart-crash-loop", "cordon-bad-node", "rerun-failed-job")
POD: dict[str, Any] = {"containers": [{"name": "web", "image": "registry.example.com/web:1"}]}


class Place(NamedTuple):
    """The API server with `tidings-remediate` and its rights; `access` is by that account's token."""

    applier: Applier
    kubeconfig: Path
    admin_config: Path
    folder: Path

    def access(self) -> Access:
        return from_kubeconfig(self.kubeconfig)

    def lab(self, *hooks: dict[str, Any], **settings: str) -> Lab:
        return Lab(self.folder, self.access, *hooks, **settings)

    def get(self, path: str) -> Any:
        status, found = self.applier.ask("GET", path)
        return found if status == 200 else None

    def make(self, path: str, body: dict[str, Any]) -> Any:
        status, found = self.applier.ask("POST", path, body)
        assert status in {200, 201}, found
        return found


@contextlib.contextmanager
def placed(server: ApiServer, folder: Path) -> Iterator[Place]:
    """Make the place as the components do, with a Deployment `web`, a node and a CronJob, each made anew."""
    applier = Applier(server)
    admin = Admin(server)
    for name in ("tidings", "shop", "other"):
        applier.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for item in rendered(folder, components=["remediate", *(f"remediation/{name}" for name in HOOKS)]):
        named = item["metadata"]["name"].startswith(("tidings-remediate", "remediate-"))
        if named and applier.knows(item):
            applier.apply(item)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bound", "namespace": "tidings"}}
    applier.apply(secret)
    kubeconfig = server.kubeconfig("remediate", token=admin.token("tidings", "tidings-remediate", "bound"))
    found = Place(applier, kubeconfig, server.kubeconfig("admin-of-test"), folder)
    _built(found)
    yield found
    _removed(found)
    applier.close()


def _built(place: Place) -> None:
    for namespace in ("shop", "other"):
        apps, core = f"/apis/apps/v1/namespaces/{namespace}", f"/api/v1/namespaces/{namespace}"
        template = {"metadata": {"labels": {"app": "web"}}, "spec": POD}
        spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
        web = place.make(f"{apps}/deployments", {"metadata": {"name": "web"}, "spec": {**spec, "replicas": 2}})
        mine = {"name": "web-7d4", "ownerReferences": [_owner("apps/v1", "Deployment", web)]}
        sets = place.make(f"{apps}/replicasets", {"metadata": mine, "spec": spec})
        pod = {"name": "web-7d4-x", "ownerReferences": [_owner("apps/v1", "ReplicaSet", sets)]}
        place.make(f"{core}/pods", {"metadata": pod, "spec": POD})
    # With labels, as a kubelet makes it: of an object that nobody set anything of, nobody's fields are written down.
    labels = {"kubernetes.io/hostname": "worker-3"}
    place.make("/api/v1/nodes", {"metadata": {"name": "worker-3", "labels": labels}})
    jobs = {"template": {"spec": {**POD, "restartPolicy": "Never"}}}
    nightly = {"schedule": "0 2 * * *", "jobTemplate": {"metadata": {"labels": {"app": "nightly"}}, "spec": jobs}}
    batch = "/apis/batch/v1/namespaces/shop"
    cron = place.make(f"{batch}/cronjobs", {"metadata": {"name": "nightly"}, "spec": nightly})
    made = {"name": "nightly-29", "ownerReferences": [_owner("batch/v1", "CronJob", cron)]}
    place.make(f"{batch}/jobs", {"metadata": made, "spec": jobs})


def _owner(version: str, kind: str, thing: Any) -> dict[str, Any]:
    metadata = thing["metadata"]
    return {"apiVersion": version, "kind": kind, "name": metadata["name"], "uid": metadata["uid"], "controller": True}


def _removed(place: Place) -> None:
    for namespace in ("shop", "other"):
        for group, kinds in (
            ("/apis/apps/v1", ("deployments", "replicasets")),
            ("/api/v1", ("pods",)),
            ("/apis/batch/v1", ("cronjobs", "jobs")),
        ):
            for kind in kinds:
                options = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
                place.applier.ask("DELETE", f"{group}/namespaces/{namespace}/{kind}", options)
    place.applier.ask("DELETE", "/api/v1/nodes/worker-3")
