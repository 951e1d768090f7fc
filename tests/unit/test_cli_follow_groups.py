"""What own policies make of shipped groups, as `tidings explain --follow` tells it: with the shipped rules."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shared.cli.app import app
from shared.episodes.policy_shipped import SHIPPED

START = datetime(2026, 9, 1, 12, tzinfo=UTC)


def pull_failed(minute: int, pod: str, cluster: str = "c") -> str:
    """Return a CloudEvent of one more failed pull of the same image, as a kubelet tells it."""
    at = (START + timedelta(minutes=minute)).isoformat()
    event = {
        "apiVersion": "v1", "kind": "Event", "reason": "Failed", "type": "Warning", "count": 5 + minute,
        "message": 'Failed to pull image "registry.example/shop/web:9": manifest cannot be read', "firstTimestamp": at,
        "metadata": {"name": f"{pod}.1", "namespace": "shop", "uid": f"{cluster}-{pod}"}, "lastTimestamp": at,
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": pod, "fieldPath": "spec.containers{web}"},
    }  # fmt: skip
    return json.dumps({
        "specversion": "1.0", "id": f"{cluster}-{pod}-{minute}", "source": "s", "cluster": cluster,
        "type": "dev.knative.apiserver.resource.update", "time": at, "data": event,
    })  # fmt: skip


def tickets(root: Path, policy: Path, *events: str) -> list[str]:
    """Return the clusters in which a ticket was opened."""
    arguments = ("--knative", str(root / "knative"), "--output", "jsonl")
    environ = {"CORRELATOR_POLICY": str(policy)}
    done = CliRunner().invoke(app, ["explain", "--follow", *arguments], input="\n".join(events), env=environ)
    assert done.exit_code == 0, done.output
    return [line["cluster"] for line in map(json.loads, done.stdout.splitlines()) if line.get("what") == "opened"]


PODS = [f"{workload}-7d4b9c6f5d-x2x7v" for workload in ("cart", "mail", "pay", "shop", "stock", "web")]


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "policy.yaml"


def test_what_the_page_advises_leaves_one_image_one_ticket_and_a_bare_route_does_not(root: Path, policy: Path) -> None:
    events = [pull_failed(minute, pod) for minute in range(10) for pod in PODS]
    policy.write_text(
        "routes: [{name: medium-lasting, match: {severity: medium}, open_after: {lasting: 5m}}]", encoding="utf-8"
    )
    assert len(tickets(root, policy, *events)) == 6
    page = (root / "docs" / "policy.md").read_text(encoding="utf-8")
    (advice,) = re.findall(r"^```yaml\n(routes:\n  - name: medium-images.*?)^```$", page, re.MULTILINE | re.DOTALL)
    policy.write_text(advice, encoding="utf-8")
    assert len(tickets(root, policy, *events)) == 1


def test_a_group_is_of_one_cluster_though_its_route_does_not_name_it(root: Path, policy: Path) -> None:
    policy.write_bytes((SHIPPED.parent / "examples" / "requirements.yaml").read_bytes())
    assert "cluster" not in policy.read_text(encoding="utf-8").split("routes:")[1]
    events = [pull_failed(0, pod, cluster) for cluster in ("north", "south") for pod in PODS]
    assert sorted(tickets(root, policy, *events)) == ["north", "south"]
