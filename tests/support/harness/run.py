"""One conservation run: the stream undisturbed, then under fire; then the judge, and a fresh event."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.support.harness import watch
from tests.support.harness.judge import Arrived, Expected, cancelled, fields_by_key, judge, problem_of, repeats
from tests.support.harness.killer import Killer, Plan
from tests.support.harness.processes import BROKER, SMALL, Pace, Topology, running
from tests.support.harness.producer import Oracle, produce
from tests.support.harness.workload import Post, Problem, fresh, workload

_RESERVE = 10.0  # seconds of the whole that are kept for ending and judging


@dataclass(frozen=True, slots=True)
class Options:
    """`rate` in events a second, 0 without a limit; strikes go on for `trouble_seconds` at least.

    `within` seconds everything must be over; `fresh_within` a last event must have passed. `look` is the time between
    two looks at what is waited for.
    """

    events: int
    problems: int
    plan: Plan
    pace: Pace = SMALL
    rate: float = 0.0
    trouble_seconds: float = 0.0
    within: float = 90.0
    fresh_within: float = 10.0
    look: float = 0.5


@dataclass(slots=True)
class Report:
    """What a run was and what came of it; nothing in `wrong` means that everything was conserved.

    `untold` problems ended before ServiceNow could be told that they had begun.
    """

    seed: int
    events: int
    accepted: int = 0
    retries: int = 0
    strikes: Counter[str] = field(default_factory=Counter)
    records: int = 0
    repeats: int = 0
    problems: int = 0
    tickets: int = 0
    untold: int = 0
    cancelled: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return the report for people."""
        strikes = ", ".join(f"{what} {times}" for what, times in sorted(self.strikes.items()))
        return [
            f"seed {self.seed}: {self.events} events, {self.accepted} accepted, posted again {self.retries} times",
            f"{self.strikes.total()} strikes: {strikes}",
            f"SIEM: {self.records} records, {self.repeats} of them repeats",
            f"{self.problems} problems, {self.untold} of them over before ServiceNow could be told",
            f"{self.tickets} incidents, {self.cancelled} of them second ones that were cancelled",
            ", ".join(f"{what} {value:.1f} s" for what, value in self.seconds.items()),
            "conserved" if not self.wrong else "NOT CONSERVED: " + "; ".join(self.wrong),
        ]


def conserve(options: Options, folder: Path) -> Report:
    """Run it and return what came of it; all processes have ended."""
    run = _Run(options)
    reference = asyncio.run(run.undisturbed(Topology(folder / "undisturbed", Pace(), hosted=True)))
    if not run.report.wrong:  # or there is nothing to compare with
        asyncio.run(run.under_fire(Topology(folder / "under-fire", options.pace), reference))
    return run.report


class _Run:
    """The stream, the time that is left, and the report as it grows."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._stream = workload(options.plan.seed, options.events, options.problems, datetime.now(UTC))
        self._end = time.monotonic() + options.within - _RESERVE
        self.report = Report(options.plan.seed, options.events, problems=options.problems)

    async def undisturbed(self, topology: Topology) -> Expected:
        """Return what the stream gives where nothing goes wrong; the broker hosts all functions, as by default."""
        begun, oracle = time.monotonic(), Oracle()
        with running(topology):
            await self._start(topology)
            await self._post(topology, oracle, rate=0.0)
            await self._calm(topology)
            letters = await watch.dead_letters(topology)
        records, tickets = topology.records(), topology.tickets()
        expected = Expected(
            accepted=oracle.accepted,
            posted=self._stream.identities,
            problems=self._stream.problems,
            payloads={record.identity: record.content for record in records},
            fields=fields_by_key(self._stream.problems, tickets),
        )
        self.report.wrong += [f"undisturbed: {one}" for one in judge(expected, Arrived(records, tickets, letters))]
        self.report.seconds["undisturbed"] = time.monotonic() - begun
        return expected

    async def under_fire(self, topology: Topology, reference: Expected) -> None:
        """Post the same stream while everything is struck; then let it calm down, and judge."""
        begun, oracle, report = time.monotonic(), Oracle(), self.report
        with running(topology):
            await self._start(topology)
            killer = Killer(topology, self._options.plan)
            striking = asyncio.create_task(killer.run())
            await asyncio.gather(
                self._post(topology, oracle, self._options.rate), asyncio.sleep(self._options.trouble_seconds)
            )
            killer.stop()
            await striking
            report.seconds["posting under fire"] = time.monotonic() - begun
            begun = time.monotonic()
            await self._calm(topology)
            report.seconds["calming down"] = time.monotonic() - begun
            post, problem = await self._fresh(topology)
            letters = await watch.dead_letters(topology)
        records, tickets = topology.records(), topology.tickets()
        expected = Expected(oracle.accepted, oracle.posted, self._stream.problems, reference.payloads, reference.fields)
        report.wrong += [*oracle.unexpected, *killer.deaths, *topology.tracebacks()]
        ours = [ticket for ticket in tickets if problem_of(ticket) != problem.key]
        report.wrong += judge(
            expected, Arrived([one for one in records if one.identity != post.identity], ours, letters)
        )
        report.accepted, report.retries, report.strikes = len(oracle.accepted), oracle.retries, killer.done
        report.records, report.repeats = len(records), repeats(records)
        report.tickets, report.cancelled = len(ours), cancelled(ours)
        report.untold = len({one.key for one in self._stream.problems} - {problem_of(one) for one in ours})

    async def _start(self, topology: Topology) -> None:
        """Wait until everything listens that is spoken to. Raises RuntimeError with the logs where it does not."""
        if not await watch.until(lambda: watch.listening(topology), self._end, 0.1):
            raise RuntimeError(f"not everything listens: {topology.tracebacks()}")

    async def _post(self, topology: Topology, oracle: Oracle, rate: float) -> None:
        """Post the stream; its later part once every problem has its incident, so that none ends before it was told."""
        port, problems = topology.ports[BROKER], self._stream.problems
        try:
            async with asyncio.timeout(max(0.0, self._end - time.monotonic())):
                await produce(port, self._stream.posts, oracle, rate=rate)
                if not await watch.until(lambda: watch.told(topology, problems), self._end, self._options.look):
                    self.report.wrong.append("not every problem got its incident in time")
                await produce(port, self._stream.later, oracle, rate=rate)
        except TimeoutError:
            self.report.wrong.append("not everything was accepted in time")

    async def _calm(self, topology: Topology) -> None:
        """Wait until nothing moves any more; where that never comes, the judge will say what is wrong."""
        await watch.until(lambda: watch.calm(topology, self._stream.problems), self._end, self._options.look)

    async def _fresh(self, topology: Topology) -> tuple[Post, Problem]:
        """Post one more problem; it must become a SIEM record and an incident soon."""
        post, problem = fresh(self._options.plan.seed, self._options.events, datetime.now(UTC))
        begun, within = time.monotonic(), self._options.fresh_within
        try:
            async with asyncio.timeout(within):
                await produce(topology.ports[BROKER], [post], Oracle())
        except TimeoutError:
            self.report.wrong.append(f"a fresh event was not accepted within {within:.0f} s")
        if not await watch.until(lambda: watch.passed(topology, post, problem), begun + within):
            self.report.wrong.append(f"a fresh event did not pass within {within:.0f} s")
        self.report.seconds["fresh event"] = time.monotonic() - begun
        return post, problem
