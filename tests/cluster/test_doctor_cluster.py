"""`tidings doctor --kubeconfig` on a real API server with Knative's own definitions."""

import json
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from shared.cli.app import app
from tests.conftest import ROOT
from tests.support.apiserver.server import ADMIN, ApiServer

READY = {"status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}
ADDRESS = {"address": {"url": "http://here"}}
DEFINITIONS = ("knative-eventing", "knative-serving", "knative-kafka")


class Raw:
    """Requests as kubectl makes them: any kind, with all rights."""

    def __init__(self, cluster: ApiServer) -> None:
        self._url = cluster.url
        self._trust = ssl.create_default_context(cafile=str(cluster.certificate))

    def __call__(self, method: str, path: str, body: Any) -> None:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"authorization": f"Bearer {ADMIN}", "content-type": kind}
        url, data = f"{self._url}{path}", json.dumps(body, default=str).encode()
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - our own server
        try:
            with urllib.request.urlopen(request, timeout=10, context=self._trust):  # noqa: S310 - as above
                pass
        except urllib.error.HTTPError as error:
            error.add_note(f"{method} {path}: {error.read().decode()}")
            raise


def until_served(work: Callable[[], None]) -> None:
    """Do something as soon as a new definition is served, which takes a moment."""
    end = time.monotonic() + 20
    while True:
        try:
            return work()
        except urllib.error.HTTPError as error:
            if error.code != 404 or time.monotonic() > end:
                raise
            time.sleep(0.1)


def doctor(config: Path, knative: Path) -> Result:
    command = ["doctor", "--kubeconfig", str(config), "--knative", str(knative), "--probe", "0", "-o", "json"]
    return CliRunner().invoke(app, command)


