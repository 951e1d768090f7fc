"""A whole Broker simulated: nothing is lost on the way, a seed is one run, and the plan is what knative/ says."""

import random
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.events.cloudevent import CloudEvent
from tests.bench.scaling.destination import Foreign
from tests.bench.scaling.figures import Each, Figures
from tests.bench.scaling.hub import Hub, Seen
from tests.bench.scaling.plan import FUNCTIONS, SHIPPED, TRIGGERS, Plan, Systems
from tests.bench.scaling.report import HEADINGS, Summary, summary
from tests.bench.scaling.traffic import CHANGES, CREATES, Part, Piece, Told, Traffic, noted
from tests.bench.scaling.trigger import Spec
from tests.support.week.week import week

CALM = 60.0
FIGURES = Figures(
    {
        "changes": Each(5e-4, 1e-3),
        "classifier": Each(2e-4),
        "correlator": Each(5e-4, 1e-3, 2e-3),
        "siem-forwarder": Each(1e-4),
        "servicenow-incident": Each(1e-3),
    },
    2e-3,
    0.2,
)


def traffic(storm: int = 600) -> Traffic:
    """Return twenty minutes with an event a second, every other one about an object, and a storm of one scope."""
    draw = random.Random(3)  # noqa: S311 -- a simulation
    day = [_piece(draw, float(at), f"scope-{draw.randrange(40)}") for at in range(1200)]
    raging = [Piece(60.0 * at / storm, object=False, parts=[Part(classified=True, key="node")]) for at in range(storm)]
    raging[0].parts[0].told = [Told(10.0, CREATES)]
    return Traffic(day, 1200.0, raging)


def _piece(draw: random.Random, at: float, key: str) -> Piece:
    parts = [Part(classified=draw.random() < 0.8, key=key) for _ in range(draw.randrange(3))]
    for part in parts:
        if part.classified and draw.random() < 0.05:
            part.told = [Told(12.0, CREATES), Told(25.0, 0), Told(40.0, CHANGES)]
    return Piece(at, object=draw.random() < 0.5, parts=parts)


def ran(plan: Plan, of: Traffic | None = None, figures: Figures = FIGURES) -> tuple[Hub, Seen]:
    hub = Hub(plan, figures, of or traffic(), CALM)
    return hub, hub.run()


def test_all_that_clusters_send_goes_the_whole_way() -> None:
    hub, seen = ran(Plan(5, storms=2))
    triggers = hub.triggers
    assert {name: one.lag for name, one in triggers.items() if one.lag > 5} == {}
    assert sum(seen.sent) > 5 * 200
    assert triggers["correlator"].offered == triggers["siem-forwarder"].offered
    assert len(seen.siem) == triggers["siem-forwarder"].taken
    assert 0 < triggers["correlator"].offered < triggers["classifier"].offered
    assert 0 < triggers["changes"].offered < sum(seen.sent)
    assert all(one.dead == 0 for one in triggers.values())
    assert 0 < len(seen.tickets) <= triggers["servicenow-incident"].taken


def test_the_calls_of_a_ticket_system_are_what_its_tickets_need() -> None:
    hub, seen = ran(Plan(5, storms=1, systems=Systems(requests=0)))
    clusters = len(seen.tickets)
    assert seen.calls[-1][1] == pytest.approx(clusters * (CREATES + CHANGES) / 2, rel=0.15)
    assert hub.triggers["servicenow-incident"].service.used > 0


def test_a_seed_is_one_run() -> None:
    first, again, other = (ran(Plan(5, seed=seed))[1] for seed in (1, 1, 2))
    assert first == again
    assert first.siem != other.siem


def test_a_hot_key_waits_where_its_partition_keeps_its_order_and_is_worked_off() -> None:
    slow = replace(FIGURES, functions={**FIGURES.functions, "correlator": Each(5e-4, 0.02)})
    free, ordered = (
        ran(Plan(5, ordered=ordered), traffic(storm=6000), slow)[1]
        for ordered in (frozenset[str](), frozenset({"correlator"}))
    )
    most = [max(second.lag["correlator"] for second in seen.seconds) for seen in (free, ordered)]
    assert most[0] < 100
    assert most[1] > 1000, "a hundred a second come, and one after the other takes 20 ms"
    assert ordered.seconds[-1].lag["correlator"] < 10


