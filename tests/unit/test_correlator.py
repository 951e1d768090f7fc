"""The correlator as a function: observations and ticks in, replies and posts out."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.correlator.handler import new
from shared.episodes import browse
from shared.events.cloudevent import TICK, CloudEvent
from shared.events.episode import Episode
from shared.events.identity import event_identity, object_identity, problem_key
from shared.events.model import Classified, ObjectRef, Observation, Verdict
from shared.events.outcome import Done, Duplicate, Ignored, Rejected, Retry
from shared.runtime.function import Call, Function, Result
from shared.settings.environment import SettingsError
from shared.stores.memory import MemoryStore
from shared.telemetry.metrics import Metrics

START = datetime(2026, 9, 1, 12, tzinfo=UTC)
POD = ObjectRef(kind="Pod", namespace="shop", name="web-0")


class Sink:
    """A publisher that keeps what it accepted, and refuses while `broken`."""

    def __init__(self) -> None:
        self.events: list[CloudEvent] = []
        self.broken = False

    async def publish(self, event: CloudEvent) -> bool:
        await asyncio.sleep(0)
        if not self.broken:
            self.events.append(event)
        return not self.broken


class Rig:
    """One correlator on a memory store, and what it sent."""

    def __init__(self, **environ: str) -> None:
        self.store = MemoryStore()
        self.sink = Sink()
        self.metrics = Metrics()
        self.environ = environ
        self.function = self.build()

    def build(self) -> Function:
        return new(self.environ, self.metrics, store=self.store, publisher=self.sink)

    async def send(self, classified: Classified) -> Result:
        data = classified.model_dump(mode="json")
        event = CloudEvent(
            "1", "tidings/classifier", "dev.tidings.infrastructure.v1",
            extensions={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}, data=data,
        )  # fmt: skip
        return await self.function.handle(event, Call(asyncio.get_running_loop().time() + 10))

    async def tick(self, seconds: float) -> Result:
        event = CloudEvent("t", "tick", TICK, time=START + timedelta(seconds=seconds))
        return await self.function.handle(event, Call(asyncio.get_running_loop().time() + 10))

    async def due(self) -> list[str]:
        return [entry.key async for entry in self.store.scan("due.")]


def problem(seconds: float = 0, condition: str = "crash-loop", count: int = 1, **changes: Any) -> Classified:
    at = START + timedelta(seconds=seconds)
    observation = {
        "identity": event_identity("c", condition, count), "dialect": "kubernetes-event", "cluster": "c", "object": POD,
        "reason": "BackOff", "message": "back-off restarting", "time": at, "received": at, "count": count,
        "source_uid": condition,
    }  # fmt: skip
    verdict = {
        "category": "infrastructure", "subcategory": "pod", "severity": "high", "phase": "problem",
        "condition": condition, "problem_key": problem_key("c", POD, condition), "ticket_after": 1, "rule": "r",
    }  # fmt: skip
    for name, value in changes.items():
        (observation if name in Observation.model_fields else verdict)[name] = value
    return Classified(observation=Observation.model_validate(observation), verdict=Verdict.model_validate(verdict))


def recovery(seconds: float, *ends: str, **changes: Any) -> Classified:
    at = START + timedelta(seconds=seconds)
    observation = {
        "identity": event_identity("c", f"fine{ends}", int(seconds) + 1), "dialect": "kubernetes-event",
        "cluster": "c", "object": POD, "reason": "Started", "time": at, "received": at,
    }  # fmt: skip
    verdict = {
        "category": "infrastructure", "subcategory": "pod", "severity": "info", "phase": "recovery", "ends": ends,
        "rule": "r",
    }  # fmt: skip
    for name, value in changes.items():
        (observation if name in Observation.model_fields else verdict)[name] = value
    return Classified(observation=Observation.model_validate(observation), verdict=Verdict.model_validate(verdict))


def play(work: Callable[[Rig], Awaitable[None]], **environ: str) -> None:
    async def inside() -> None:
        rig = Rig(**environ)
        await rig.function.start()
        await work(rig)
        await rig.function.stop()

    asyncio.run(inside())


def told(result: Result) -> Episode:
    assert result.reply is not None
    return Episode.model_validate(result.reply.data)


def test_a_problem_is_answered_with_its_opened_episode() -> None:
    async def work(rig: Rig) -> None:
        result = await rig.send(problem())
        assert result.outcome == Done()
        reply = result.reply
        assert reply is not None
        episode = told(result)
        assert (reply.type, reply.source) == ("dev.tidings.problem.opened.v1", "tidings/correlator")
        assert reply.id == f"{episode.id}.1"
        assert reply.subject == "Pod/shop/web-0"
        wanted = {"cluster", "category", "subcategory", "severity", "phase", "reason", "kind", "namespace", "name"}
        assert wanted | {"problemkey", "partitionkey", "traceparent"} <= set(reply.extensions)
        assert all(reply.extensions.values())
        assert reply.extensions["traceparent"].startswith(f"00-{'a' * 32}-")
        assert (episode.state, episode.count, episode.severity, episode.ticket) == ("open", 1, "high", True)
        assert episode.started == START
        assert rig.metrics.value("tidings_episodes_total", transition="opened") == 1

    play(work)


def test_f22_the_same_observation_again_is_a_duplicate_and_the_snapshot_is_sent_again() -> None:
    """F22: same object change with new CE id (source restart/HA) | same identity -> Duplicate."""

    async def work(rig: Rig) -> None:
        first = await rig.send(problem())
        rig.function = rig.build()  # a restart in between
        second = await rig.send(problem())
        assert second.outcome == Duplicate()
        assert second.reply is not None
        assert first.reply is not None
        assert (second.reply.id, second.reply.type) == (first.reply.id, first.reply.type)
        assert told(second) == told(first)

    play(work)


def test_f25_a_series_from_1_to_50_is_one_episode_with_count_50() -> None:
    """F25: Event series count 1->50 | updates one ticket, no 50 tickets."""

    async def work(rig: Rig) -> None:
        replies = [told(await rig.send(problem(count * 10, count=count))) for count in range(1, 51)]
        assert len({episode.id for episode in replies}) == 1
        assert [episode.revision for episode in replies] == list(range(1, 51))
        assert replies[-1].count == 50
        assert len(replies[-1].history) == 10
        assert [line.count for line in replies[-1].history] == list(range(41, 51))

    play(work)


def test_a_recovery_resolves_and_a_return_reopens_the_same_episode() -> None:
    async def work(rig: Rig) -> None:
        opened = told(await rig.send(problem(0)))
        resolved = told(await rig.send(recovery(100, "crash-loop")))
        again = told(await rig.send(problem(200, count=2)))
        assert (resolved.id, resolved.state, resolved.transition) == (opened.id, "resolved", "resolved")
        assert resolved.ended_by == "Started"
        assert resolved.resolved == START + timedelta(seconds=100)
        assert (again.id, again.transition, again.reopened, again.revision) == (opened.id, "reopened", 1, 3)

    play(work)


def test_beyond_the_window_for_reopening_it_is_a_new_episode() -> None:
    async def work(rig: Rig) -> None:
        opened = told(await rig.send(problem(0)))
        await rig.send(recovery(100, "crash-loop"))
        fresh = told(await rig.send(problem(100 + 301 + 61, count=7)))
        assert fresh.id != opened.id
        assert (fresh.transition, fresh.revision, fresh.reopened) == ("opened", 1, 0)

    play(work, CORRELATOR_REOPEN_WITHIN="300")


def test_a_hold_waits_for_silence_and_the_tick_resolves_once() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(problem(0, hold=600))
        assert (await rig.send(recovery(100, "crash-loop"))).reply is None
        await rig.tick(699)
        assert rig.sink.events == []
        for _ in range(3):
            assert (await rig.tick(701)).outcome == Done()
        assert [event.type for event in rig.sink.events] == ["dev.tidings.problem.resolved.v1"]
        assert await rig.due() == []

    play(work)


def test_what_is_not_repeated_expires() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(problem(0, expires=3600))
        await rig.send(problem(3000, count=2, expires=3600))
        await rig.tick(3601)
        assert rig.sink.events == []
        await rig.tick(6601)
        (event,) = rig.sink.events
        assert event.data["ended_by"] == "expired"
        assert await rig.due() == []

    play(work)


def test_due_work_waits_in_the_outbox_while_the_broker_refuses() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(problem(0, expires=60))
        rig.sink.broken = True
        assert isinstance((await rig.tick(100)).outcome, Retry)
        assert isinstance((await rig.tick(110)).outcome, Retry)
        rig.sink.broken = False
        assert (await rig.tick(120)).outcome == Done()
        assert [event.type for event in rig.sink.events] == ["dev.tidings.problem.resolved.v1"]
        await rig.tick(130)
        assert len(rig.sink.events) == 1
        assert await rig.due() == []

    play(work)


def test_a_recovery_that_ends_several_posts_each_and_a_lost_post_comes_again() -> None:
    async def work(rig: Rig) -> None:
        for condition in ("crash-loop", "image", "probe"):
            await rig.send(problem(0, condition))
        rig.sink.broken = True
        assert isinstance((await rig.send(recovery(50, "*"))).outcome, Retry)
        rig.sink.broken = False
        assert (await rig.send(recovery(50, "*"))).outcome == Duplicate()
        assert len(rig.sink.events) == 3
        assert {event.data["state"] for event in rig.sink.events} == {"resolved"}
        assert [episode.state for episode in (await browse.listing(rig.store)).episodes] == ["resolved"] * 3

    play(work)


def test_f24_an_end_before_its_problem_opens_and_resolves() -> None:
    """F24: delete before add | closes/ignores, no crash."""

    async def work(rig: Rig) -> None:
        assert isinstance((await rig.send(recovery(60, "*"))).outcome, Ignored)
        assert (await rig.send(problem(10))).outcome == Done()
        assert [event.data["transition"] for event in rig.sink.events] == ["opened"]
        await rig.tick(90)
        assert [event.data["transition"] for event in rig.sink.events] == ["opened", "resolved"]
        assert await rig.due() == []

    play(work)


def test_a_problem_covered_by_a_recovery_that_is_sent_twice_before_the_tick_stays_one_episode() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(recovery(60, "*"))
        rig.sink.broken = True
        assert isinstance((await rig.send(problem(10))).outcome, Retry)
        rig.sink.broken = False
        await rig.send(problem(10))
        await rig.tick(90)
        assert [event.data["revision"] for event in rig.sink.events] == [1, 2]

    play(work)


def test_f23_an_older_recovery_does_not_close() -> None:
    """F23: updates out of order | older update never overwrites newer."""

    async def work(rig: Rig) -> None:
        await rig.send(problem(100))
        assert (await rig.send(recovery(50, "crash-loop"))).reply is None
        await rig.tick(500)
        assert [episode.state for episode in (await browse.listing(rig.store)).episodes] == ["open"]

    play(work)


def test_a_recovery_of_one_part_leaves_the_other_parts_open() -> None:
    async def work(rig: Rig) -> None:
        for part in ("web", "sidecar"):
            key = problem_key("c", POD, "crash-loop", part)
            await rig.send(problem(0, part=part, problem_key=key, source_uid=part, identity=part))
        closed = told(await rig.send(recovery(10, "crash-loop", part="web")))
        assert closed.part == "web"
        states = {episode.part: episode.state for episode in (await browse.listing(rig.store)).episodes}
        assert states == {"web": "resolved", "sidecar": "open"}

    play(work)


def test_what_is_due_on_the_same_object_is_done_with_an_observation_and_survives_a_refusing_broker() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(problem(0, "image", expires=60))
        rig.sink.broken = True
        assert isinstance((await rig.send(problem(200, "probe"))).outcome, Retry)
        rig.sink.broken = False
        assert (await rig.send(problem(200, "probe"))).outcome == Duplicate()
        told_now = {(event.data["condition"], event.data["transition"]) for event in rig.sink.events}
        assert told_now == {("image", "resolved"), ("probe", "opened")}

    play(work)


def test_f57_severity_stays_at_its_highest() -> None:
    """F57: an episode's severity falls before it ends, Trigger filters on severity | resolved still passes."""

    async def work(rig: Rig) -> None:
        await rig.send(problem(0, severity="critical"))
        assert told(await rig.send(problem(10, count=2, severity="low"))).severity == "critical"
        reply = (await rig.send(recovery(20, "crash-loop"))).reply
        assert reply is not None
        assert reply.extensions["severity"] == "critical"

    play(work)


