"""What a real API server logs of requests that only tried something, or say it in another way, judged as it stands."""

import json
import ssl
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from shared.rules.classify import classify
from shared.rules.shipped import load_shipped
from shared.sources.context import Context
from shared.sources.registry import decode_payload
from tests.conftest import ROOT, could_not_run
from tests.support.apiserver.server import ADMIN, ApiServer, missing, running
from tests.support.signals import RECEIVED

POLICY = ROOT / "docs" / "sources" / "audit-policy.yaml"
RBAC = "rbac.authorization.k8s.io"
BINDINGS = f"/apis/{RBAC}/v1/clusterrolebindings"
SPACE = "/api/v1/namespaces/default"
MERGE = "application/merge-patch+json"
_SECONDS = 20.0


class Asking:
    """Asks an API server that writes its audit log into a file."""

    def __init__(self, server: ApiServer, log: Path) -> None:
        self._server = server
        self._log = log
        self._trust = ssl.create_default_context(cafile=str(server.certificate))

    def ask(self, method: str, path: str, body: Any = None, kind: str = "application/json", **headers: str) -> Any:
        """Return status and answer."""
        data = None if body is None else json.dumps(body).encode()
        head = {"authorization": f"Bearer {ADMIN}", "content-type": kind, "user-agent": "tool/1", **headers}
        request = urllib.request.Request(f"{self._server.url}{path}", data, head, method=method)  # noqa: S310 - our own
        try:
            with urllib.request.urlopen(request, timeout=10, context=self._trust) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except HTTPError as error:
            return error.code, {}

    def judged(self, method: str, path: str, body: Any = None, kind: str = "application/json", **headers: str) -> str:
        """Ask, and return the rule that judges what the server logged of it."""
        status, _ = self.ask(method, path, body, kind, **headers)
        assert status < 300, status
        rules = load_shipped()
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            records = [json.loads(line) for line in self._log.read_text().splitlines() if line.endswith("}")]
            found = [one for one in records if one["requestURI"] == path and one["stage"] == "ResponseComplete"]
            if found:
                seen = decode_payload(found[-1], Context("prod", RECEIVED))
                assert isinstance(seen, list)
                return classify(seen[0], rules).rule
            time.sleep(0.1)
        raise AssertionError("the server logged nothing of it")


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """Return a server that logs as the page says."""
    if why := missing():
        could_not_run(why, "make apiserver (Go, about 7 minutes once a machine), and Debian's etcd-server")
    folder = tmp_path_factory.mktemp("audited")
    log = folder / "audit.log"
    flags = (f"--audit-policy-file={POLICY}", f"--audit-log-path={log}")
    with running(folder / "server", flags=flags) as server:
        yield Asking(server, log)


def binding(name: str) -> dict[str, Any]:
    role = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"}
    return {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name}, "roleRef": role}


def test_a_dry_run_changes_nothing_and_is_judged_so(asking: Asking) -> None:
    assert asking.judged("POST", f"{BINDINGS}?dryRun=All", binding("tried")) == "audit-dry-run"
    assert asking.ask("GET", f"{BINDINGS}/tried")[0] == 404
    apply = f"{BINDINGS}/tried?dryRun=All&fieldManager=me"
    assert asking.judged("PATCH", apply, binding("tried"), "application/apply-patch+yaml") == "audit-dry-run"
    assert asking.judged("POST", BINDINGS, binding("made")) == "audit-cluster-admin-bound"


def test_a_deletion_whose_address_alone_calls_it_a_dry_run_is_done_and_judged_so(asking: Asking) -> None:
    asking.ask("POST", BINDINGS, binding("gone"))
    body = {"kind": "DeleteOptions", "apiVersion": "v1"}
    tried = asking.judged("DELETE", f"{BINDINGS}/gone", {**body, "dryRun": ["All"]})
    assert (tried, asking.ask("GET", f"{BINDINGS}/gone")[0]) == ("audit-dry-run", 200)
    done = asking.judged("DELETE", f"{BINDINGS}/gone?dryRun=All", body)
    assert (done, asking.ask("GET", f"{BINDINGS}/gone")[0]) == ("audit-rights-changed", 404)


def test_a_token_is_made_whatever_its_request_calls_itself(asking: Asking) -> None:
    asking.ask("POST", f"{SPACE}/serviceaccounts", {"metadata": {"name": "web"}})
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = f"{SPACE}/serviceaccounts/web/token?dryRun=All"
    assert asking.judged("POST", path, request) == "audit-token-made-by-person"
    assert asking.ask("POST", path, request)[1]["status"]["token"]


def test_the_answer_to_a_dry_run_has_the_version_that_was_there(asking: Asking) -> None:
    """So whoever tried it must not be told as who made that version."""
    _, made = asking.ask("POST", f"{SPACE}/configmaps", {"metadata": {"name": "a"}, "data": {"k": "1"}})
    _, tried = asking.ask("PATCH", f"{SPACE}/configmaps/a?dryRun=All", {"data": {"k": "2"}}, MERGE)
    assert tried["data"] == {"k": "2"}
    assert tried["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_a_pod_that_takes_its_node_by_another_spelling_is_found(asking: Asking) -> None:
    plain: dict[str, Any] = {"name": "c", "image": "i"}
    mighty = {**plain, "securityContext": {"capabilities": {"add": ["sys_admin"]}}}
    root = [{"name": "all", "hostPath": {"path": "//"}}]
    for name, container, volumes in (("a", mighty, []), ("b", plain, root)):
        pod = {"metadata": {"name": name}, "spec": {"containers": [container], "volumes": volumes}}
        assert asking.judged("POST", f"{SPACE}/pods?fieldManager={name}", pod) == "audit-pod-owns-its-node"


def test_a_role_that_a_json_patch_writes_anew_as_a_whole_is_read(asking: Asking) -> None:
    role = {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": "all"}, "rules": []}
    asking.ask("POST", f"/apis/{RBAC}/v1/clusterroles", role)
    everything = {**role, "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}
    patch = [{"op": "replace", "path": "", "value": everything}]
    path = f"/apis/{RBAC}/v1/clusterroles/all"
    assert asking.judged("PATCH", path, patch, "application/json-patch+json") == "audit-role-gives-everything"
