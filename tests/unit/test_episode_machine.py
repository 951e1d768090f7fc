"""The episode machine through the real correlator, as a rule-based state machine.

Observations of one object come in order or late, again and again; ticks come; the correlator dies at any of its calls
to the store, its answers get lost, the broker refuses. A broker sends again what was not answered. What was told is
judged by a plain oracle that sees one second at a time (tests/support/histories.py).
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from functions.correlator.handler import new
from shared.episodes import browse
from shared.episodes.fold import LATENESS
from shared.episodes.policy import IMMEDIATE, Policies
from shared.episodes.track import SETTLE
from shared.events.cloudevent import TICK, CloudEvent
from shared.events.episode import Episode
from shared.events.outcome import Retry
from shared.events.vocabulary import SEVERITIES
from shared.runtime.function import Call, Function
from shared.telemetry.metrics import Metrics
from tests.support.correlator import Rig, Sink, play, problem, recovery, told
from tests.support.histories import START, Seen, oracle
from tests.support.mortal import MortalStore
from tests.support.steps_machines import profile

CONDITIONS = st.sampled_from(["crash-loop", "image", "probe"])
GRAVITIES = st.sampled_from(["critical", "high", "medium"])
ENDS = st.sampled_from([("crash-loop",), ("image",), ("probe", "image"), ("*",)])
GAPS = st.sampled_from([0, 1, 5, 20, 59, 60, 61, 95, 101, 161, 250])
REOPEN = 100


@dataclass(frozen=True)
class Sent:
    """An observation as the broker keeps it."""

    seen: Seen
    deleted: bool = False

    @property
    def event(self) -> CloudEvent:
        classified = self.seen.classified
        if self.deleted:
            gone = classified.observation.model_copy(update={"operation": "delete", "reason": "Deleted"})
            classified = classified.model_copy(update={"observation": gone})
        data = classified.model_dump(mode="json")
        return CloudEvent("1", "tidings/classifier", "dev.tidings.infrastructure.v1", data=data)


class Correlating(RuleBasedStateMachine):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.store = MortalStore()
        self.sink = Sink()
        self.function = self.build()
        self.now = 0
        self.number = 0
        self.seen: list[Sent] = []
        self.waiting: list[Sent] = []  # late on their way, or to be sent again: not yet taken in, as far as is known
        self.told: dict[str, dict[int, Episode]] = {}
        self.read = 0
        self.revisions: dict[str, int] = {}

    def build(self) -> Function:
        return new(
            {},
            Metrics(),
            store=self.store,
            publisher=self.sink,
            rules=Policies(replace(IMMEDIATE, reopen_within=REOPEN)),
        )

    @rule(gap=GAPS)
    def time_passes(self, gap: int) -> None:
        if any(one.seen.time + LATENESS < self.now + gap for one in self.waiting):
            self.all_arrive()
        self.now += gap

    @rule(condition=CONDITIONS, source=st.integers(0, 1), severity=GRAVITIES, late=st.booleans())
    def a_problem_is_seen(self, condition: str, source: int, severity: str, *, late: bool) -> None:
        self.number += 1
        self.observe(Sent(Seen(self.now, condition, (), "", source, self.number, severity)), late=late)  # type: ignore[arg-type]

    @rule(ends=ENDS, late=st.booleans())
    def a_recovery_is_seen(self, ends: tuple[str, ...], *, late: bool) -> None:
        self.number += 1
        self.observe(Sent(Seen(self.now, "", ends, "", 0, self.number)), late=late)

    @rule(late=st.booleans())
    def the_object_is_deleted(self, *, late: bool) -> None:
        self.number += 1
        self.observe(Sent(Seen(self.now, "", ("*",), "", 9, self.number), deleted=True), late=late)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), dies=st.integers(1, 8), answered=st.booleans())
    def one_is_delivered(self, data: st.DataObject, dies: int, *, answered: bool) -> None:
        """Deliver one that waits; the correlator may die on the way, or its answer may get lost."""
        one = self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1)))
        if not self.deliver(one, dies=dies if dies < 6 else None, answered=answered):
            self.waiting.append(one)

    @precondition(lambda self: self.seen and not self.waiting)
    @rule(data=st.data())
    def repetition_changes_nothing(self, data: st.DataObject) -> None:
        self.broker_accepts()
        before, told = self.kept(), {key: set(revisions) for key, revisions in self.told.items()}
        self.deliver(data.draw(st.sampled_from(self.seen)))
        assert self.kept() == before
        assert {key: set(revisions) for key, revisions in self.told.items()} == told

    @rule(dies=st.integers(1, 12))
    def a_tick_comes(self, dies: int) -> None:
        self.tick(self.now, dies=dies if dies < 9 else None)

    @rule()
    def the_broker_refuses(self) -> None:
        self.sink.broken = True

    @rule()
    def broker_accepts(self) -> None:
        self.sink.broken = False
        self.tick(self.now)

    @rule()
    def all_is_told_as_the_oracle_says(self) -> None:
        self.all_arrive()
        self.broker_accepts()
        for pause in (LATENESS + 1, SETTLE):  # then nothing is held back any more
            self.now += int(pause)
            self.tick(self.now)
        current = [revisions[max(revisions)] for revisions in self.told.values()]
        found: dict[str, list[tuple[str, int, str, bool]]] = {}
        for one in current:
            found.setdefault(one.problem_key, []).append((one.state, one.count, one.severity, one.ticket))
        wanted = oracle([one.seen for one in self.seen], end=self.now, reopen=REOPEN)
        assert {key: sorted(rows) for key, rows in found.items()} == wanted
        open_now = Counter(one.problem_key for one in current if one.state == "open")
        assert all(number == 1 for number in open_now.values()), "never two open episodes for one problem"

    @invariant()
    def a_revision_only_grows_and_means_one_thing(self) -> None:
        for one in self.kept():
            assert one.revision >= self.revisions.get(one.id, 1)
            self.revisions[one.id] = one.revision

    @invariant()
    def severity_never_falls_and_an_end_follows_a_problem(self) -> None:
        """F57: an episode's severity falls before it ends, Trigger filters on severity | resolved still passes."""
        for revisions in self.told.values():
            grave = [SEVERITIES.index(revisions[number].severity) for number in sorted(revisions)]
            assert grave == sorted(grave, reverse=True)
            for one in revisions.values():
                assert one.state == "open" or (one.revision > 1 and one.resolved and one.resolved >= one.started)

    def teardown(self) -> None:
        try:
            self.all_is_told_as_the_oracle_says()
        finally:
            self.loop.run_until_complete(self.function.stop())
            self.loop.close()

    def observe(self, one: Sent, *, late: bool) -> None:
        self.seen.append(one)
        if late or not self.deliver(one):
            self.waiting.append(one)

    def all_arrive(self) -> None:
        self.sink.broken = False
        waiting, self.waiting = self.waiting, []
        for one in waiting:
            assert self.deliver(one)

    def deliver(self, one: Sent, *, dies: int | None = None, answered: bool = True) -> bool:
        """Send one as the broker does; False where it has to send it again."""
        return self.handle(one.event, dies, answered=answered) and answered

    def tick(self, at: float, *, dies: int | None = None) -> None:
        self.handle(CloudEvent("t", "tick", TICK, time=datetime.fromtimestamp(START + at, UTC)), dies)

    def handle(self, event: CloudEvent, dies: int | None, *, answered: bool = True) -> bool:
        self.store.left = dies
        try:
            call = Call(self.loop.time() + 10)
            result = self.loop.run_until_complete(self.function.handle(event, call))
        except asyncio.CancelledError:
            result = None
            self.function = self.build()
        self.store.left = None
        for published in self.sink.events[self.read :]:
            self.tell(published)
        self.read = len(self.sink.events)
        if answered and result is not None and result.reply is not None:
            self.tell(result.reply)
        return result is not None and not isinstance(result.outcome, Retry)

    def tell(self, event: CloudEvent) -> None:
        one = Episode.model_validate(event.data)
        known = self.told.setdefault(one.id, {}).setdefault(one.revision, one)
        assert (known.state, known.severity, known.ticket) == (one.state, one.severity, one.ticket)

    def kept(self) -> tuple[Episode, ...]:
        return tuple(self.loop.run_until_complete(browse.listing(self.store)).episodes)


TestCorrelating = Correlating.TestCase
TestCorrelating.settings = profile(60, 30)


def test_a_lost_answer_is_told_again_though_an_older_snapshot_of_the_episode_still_waits() -> None:
    """What the machine found: the count that asks for a ticket was never told again."""

    async def work(rig: Rig) -> None:
        await rig.send(recovery(5, "image"))
        await rig.send(problem(0, "image", ticket_after=2))  # over already: its end waits in the outbox
        lost = told(await rig.send(problem(0, "image", 2, ticket_after=2)))
        assert (lost.revision, lost.ticket) == (3, True)
        assert told(await rig.send(problem(0, "image", 2, ticket_after=2))) == lost

    play(work)