def test_a_ticket_is_deserved_from_the_threshold_on_and_for_ever() -> None:
    async def work(rig: Rig) -> None:
        tickets = [told(await rig.send(problem(n, count=n, ticket_after=3))).ticket for n in (1, 2, 3)]
        tickets.append(told(await rig.send(problem(4, count=4, ticket_after=0))).ticket)
        assert tickets == [False, False, True, True]

    play(work)


def test_a_time_in_1970_or_2300_is_shown_but_decides_nothing() -> None:
    async def work(rig: Rig) -> None:
        at = START + timedelta(seconds=5)
        late = told(await rig.send(problem(5, time=datetime(2300, 1, 1, tzinfo=UTC), received=at)))
        assert late.started.year == 2300
        assert told(await rig.send(recovery(50, "crash-loop"))).state == "resolved"
        early = told(await rig.send(problem(60, count=2, time=datetime(1970, 1, 1, tzinfo=UTC))))
        assert early.id == late.id
        assert early.transition == "reopened"

    play(work)


def test_old_observations_listed_again_with_a_new_time_of_sending_change_nothing() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(problem(0))
        await rig.send(recovery(10, "crash-loop"))
        late = START + timedelta(hours=1)
        assert (await rig.send(problem(0, received=late))).outcome == Duplicate()
        await rig.send(problem(3700, count=2))
        assert (await rig.send(recovery(10, "crash-loop", received=late + timedelta(hours=1)))).outcome == Duplicate()
        assert (await browse.listing(rig.store, browse.Filter(state="open"))).episodes

    play(work)