def test_a_limit_holds_tickets_back_and_loses_none() -> None:
    plan = Plan(5, storms=1, scales={"servicenow-incident": (1, 1, 50)}, systems=Systems(requests=900))
    hub, seen = ran(plan)
    free, unlimited = ran(Plan(5, storms=1, systems=Systems(requests=0)))
    assert max(wait for _, wait in seen.tickets) > 2 * max(wait for _, wait in unlimited.tickets)
    minutes = [calls for calls, _ in seen.calls][::60]
    assert all(later - sooner <= 900 / 60 + 900 / 60 + 1 for sooner, later in pairwise(minutes))
    trigger = hub.triggers["servicenow-incident"]
    assert (trigger.dead, trigger.offered) == (0, trigger.taken + trigger.lag)
    assert free.triggers["servicenow-incident"].dead == 0


def test_a_system_that_is_down_is_waited_for() -> None:
    down = Systems(siem=Foreign(0.02, between=(100.0, 130.0)))
    hub, seen = ran(Plan(5, storms=1, systems=down))
    assert hub.triggers["siem-forwarder"].dead == 0
    assert max(wait for _, wait in seen.siem) > 20.0
    assert max(second.lag["siem-forwarder"] for second in seen.seconds) > 50


def test_a_summary_says_what_was_seen() -> None:
    plan = Plan(20, storms=2)
    _, seen = ran(plan)
    line = summary("20", plan, seen)
    assert line.rate == pytest.approx(20.0, rel=0.1)
    assert line.peak >= line.rate
    assert line.drained is not None
    assert line.siem[0] <= line.siem[1]
    assert max(line.bounds.values()) == line.nearest[1] <= 1.5
    assert len(line.cells()) == len(HEADINGS)
    assert Summary.of(line.as_json()) == line
    assert Figures.of(FIGURES.as_json()) == FIGURES


def test_what_keeps_its_order_has_as_many_places_as_partitions() -> None:
    slow = replace(FIGURES, functions={**FIGURES.functions, "correlator": Each(5e-4, 0.02)})
    plan = Plan(5, ordered=frozenset({"correlator"}), partitions=1)
    _, seen = ran(plan, traffic(storm=6000), slow)
    nearest, share = summary("5", plan, seen).nearest
    assert nearest == "places of Trigger correlator"
    assert share > 0.95


def test_more_traffic_than_was_played_is_refused() -> None:
    with pytest.raises(ValueError, match="no 1750 s"):
        Hub(Plan(1), FIGURES, traffic(), 1000.0).run()


# --- what it is made of ---


def documents(root: Path, folder: str) -> Mapping[tuple[str, str], Any]:
    found = [one for file in (root / "knative" / folder).glob("*.yaml") for one in yaml.safe_load_all(file.read_text())]
    return {(one["kind"], one["metadata"]["name"]): one for one in found if one and "metadata" in one}


def seconds(duration: str) -> float:
    """Return what an ISO 8601 duration of seconds says."""
    return float(duration.removeprefix("PT").removesuffix("S"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_services_and_triggers_are_simulated_as_knative_has_them(name: str, root: Path) -> None:
    template = documents(root, "base")["Service", name]["spec"]["template"]
    scaling = {
        key.rpartition("/")[2]: int(value)
        for key, value in template["metadata"]["annotations"].items()
        if "scale" in key
    }
    shipped = (scaling.get("min-scale", 0), scaling["max-scale"], template["spec"]["containerConcurrency"])
    assert SHIPPED[name] == shipped
    trigger = documents(root, "triggers")["Trigger", name]
    delivery = trigger["spec"]["delivery"]
    found = Spec(delivery["retry"], delivery["backoffPolicy"], seconds(delivery["backoffDelay"]))
    assert TRIGGERS[name] == found
    assert "annotations" not in trigger["metadata"], "no order is asked for"


def test_the_topic_is_simulated_as_knative_has_it(root: Path) -> None:
    config = documents(root, "base")["ConfigMap", "tidings-broker"]["data"]
    assert Plan(1).partitions == int(config["default.topic.partitions"])


def test_what_functions_are_handed_is_noted_by_what_the_cluster_sent() -> None:
    made = week(1, 1.0)
    sent = list(islice(made.sent, 1500))
    begin = sent[100].at
    pieces, sample = noted(made.start, sent, begin, "changes")
    assert len(pieces) == sum(one.at >= begin for one in sent)
    assert [piece.at for piece in pieces] == sorted(piece.at for piece in pieces)
    assert pieces[0].at >= 0
    objects = [one.event.extensions.get("kind", "Event") != "Event" for one in sent if one.at >= begin]
    assert [piece.object for piece in pieces] == objects
    assert all(len(piece.parts) == 1 for piece in pieces if not piece.object)
    parts = [part for piece in pieces for part in piece.parts]
    assert any(part.classified for part in parts)
    assert any(not piece.parts for piece in pieces if piece.object), "not every write says something"
    assert all(bool(part.key) == part.classified for part in parts)
    assert len(sample) == sum(objects)
    assert all(isinstance(one, CloudEvent) for one in sample)
