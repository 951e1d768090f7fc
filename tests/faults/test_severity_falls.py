"""F57 with real Triggers and the real correlator: what a Trigger let begin, it lets end."""

from pathlib import Path

import pytest

from shared.events.cloudevent import CloudEvent
from shared.local.broker.filters import matches
from shared.local.broker.loader import load_topology
from shared.local.broker.topology import Trigger
from tests.support.correlator import Rig, play, problem, recovery

_TRIGGER = """\
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: one, namespace: tidings}
spec:
  broker: tidings
  filters:
    - prefix: {type: dev.tidings.problem.}
    - any: [{exact: {severity: critical}}, {exact: {severity: high}}]
  subscriber: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: servicenow-incident}}
"""


@pytest.fixture
def trigger(root: Path, tmp_path: Path) -> Trigger:
    """Return a team's Trigger, read beside the shipped broker and services as the embedded broker reads it."""
    (tmp_path / "triggers").mkdir()
    (tmp_path / "base").symlink_to(root / "knative" / "base")
    (tmp_path / "triggers" / "one.yaml").write_text(_TRIGGER, encoding="utf-8")
    topology = load_topology(tmp_path)
    assert topology.problems == ()
    (found,) = topology.triggers
    return found


@pytest.mark.parametrize("first", ["critical", "high"])
@pytest.mark.parametrize("later", ["high", "medium", "low", "info"])
def test_f57_the_end_passes_the_severity_filter_that_the_beginning_passed(
    trigger: Trigger, first: str, later: str
) -> None:
    """F57: an episode's severity falls before it ends, Trigger filters on severity.

    `resolved` still passes the filter.
    """
    told: list[CloudEvent] = []

    async def work(rig: Rig) -> None:
        for one in (
            problem(0, severity=first),
            problem(10, count=2, severity=later),
            recovery(20, "crash-loop", severity="info"),
        ):
            reply = (await rig.send(one)).reply
            assert reply is not None
            told.append(reply)

    play(work)
    assert [event.type.rsplit(".", 2)[-2] for event in told] == ["opened", "updated", "resolved"]
    assert [matches(trigger.selection, event) for event in told] == [True, True, True]


def test_f57_the_filter_does_keep_out_what_was_never_grave(trigger: Trigger) -> None:
    """F57: an episode's severity falls before it ends, Trigger filters on severity.

    `resolved` still passes the filter.

    Or passing would show nothing.
    """

    async def work(rig: Rig) -> None:
        for one in (problem(0, severity="medium"), recovery(20, "crash-loop")):
            reply = (await rig.send(one)).reply
            assert reply is not None
            assert not matches(trigger.selection, reply)

    play(work)