def test_a_namespaces_labels_travel_with_its_episodes() -> None:
    async def work(rig: Rig) -> None:
        thing = ObjectRef(kind="Namespace", name="shop")
        labels = {"tidings.dev/assignment-group": "Shop", "kubernetes.io/metadata.name": "shop", "team": "a"}
        seen = {"dialect": "apiserver-resource", "object": thing, "operation": "update", "reason": ""}
        newer = recovery(5, labels=labels, annotations={"tidings.dev/x": "1"}, **seen, phase="info")
        older = recovery(1, labels={"team": "old"}, **seen, phase="info")
        assert isinstance((await rig.send(newer)).outcome, Ignored)
        await rig.send(older)
        episode = told(await rig.send(problem(10)))
        assert episode.labels == {"tidings.dev/assignment-group": "Shop", "team": "a", "tidings.dev/x": "1"}

    play(work)


def test_object_changes_count_once_and_bring_no_new_revision() -> None:
    async def work(rig: Rig) -> None:
        for version in range(1, 6):
            identity = object_identity("c", "uid", str(version), deleted=False)
            seen = problem(version, operation="update", identity=identity, source_uid="uid", expires=100)
            episode = told(await rig.send(seen))
        assert (episode.count, episode.revision) == (1, 1)
        await rig.tick(104)
        assert rig.sink.events == []
        await rig.tick(105)
        assert len(rig.sink.events) == 1

    play(work)


