"""The commands of pages, by a real kubectl on a real API server; operators and the kubelet are played."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from shared.cli.app import app
from shared.events.identity import event_identity
from tests.cluster.test_manifests_cluster import definitions as shipped
from tests.conftest import ROOT, could_not_run
from tests.support.apiserver.applying import Applier, Refused
from tests.support.apiserver.operators import definitions, operating
from tests.support.apiserver.server import ApiServer, missing, running
from tests.support.kustomize import LOADER, Manifest, kubectl
from tests.support.pages import Block, blocks, pages, run_page

TUTORIAL = sorted((ROOT / "docs" / "tutorial").glob("[2-6]-*.md"))
FIRST_CONTACT = ROOT / "docs" / "first-contact.md"
NEEDS = "needs: an API server"
OTHERS = [
    page
    for page in pages()
    if page not in [*TUTORIAL, FIRST_CONTACT] and any(block.mark == NEEDS for block in blocks(page))
]


@pytest.fixture
def openshift(tmp_path: Path, shared_data: Path) -> Iterator[ApiServer]:
    """Return an API server with the namespaces and kinds that an OpenShift begins with, and all that we have."""
    if why := missing():
        could_not_run(why, "make apiserver (Go, about 7 minutes once a machine), and Debian's etcd-server")
    with running(tmp_path / "server") as server:
        applier = Applier(server)
        applier.define(shipped(shared_data / "data" / "crds"))
        applier.define(definitions())
        for name in ("openshift-operators", "openshift-marketplace", "openshift-config-managed"):
            applier.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        applier.close()
        with operating(server):
            yield server


def steps(*found: Path) -> list[Block]:
    """Return the blocks of pages that an API server is enough for."""
    return [block for page in found for block in blocks(page) if block.runs or block.mark == NEEDS]


def get(config: Path, *words: str) -> Any:
    command = [kubectl(), "--kubeconfig", str(config), "get", *words, "-o", "json"]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def function(config: Path) -> Any:
    return get(config, "services.serving.knative.dev", "servicenow-incident", "-n", "tidings")


def test_the_tutorial_leads_from_nothing_to_a_ticket_and_back_into_shadow(openshift: ApiServer, tmp_path: Path) -> None:
    config, folder = openshift.kubeconfig(), tmp_path / "checkout"
    assert run_page(steps(*TUTORIAL), tmp_path, KUBECONFIG=str(config)) == []
    asked = ["doctor", "--kubeconfig", str(config), "--knative", str(folder / "knative"), "--probe", "0"]
    ready = CliRunner().invoke(app, asked)
    assert ready.exit_code == 0, ready.output
    event = get(config, "event", "broken.17f1", "-n", "shop")
    explained = (folder / "explained.txt").read_text(encoding="utf-8")
    assert event_identity("prod-eu1", event["metadata"]["uid"], event["count"]) in explained, "as Splunk is sent it"
    assert function(config)["metadata"]["generation"] == 2, "it came in shadow, and left it"
    assert "SHADOW" not in json.dumps(function(config)["spec"])

    back = [block for block in blocks(FIRST_CONTACT) if block.mark == NEEDS]
    assert run_page(back, tmp_path / "again", KUBECONFIG=str(config)) == []
    assert '{"name": "SHADOW", "value": "all"}' in json.dumps(function(config)["spec"])


@pytest.mark.parametrize("page", OTHERS, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_does_to_an_api_server_is_done(page: Path, openshift: ApiServer, tmp_path: Path) -> None:
    assert run_page(steps(page), tmp_path, KUBECONFIG=str(openshift.kubeconfig())) == []


MISTAKES = [
    ("operators.yaml", "sourceNamespace:", "sourceNamepsace:"),
    ("serverless.yaml", "bootstrapServers:", "bootStrapServers:"),
    ("serverless.yaml", "  channel:\n    enabled: false\n", ""),
    ("nats-tls.yaml", "dnsNames:", "dnsName:"),
]


def test_a_mistake_in_a_manifest_of_the_tutorial_is_refused(openshift: ApiServer) -> None:
    applier = Applier(openshift)
    for name in ("tidings", "openshift-serverless"):
        applier.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for file, right, wrong in MISTAKES:
        text = (ROOT / "docs" / "tutorial" / file).read_text(encoding="utf-8")
        assert right in text
        items = list(yaml.load_all(text.replace(right, wrong), Loader=LOADER))
        assert not all(taken(applier, item) for item in items), (file, wrong)
    applier.close()


def taken(applier: Applier, item: Manifest) -> bool:
    try:
        applier.apply(item)
    except Refused:
        return False
    return True
