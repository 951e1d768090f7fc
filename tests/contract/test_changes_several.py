"""The function `changes` where there is more to tell than a reply has room for: side by side, or in its order."""

import asyncio
from typing import Any

from functions.changes.handler import new
from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Done, Retry
from shared.runtime.edge import Edge
from tests.support.objects import Rig, node, play, sent

RESULTS = 400


class SlowSink:
    """Accepts after some turns of the loop, all but the event that is number `refused`; counts what is under way."""

    def __init__(self, refused: int = 0) -> None:
        self.refused = refused
        self.begun = self.under_way = self.most = 0
        self.accepted: list[CloudEvent] = []

    async def publish(self, event: CloudEvent) -> bool:
        self.begun += 1
        number = self.begun
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0.001)
        self.under_way -= 1
        if number != self.refused:
            self.accepted.append(event)
        return number != self.refused


def report() -> dict[str, Any]:
    results = [{"policy": "p", "rule": f"r{place}", "result": "fail"} for place in range(RESULTS)]
    head = {"apiVersion": "wgpolicyk8s.io/v1alpha2", "kind": "PolicyReport"}
    return {**head, "metadata": {"name": "r", "namespace": "shop"}, "results": results}


def edge_of(rig: Rig, sink: SlowSink) -> Edge:
    return Edge(new({}, rig.metrics, store=rig.store, publisher=sink), rig.metrics)


def test_the_results_of_a_report_are_published_side_by_side_and_each_once() -> None:
    async def work(rig: Rig) -> None:
        sink = SlowSink()
        result = await edge_of(rig, sink).dispatch(sent(report(), "add"))
        assert result.outcome == Done()
        assert result.reply is not None
        assert len({event.id for event in [*sink.accepted, result.reply]}) == RESULTS
        assert (len(sink.accepted), sink.most) == (RESULTS - 1, 16)

    play(work)


def test_after_a_refusal_no_other_result_is_begun_and_the_report_comes_again() -> None:
    async def work(rig: Rig) -> None:
        sink = SlowSink(refused=20)
        result = await edge_of(rig, sink).dispatch(sent(report(), "add"))
        assert isinstance(result.outcome, Retry)
        assert (result.reply, sink.under_way) == (None, 0)
        assert 20 <= sink.begun < 20 + 16

    play(work)


def test_the_conditions_of_one_object_are_published_one_after_the_other() -> None:
    async def work(rig: Rig) -> None:
        sink = SlowSink()
        edge = edge_of(rig, sink)
        await edge.dispatch(sent(node(1, "True"), "add"))
        worse = node(2, "False", unschedulable=True)
        pressures = [{"type": name, "status": "True"} for name in ("MemoryPressure", "DiskPressure", "PIDPressure")]
        worse["status"]["conditions"] += pressures
        await edge.dispatch(sent(worse))
        reasons = [event.data["reason"] for event in sink.accepted]
        insufficient = [f"NodeHas{name}" for name in ("InsufficientMemory", "DiskPressure", "InsufficientPID")]
        assert reasons == ["NodeNotReady", *insufficient]
        assert sink.most == 1

    play(work)