@pytest.mark.parametrize("data", [None, [], "x", {}, {"observation": {}, "verdict": {}}])
def test_f27_malformed_data_is_rejected(data: Any) -> None:
    """F27: poison | 4xx once, straight to the dead letters."""

    async def work(rig: Rig) -> None:
        event = CloudEvent("1", "s", "dev.tidings.security.v1", data=data)
        result = await rig.function.handle(event, Call(asyncio.get_running_loop().time() + 1))
        assert isinstance(result.outcome, Rejected)
        assert result.outcome.stage == "decode"

    play(work)


def test_a_ping_of_a_pingsource_is_a_tick_and_one_without_a_time_is_rejected() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(problem(0, expires=60))
        ping = CloudEvent("p", "/apis/v1/namespaces/tidings/pingsources/tick", "dev.knative.sources.ping")
        call = Call(asyncio.get_running_loop().time() + 10)
        assert isinstance((await rig.function.handle(ping, call)).outcome, Rejected)
        timed = replace(ping, time=START + timedelta(seconds=90))
        assert (await rig.function.handle(timed, call)).outcome == Done()
        assert len(rig.sink.events) == 1

    play(work)


def test_a_store_that_was_given_stays_open() -> None:
    async def work(rig: Rig) -> None:
        await rig.function.stop()
        assert await rig.store.get("thing.x") is None

    play(work)


