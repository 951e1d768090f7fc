"""The three storms of F26 and what must become of them, whoever plays them."""

from collections.abc import Callable, Iterable
from itertools import chain

from tests.support.week import storms
from tests.support.week.judge import Told
from tests.support.week.world import Sent

START = 1_788_134_400.0
TOLD_WITHIN = 10 + 10 + 5
"""Seconds until a ticket is open: `group_wait`, the period of ticks, and five (issue: within each storm)."""
LIMIT = 20
"""Default of `ticket_limit`; one summary comes on top."""
STILL_DOWN = 2
Play = Callable[[float, Iterable[Sent]], list[Told]]
"""Plays events from a time on; returns the tickets an hour after the last one."""


def a_lost_node(play: Play) -> None:
    """One ticket for the node, closed when it is back, and few more for what stays down."""
    storm = storms.new_storm(1, START)
    node, pods = storms.crowded(storm)
    lost = START + 300
    rages = storm.act(storms.node_lost(storm, node, pods), lost)
    ends = storm.act(storms.node_back(storm, node, pods, STILL_DOWN), lost + 120)
    told = play(START, chain(storm.stands(), rages, ends))
    of_node = [ticket for ticket in told if node.on.path in ticket.things]
    assert len(of_node) == 1
    assert of_node[0].opened - lost <= TOLD_WITHIN
    assert of_node[0].closed is not None
    assert lost + 120 <= of_node[0].closed <= lost + 120 + 600
    others = [ticket for ticket in told if ticket is not of_node[0]]
    assert len(others) <= STILL_DOWN
    down = {path for pod in pods[: 2 * STILL_DOWN] for path in (pod.on.path, *pod.workload.paths)}
    assert all(down & set(ticket.things) for ticket in others)


def a_crash_loop(play: Play) -> None:
    """One ticket with its count."""
    storm = storms.new_storm(2, START)
    workload = storms.looping(storm)
    begins = START + 300
    rages = storm.act(storms.crash_loop(storm, workload), begins)
    ends = storm.act(storms.mended(storm, workload), begins + 120)
    told = play(START, chain(storm.stands(), rages, ends))
    assert len(told) == 1
    assert told[0].count == storms.EVENTS
    assert told[0].opened - begins <= TOLD_WITHIN
    assert told[0].closed is not None


def failures_everywhere(play: Play) -> None:
    """Tickets up to the limit, and one summary."""
    storm = storms.new_storm(3, START, storms.NAMESPACES)
    told = play(START, chain(storm.stands(), storm.act(storms.failures(storm), START + 300)))
    assert len(told) == LIMIT + 1
