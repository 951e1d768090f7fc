"""Manifests applied as `kubectl apply --server-side --validate=strict` does, with all rights; what a user may do."""

import http.client
import json
import ssl
import time
from collections.abc import Iterable, Mapping
from typing import Any

from tests.support.apiserver.server import ADMIN, ApiServer
from tests.support.kustomize import Manifest

_SECONDS = 30.0


class Refused(Exception):  # noqa: N818 - the API server's word
    """The API server did not take it; the text is its own."""


class Applier:
    """One connection to the API server."""

    def __init__(self, cluster: ApiServer) -> None:
        trust = ssl.create_default_context(cafile=str(cluster.certificate))
        self._connection = http.client.HTTPSConnection(cluster.url.partition("://")[2], timeout=30, context=trust)
        self._served: dict[str, dict[str, tuple[str, bool]]] = {}

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def ask(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> tuple[int, Any]:
        """Send one request; return its status and what was answered."""
        headers = {"authorization": f"Bearer {ADMIN}", "content-type": kind}
        data = json.dumps(body, default=str) if body is not None else None
        self._connection.request(method, path, data, headers)
        answer = self._connection.getresponse()
        raw = answer.read()
        return answer.status, json.loads(raw) if answer.getheader("content-type") == "application/json" else raw

    def knows(self, item: Manifest) -> bool:
        """Return True where the API server serves this kind."""
        return item["kind"] in self._kinds(item["apiVersion"])

    def apply(self, item: Manifest) -> None:
        """Apply one; unknown and repeated fields are mistakes. Raises Refused."""
        plural, namespaced = self._kinds(item["apiVersion"])[item["kind"]]
        space = f"/namespaces/{item['metadata'].get('namespace', 'default')}" if namespaced else ""
        path = f"{_root(item['apiVersion'])}{space}/{plural}/{item['metadata']['name']}"
        query = "?fieldManager=tests&force=true&fieldValidation=Strict"
        status, answer = self.ask("PATCH", path + query, item, "application/apply-patch+yaml")
        if status not in {200, 201}:
            raise Refused(f"{item['kind']} {item['metadata']['name']}: {answer.get('message', answer)}")

    def define(self, definitions: Iterable[Manifest]) -> None:
        """Apply CustomResourceDefinitions, and wait until each is served."""
        wanted = []
        for item in definitions:
            # Webhooks that turn one version into the other belong to controllers that are not here.
            self.apply({**item, "spec": {**item["spec"], "conversion": {"strategy": "None"}}})
            spec = item["spec"]
            served = [version["name"] for version in spec["versions"] if version["served"]]
            wanted += [(f"{spec['group']}/{version}", spec["names"]["kind"]) for version in served]
        end = time.monotonic() + _SECONDS
        for version, kind in wanted:
            while kind not in self._kinds(version, afresh=True):
                assert time.monotonic() < end, f"{version} {kind} is not served"
                time.sleep(0.1)

    def may(self, user: str, action: Mapping[str, str]) -> bool:
        """Return whether a user may do something (SubjectAccessReview)."""
        groups = ["system:authenticated"]
        if user.startswith("system:serviceaccount:"):
            groups += [
                "system:serviceaccounts",
                user.rpartition(":")[0].replace("serviceaccount", "serviceaccounts", 1),
            ]
        spec = {"user": user, "groups": groups, "resourceAttributes": dict(action)}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        status, answer = self.ask("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
        assert status == 201, answer
        return bool(answer["status"]["allowed"])

    def _kinds(self, version: str, *, afresh: bool = False) -> dict[str, tuple[str, bool]]:
        if version not in self._served or afresh:
            status, answer = self.ask("GET", _root(version))
            named = answer["resources"] if status == 200 else []
            self._served[version] = {
                one["kind"]: (one["name"], one["namespaced"]) for one in named if "/" not in one["name"]
            }
        return self._served[version]


def _root(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"
