"""What the producers of knative/components send arrives: the specimens of their dialect, at the path they are given."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.support.functions import Served, serving
from tests.support.servers import serve
from tests.support.sinks import Sink
from tests.support.specimens import Specimen, specimens

COMPONENTS = ROOT / "knative" / "components"
DIALECTS = {name: name for name in ("botkube", "event-exporter", "falco", "fluent-bit", "kubewatch")}


def path_of(component: str) -> str:
    """Return the path of intake that a component's producer posts to."""
    files = [path.read_text(encoding="utf-8") for path in sorted((COMPONENTS / component).glob("*.yaml"))]
    text = "\n".join(files)
    found = re.findall(r"(?m)^[^#\n]*http://intake\.tidings\.svc\.cluster\.local(/\w+)", text)
    found += re.findall(r"(?m)^\s+uri\s+(/\w+)$", text)
    (path,) = found
    return str(path)


@pytest.fixture(scope="module")
def intake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Sink]]:
    sink = Sink()
    with serve(sink) as url:
        settings = {"K_SINK": url, "CLUSTER": "by-setting"}
        with serving("intake", tmp_path_factory.mktemp("intake") / "log", settings) as served:
            yield served, sink


SENT = [
    (component, specimen)
    for component, dialect in DIALECTS.items()
    for specimen in specimens()
    if specimen.dialect == dialect
]


@pytest.mark.parametrize(("component", "specimen"), SENT, ids=lambda value: getattr(value, "file", value))
def test_what_a_producer_sends_arrives_as_what_it_is(
    component: str, specimen: Specimen, intake: tuple[Served, Sink]
) -> None:
    served, sink = intake
    sink.clear()
    payload = specimen.payload
    if isinstance(payload, dict) and component == "falco" and "specversion" in payload:
        payload = payload["data"]  # its webhook posts what its CloudEvents hold
    body = json.dumps([payload] if component == "fluent-bit" and isinstance(payload, dict) else payload).encode()
    headers = {"content-type": "application/json"}
    if component == "fluent-bit":
        headers["content-encoding"], body = "gzip", gzip.compress(body)
    status, _, answer = served.request("POST", path_of(component), headers, body)
    assert (status, answer) == (200 if component == "botkube" else 202, b"")
    assert len(sink.observed) == len(specimen.expected)
    assert {seen["dialect"] for seen in sink.observed} == ({DIALECTS[component]} if specimen.expected else set())


def test_every_component_with_a_producer_is_tried() -> None:
    there = set()
    for path in COMPONENTS.glob("*/deployment.yaml"):
        first = next(yaml.safe_load_all(path.read_text(encoding="utf-8")))
        labels = first["spec"]["template"]["metadata"]["labels"]
        if labels.get("tidings.dev/role") == "producer":
            there.add(Path(path).parent.name)
    assert there == set(DIALECTS)