def rows(config: Path, knative: Path) -> dict[str, list[tuple[str, str]]]:
    result = doctor(config, knative)
    found: dict[str, list[tuple[str, str]]] = {}
    for row in json.loads(result.stdout):
        found.setdefault(row["system"], []).append((row["state"], row["finding"]))
    assert result.exit_code == any(state == "bad" for told in found.values() for state, _ in told)
    return found


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return a folder of three of our manifests."""
    for part, names in {"base": ("namespace", "broker", "dead-letters"), "triggers": ("correlator",)}.items():
        (tmp_path / "knative" / part).mkdir(parents=True)
        for name in names:
            text = (ROOT / "knative" / part / f"{name}.yaml").read_text(encoding="utf-8")
            (tmp_path / "knative" / part / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path / "knative"


def test_what_is_missing_not_ready_or_other_than_its_file_is_told(
    cluster: ApiServer, shared_data: Path, small: Path
) -> None:
    config = cluster.kubeconfig("doctor.kubeconfig")
    bare = rows(config, small)
    assert bare["cluster"][0][0] == "good"
    assert "Kubernetes v1." in bare["cluster"][0][1]
    assert bare["Knative Eventing"] == [("bad", "is not there: install Knative Eventing")]
    assert "KnativeKafka" in bare["Kafka Broker"][0][1]
    assert bare["Trigger"] == [
        ("bad", "correlator cannot be there: the cluster does not know eventing.knative.dev/v1 Trigger")
    ]
    assert bare["Namespace"] == [("bad", "tidings is not there: apply it")]

    raw = Raw(cluster)
    for part in DEFINITIONS:
        for file in sorted((shared_data / "data" / "crds" / part).glob("*.yaml")):
            for definition in yaml.safe_load_all(file.read_text(encoding="utf-8")):
                if isinstance(definition, dict):  # some files are links out of their repository
                    raw("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
    raw("POST", "/api/v1/namespaces", {"metadata": {"name": "tidings"}})
    documents = [
        one
        for name in ("base/broker", "base/dead-letters", "triggers/correlator")
        for one in yaml.safe_load_all((small / f"{name}.yaml").read_text(encoding="utf-8"))
    ]
    plural = {"Broker": "brokers", "KafkaSink": "kafkasinks", "Trigger": "triggers", "ConfigMap": "configmaps"}
    places = []
    for one in documents:
        root = f"/apis/{one['apiVersion']}" if "/" in one["apiVersion"] else f"/api/{one['apiVersion']}"
        places.append(f"{root}/namespaces/tidings/{plural[one['kind']]}")
        until_served(partial(raw, "POST", places[-1], one))
    there = rows(config, small)
    assert there["Namespace"] == [("good", "1 manifest as in the files")]
    assert there["Knative Eventing"][0][0] == "good"
    assert there["Trigger"] == [("bad", "correlator is not ready: no controller has looked at it")]

    for one, place in zip(documents, places, strict=True):
        if one["kind"] != "ConfigMap":
            status = {"status": {**READY["status"], **(ADDRESS if one["kind"] == "Broker" else {})}}
            raw("PATCH", f"{place}/{one['metadata']['name']}/status", status)
    assert {state for told in rows(config, small).values() for state, _ in told} == {"good", "unseen"}

    more = left_out_destinations_are_no_fault(config, small)

    failed = {"type": "Ready", "status": "False", "reason": "SubscriberNotFound", "message": "no such service"}
    broken = {"status": {"conditions": [{**failed, "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}
    raw("PATCH", f"{places[-1]}/correlator/status", broken)
    assert rows(config, small)["Trigger"] == [("bad", "correlator is not ready: SubscriberNotFound: no such service")]
    raw("PATCH", f"{places[-1]}/correlator", {"spec": {"filters": [{"exact": {"type": "x"}}]}})
    assert rows(config, small)["Trigger"] == [("bad", "correlator filters otherwise than its file: apply it")]

    definition = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/triggers.eventing.knative.dev"
    raw("PATCH", definition, {"metadata": {"labels": {"app.kubernetes.io/version": "1.11.5"}}})
    told = [("bad", "is 1.11.5: Triggers have filters from Knative 1.12 on")]
    assert rows(config, small)["Knative Eventing"] == told
    raw("PATCH", definition, {"metadata": {"labels": {"app.kubernetes.io/version": "1.12.9"}}})
    assert rows(config, small)["Knative Eventing"] == [("good", "1.12.9")]
    tick = small / "base" / "tick.yaml"
    shutil.copy(ROOT / "knative" / "base" / "tick.yaml", tick)
    told = [("bad", "is 1.12.9: PingSources take seconds from Knative 1.13 on")]
    assert rows(config, small)["Knative Eventing"] == told
    tick.write_text(tick.read_text(encoding="utf-8").replace("*/10 * * * * *", "* * * * *"), encoding="utf-8")
    assert rows(config, small)["Knative Eventing"] == [("good", "1.12.9")]
    tick.unlink()

    raw("POST", places[-1], yaml.safe_load((more / "triggers" / "siem-forwarder.yaml").read_text(encoding="utf-8")))
    assert ("bad", "siem-forwarder is not there: apply it") in rows(config, more)["Service"], "its Trigger is there"


def left_out_destinations_are_no_fault(config: Path, small: Path) -> Path:
    """Hold a destination that is left out with its Trigger apart from the rest; return a folder with it."""
    folder = Path(shutil.copytree(small, small.parent / "more"))
    for file in ("base/siem-forwarder.yaml", "triggers/siem-forwarder.yaml"):
        shutil.copy(ROOT / "knative" / file, folder / file)
    found = rows(config, folder)
    out = "left out, or not applied yet"
    assert found["Service"] == [("absent", f"siem-forwarder is not there, and no Trigger to it: {out}")]
    assert ("absent", f"siem-forwarder is not there, and its Service neither: {out}") in found["Trigger"]
    assert "bad" not in {state for told in found.values() for state, _ in told}

    rendering = small.parent / "rendered.yaml"
    texts = [file.read_text(encoding="utf-8") for file in sorted(small.glob("*/*.yaml"))]
    rendering.write_text("\n---\n".join(texts), encoding="utf-8")
    assert rows(config, rendering)["Trigger"] == [("good", "1 manifest as in the files")], "of a file, as of a folder"

    shutil.copy(ROOT / "knative" / "base" / "classifier.yaml", folder / "base")
    assert ("bad", "classifier is not there: apply it") in rows(config, folder)["Service"], "it is no destination"
    return folder


def test_a_user_that_may_read_nothing_is_told_so(cluster: ApiServer, small: Path) -> None:
    stranger = rows(cluster.kubeconfig("stranger.kubeconfig", token="nobody"), small)  # noqa: S106 - no secret
    assert stranger == {"cluster": [("bad", "the API server does not know this user: renew the token")]}