def test_what_neither_begins_nor_ends_anything_touches_no_store() -> None:
    async def work(rig: Rig) -> None:
        await rig.store.close()
        assert isinstance((await rig.send(recovery(0, phase="info"))).outcome, Ignored)

    play(work)


def test_f32_a_store_that_is_down_means_retry_and_not_ready() -> None:
    """F32: KV restart / partition | the correlator answers Retry; recovers by itself."""

    async def work(rig: Rig) -> None:
        assert rig.function.readiness().ready
        await rig.store.close()
        assert isinstance((await rig.send(problem())).outcome, Retry)
        assert isinstance((await rig.tick(1)).outcome, Retry)
        assert rig.function.readiness().problems == ("the store cannot be asked",)

    play(work)


def test_f40_many_replicas_and_one_key_lose_nothing() -> None:
    """F40: two replicas, same key, store CAS race | exactly one winner."""

    async def work(rig: Rig) -> None:
        functions = [rig.build() for _ in range(3)]

        async def send(number: int) -> Result:
            await asyncio.sleep(0)
            event = CloudEvent(
                "1", "s", "dev.tidings.infrastructure.v1",
                data=problem(number, source_uid=f"u{number}", identity=f"u{number}").model_dump(mode="json"),
            )  # fmt: skip
            return await functions[number % 3].handle(event, Call(asyncio.get_running_loop().time() + 10))

        results = await asyncio.gather(*(send(number) for number in range(30)))
        assert all(result.outcome == Done() for result in results)
        (episode,) = (await browse.listing(rig.store)).episodes
        assert (episode.count, episode.revision) == (30, 30)
        assert sorted(told(result).revision for result in results) == list(range(1, 31))

    play(work)


def test_a_record_of_a_newer_version_is_not_guessed_at() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(problem())
        async for entry in rig.store.scan("thing."):
            await rig.store.put(entry.key, b'{"v": 2}', expected=entry.revision)
        assert isinstance((await rig.send(problem(1, count=2))).outcome, Retry)
        assert (await browse.listing(rig.store)).unreadable == 1

    play(work)


def test_closing_by_hand_ends_at_once_and_the_next_tick_tells() -> None:
    async def work(rig: Rig) -> None:
        episode = told(await rig.send(problem(0, hold=600)))
        assert await browse.find(rig.store, episode.id) == episode
        closed = await browse.close_by_hand(rig.store, episode.id, START.timestamp() + 5)
        assert closed is not None
        assert (closed.state, closed.ended_by, closed.revision) == ("resolved", "closed by hand", 2)
        again = await browse.close_by_hand(rig.store, episode.id, START.timestamp() + 6)
        assert again is not None
        assert again.revision == 2
        await rig.tick(10)
        assert [event.data["ended_by"] for event in rig.sink.events] == ["closed by hand"]
        assert await browse.close_by_hand(rig.store, "nothing-1", 0) is None

    play(work)


def test_a_listing_filters_and_goes_on_at_its_cursor() -> None:
    async def work(rig: Rig) -> None:
        for number in range(7):
            thing = ObjectRef(kind="Pod", namespace="shop", name=f"web-{number}")
            key = problem_key("c", thing, "crash-loop")
            await rig.send(problem(number, object=thing, problem_key=key, identity=f"i{number}"))
        found: list[Episode] = []
        cursor = ""
        for _ in range(4):
            page = await browse.listing(rig.store, cursor=cursor, limit=2)
            found += page.episodes
            cursor = page.cursor
        assert cursor == ""
        assert len({episode.id for episode in found}) == 7
        assert (await browse.listing(rig.store, browse.Filter(namespace="other"))).episodes == ()

    play(work)


def test_settings_that_cannot_work_are_named() -> None:
    for environ in ({"STORE_URL": "etcd://x"}, {"CORRELATOR_REOPEN_WITHIN": "5"}):
        with pytest.raises(SettingsError, match=next(iter(environ))):
            new(environ, Metrics())
