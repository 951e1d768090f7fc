"""A week of a living cluster, seeded: what its source sends, in the order of arrival, and the truth about it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.support.week import nodes, ordinary, platform, pods, security, workloads
from tests.support.week.cluster import Cluster
from tests.support.week.things import Workload
from tests.support.week.truth import HOUR, MINUTE, Truth
from tests.support.week.world import Process, Sent, World

START = 1_788_134_400.0
"""Monday, 2026-08-31, midnight UTC."""
DAY = 24 * HOUR
_QUIET_BEFORE = HOUR
_QUIET_AFTER = 9 * HOUR
"""Hours at the end in which nothing new goes wrong, so that all that did can end."""
_NAMESPACES = (
    *("shop", "payments", "search", "logistics", "data-platform", "identity", "marketing", "reporting", "media"),
    *("support", "warehouse", "pricing"),
)

OfWorkload = Callable[[Cluster, Workload], Process]
# How often a week each story is told.
_OF_WORKLOADS: dict[OfWorkload, int] = {
    pods.crash_loop: 60,
    pods.image_pull: 40,
    pods.probe: 25,
    pods.liveness: 15,
    pods.mount: 15,
    workloads.no_place: 15,
    workloads.refused: 40,
    workloads.never_ready: 20,
    pods.no_secret: 12,
    workloads.autoscaler_blind: 10,
    pods.hiccup: 120,
}
_OTHERS: dict[Callable[[Cluster], Process], int] = {
    nodes.lost: 10,
    nodes.pressure: 8,
    nodes.update: 2,
    platform.claim: 18,
    platform.webhook: 5,
    security.certificate: 10,
    platform.balancer: 8,
    security.alert: 15,
    security.mistake: 20,
}
_MACHINES, _OPERATORS, _DENIED, _JOBS = 14, 8, 15, 25


@dataclass(frozen=True, slots=True)
class Week:
    """What the source sends, and what is true: complete once all was sent."""

    sent: Iterator[Sent]
    truth: Truth
    start: float
    end: float


def week(seed: int, days: float = 7.0) -> Week:
    """Return a simulated time, the same one for the same seed; fewer days have as many fewer problems."""
    world = World(seed, START)
    cluster = Cluster(world, 16, _NAMESPACES, 96)
    end = START + days * DAY
    _live(cluster)
    _go_wrong(cluster, days, end)
    return Week(world.run(end), world.truth, START, end)


def _live(cluster: Cluster) -> None:
    """Begin ordinary life."""
    world = cluster.world
    every = (MINUTE, 5 * MINUTE, 5 * MINUTE, 15 * MINUTE, 15 * MINUTE, HOUR, HOUR, HOUR)
    for number, seconds in enumerate(every):
        namespace = cluster.namespaces[number % len(cluster.namespaces)]
        world.spawn(ordinary.Cron(cluster, namespace, f"cron-{number}", seconds).runs())
    world.spawn(ordinary.leaders(cluster))
    world.spawn(ordinary.releases(cluster, 40 * MINUTE))
    world.spawn(ordinary.scaling(cluster, 40 * MINUTE))
    world.spawn(ordinary.syncs(cluster))
    world.spawn(ordinary.migrations(cluster))
    world.spawn(ordinary.requests(cluster))
    world.spawn(ordinary.restarts(cluster, 36 * HOUR))


def _go_wrong(cluster: Cluster, days: float, end: float) -> None:
    """Let each story be told at times of its own."""
    world, chance = cluster.world, cluster.chance
    span = end - START - _QUIET_BEFORE - _QUIET_AFTER

    def at() -> float:
        return _QUIET_BEFORE + chance.random() * span

    def often(a_week: int) -> range:
        return range(max(1, round(a_week * days / 7)))

    for story, number in _OF_WORKLOADS.items():
        for _ in often(number):
            world.spawn(_of_some_workload(cluster, story), at())
    for other, number in _OTHERS.items():
        for _ in often(number):
            world.spawn(other(cluster), at())
    for number in often(_DENIED):
        world.spawn(security.denied(cluster, number), at())
    for number, name in zip(often(_OPERATORS), platform.operators(cluster), strict=False):
        del number
        world.spawn(platform.operator(cluster, name), at())
    for number in often(_MACHINES):
        world.spawn(platform.machine(cluster, f"vm-{20 + number}"), at())
    for number in often(_JOBS):
        namespace = chance.choice(cluster.namespaces)
        cron = ordinary.Cron(cluster, namespace, f"nightly-{number}", 30 * MINUTE)
        world.spawn(platform.job(cluster, cron), at())


def _of_some_workload(cluster: Cluster, story: OfWorkload) -> Process:
    """Tell a story of the first workload that is free for it."""
    while (workload := cluster.idle()) is None:
        yield 2 * MINUTE
    yield from story(cluster, workload)
