"""`tidings replay` and `publish` from real buses to Splunk's stand-in, as a user or a CronJob runs them."""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from shared.bus.protocol import Topic
from shared.bus.topology import KUBERNETES, LETTERS, SECURITY, wanted
from shared.cli.commands import build
from shared.cli.replaying import Wanted
from shared.cli.replaying import run as replay
from shared.events.cloudevent import CloudEvent
from shared.local.standins import splunk
from shared.local.standins.faults import Rule
from shared.local.standins.splunk import Splunk
from shared.runtime.replay import PAUSES, Replay
from shared.runtime.replay_source import Span, of_group
from shared.runtime.replay_target import opened
from tests.support.buses.registry import RIGS
from tests.support.buses.use import publish, run
from tests.support.functions import environment
from tests.support.records import classified, classified_event
from tests.support.servers import serve
from tests.support.sinks import Sink

PUBLISH = Path(sys.executable).with_name("publish")
TIDINGS = Path(sys.executable).with_name("tidings")
APP = build(["replay"])


@dataclass
class Place:
    """A bus of its own with the topics of Tidings, and a collector; `folder` is where commands run."""

    rig: Any
    app: Splunk
    url: str
    folder: Path

    def settings(self) -> dict[str, str]:
        token = splunk.TOKENS[0].value
        ours = {"SPLUNK_HEC_URL": self.url, "SPLUNK_TOKEN": token, "COLUMNS": "200"}
        return environment({**self.rig.environment(), **ours})

    def run(self, *arguments: str, program: Path = TIDINGS) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(program), *arguments],
            cwd=self.folder,
            env=self.settings(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def invoke(self, *arguments: str) -> Any:
        """Run `tidings replay` in this process: most of what a process takes is its start."""
        return CliRunner().invoke(APP, ["replay", *arguments], env=self.settings())

    def outcomes(self, *arguments: str, code: int = 0) -> dict[str, int]:
        options = ("--source", self.rig.name, "--target", "splunk", "--output", "json")
        ended = self.invoke(*options, *arguments)
        assert ended.exit_code == code, ended.output
        found: dict[str, int] = json.loads(ended.stdout)["outcomes"]
        return found

    def publish(self, events: Sequence[CloudEvent], topic: str = KUBERNETES) -> None:
        async def work() -> None:
            bus = self.rig.bus()
            await publish(bus, topic, events)
            await bus.close()

        run(work())


@contextmanager
def placed(name: str, folder: Path) -> Iterator[Place]:
    (folder / name).mkdir()
    app = splunk.new_app()
    with RIGS[name](folder / name) as rig, serve(app) as url:

        async def work() -> None:
            bus = rig.bus()
            for topic in wanted(1):
                await bus.ensure(Topic(topic.name, partitions=2))
            await bus.close()

        run(work())
        yield Place(rig, app, url, folder)
    app.close()


@pytest.fixture(params=["embedded", "nats"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with placed(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Place]:
    with placed("embedded", tmp_path) as made:
        yield made


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[Place]:
    with placed("nats", tmp_path) as made:
        yield made


def events(first: int, end: int, **extensions: str) -> list[CloudEvent]:
    made = [classified_event(classified(f"id-{number}")) for number in range(first, end)]
    return [one.with_extensions(category="infrastructure", severity="high", **extensions) for one in made]


def names(first: int, end: int) -> list[str]:
    return sorted(f"id-{number}" for number in range(first, end))


def test_the_cronjobs_command_sends_all_once_and_a_second_run_only_what_is_new(nats: Place) -> None:
    command = ("--source=nats", "--target=splunk")
    nats.publish(events(0, 1200))
    first = nats.run(*command, program=PUBLISH)
    assert first.returncode == 0, first.stderr
    assert "1200" in first.stdout
    assert sorted(nats.app.event_ids()) == names(0, 1200)
    second = nats.run(*command, program=PUBLISH)
    assert (second.returncode, nats.app.count()) == (0, 1200), second.stderr
    assert second.stdout == "there was nothing to hand over\n"
    nats.publish(events(1200, 1210))
    assert nats.run(*command, program=PUBLISH).returncode == 0
    assert sorted(nats.app.event_ids()) == names(0, 1210)


def test_a_group_goes_on_where_it_ended_and_another_one_begins_anew(place: Place) -> None:
    place.publish(events(0, 30))
    assert place.outcomes("--group", "a") == {"done": 30}
    assert place.outcomes("--group", "a") == {}
    assert place.outcomes("--group", "b") == {"done": 30}


def test_a_span_is_read_each_time_and_with_a_checkpoint_once(place: Place) -> None:
    place.publish(events(0, 5))
    time.sleep(1.1)
    middle = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    time.sleep(1.1)
    place.publish(events(5, 12))
    assert place.outcomes("--from", middle) == {"done": 7}
    assert place.outcomes("--from", middle) == {"done": 7}
    assert place.outcomes("--to", middle) == {"done": 5}
    assert place.outcomes("--from", "1h") == {"done": 12}
    assert place.outcomes("--to", middle, "--checkpoint", str(place.folder / "kept.json")) == {"done": 5}
    assert place.outcomes("--checkpoint", str(place.folder / "kept.json")) == {"done": 7}
    assert place.outcomes("--checkpoint", str(place.folder / "kept.json")) == {}


@pytest.mark.parametrize(
    "text",
    [
        '{"exact": {"severity": "critical"}}',
        '[{"prefix": {"severity": "crit"}}, {"not": {"exact": {"namespace": "x"}}}]',
        "severity = 'critical'",
    ],
)
def test_the_triggers_filter_language_chooses(embedded: Place, text: str) -> None:
    embedded.publish(events(0, 4) + [one.with_extensions(severity="critical") for one in events(4, 7)])
    assert embedded.outcomes("--from", "1h", "--filter", text) == {"done": 3, "passed_over": 4}
    assert sorted(embedded.app.event_ids()) == names(4, 7)


def test_a_dry_run_says_how_many_and_sends_nothing(place: Place) -> None:
    place.publish(events(0, 9))
    for options, expected in (((), 9), (("--from", "1h", "--filter", "severity = 'low'"), 0)):
        source = ("--source", place.rig.name, "--target", "splunk")
        ended = place.invoke(*source, "--dry-run", *options, "--output", "json")
        counts = {row["topic"]: row["events"] for row in json.loads(ended.stdout)}
        assert counts[KUBERNETES] == expected
    assert place.app.count() == 0
    assert place.outcomes() == {"done": 9}


def test_what_is_rejected_is_listed_with_its_reason_and_ends_with_1(place: Place) -> None:
    broken = CloudEvent("b-1", "tests", "dev.tidings.infrastructure.v1", data={"observation": 1})
    other = CloudEvent("o-1", "tests", "dev.tidings.problem.opened.v1", data={})
    place.publish([*events(0, 3), broken, other])
    options = ("--source", place.rig.name, "--target", "splunk")
    ended = place.invoke(*options)
    assert ended.exit_code == 1
    assert "b-1: decode: the data is not a classified observation" in ended.stderr
    assert place.app.count() == 3
    assert place.outcomes() == {}


def test_the_same_event_in_a_topic_twice_is_one_record_where_the_run_can_tell(embedded: Place) -> None:
    copies = [one._replace(id=f"other-{one.id}") for one in events(0, 5)]
    embedded.publish([*events(0, 5), *copies])
    assert embedded.outcomes() == {"done": 5, "duplicate": 5}
    assert sorted(embedded.app.event_ids()) == names(0, 5)


def test_a_destination_that_is_down_ends_the_run_and_the_next_one_goes_on(embedded: Place) -> None:
    embedded.publish(events(0, 20))
    embedded.app.faults.add(Rule(do="status", status=503, count=0))
    process = subprocess.Popen(
        [str(TIDINGS), "replay", "--source", "embedded", "--target", "splunk", "--output", "json"],
        cwd=embedded.folder,
        env=embedded.settings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 60
    while not embedded.app.faults.count(operation="event") and time.monotonic() < until:
        time.sleep(0.02)
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert "run it again to go on" in err
    assert json.loads(out)["outcomes"].keys() == {"not_now"}
    embedded.app.faults.clear()
    assert embedded.outcomes() == {"done": 20}


def test_killed_in_the_middle_and_run_again_nothing_is_lost(place: Place) -> None:
    place.publish(events(0, 400))
    options = [
        "--source",
        place.rig.name,
        "--target",
        "splunk",
        "--rate",
        "100",
        "--checkpoint",
        str(place.folder / "kept.json"),
    ]
    process = subprocess.Popen([str(TIDINGS), "replay", *options], cwd=place.folder, env=place.settings())
    until = time.monotonic() + 60
    while place.app.count() < 150 and time.monotonic() < until:
        time.sleep(0.02)
    process.kill()
    process.wait(10)
    before = place.app.count()
    assert 150 <= before < 400
    sent = place.outcomes("--checkpoint", str(place.folder / "kept.json"))["done"]
    assert set(place.app.event_ids()) == set(names(0, 400))
    assert 400 - before <= sent <= 400 - before + 150, "what was sent within the last second comes again, and no more"


def test_a_group_that_was_killed_in_the_middle_loses_nothing(nats: Place) -> None:
    nats.publish(events(0, 400))
    options = ["--source", "nats", "--target", "splunk", "--rate", "100", "--group", "g"]
    process = subprocess.Popen([str(TIDINGS), "replay", *options], cwd=nats.folder, env=nats.settings())
    until = time.monotonic() + 60
    while nats.app.count() < 150 and time.monotonic() < until:
        time.sleep(0.02)
    process.kill()
    process.wait(10)
    before = nats.app.count()

    async def rest() -> int:
        bus = nats.rig.bus()  # which gives a killed consumer's events again after 2 seconds, not after 60
        stop = asyncio.Event()
        async with opened("splunk", nats.settings()) as hand:
            replay = Replay(hand, passes=lambda _: True, at_once=512, stop=stop)
            await replay.run(of_group(bus, KUBERNETES, "g", at_once=512, stop=stop, expect=lambda _: None))
        await bus.close()
        return replay.tally.outcomes["done"]

    sent = run(rest())
    assert set(nats.app.event_ids()) == set(names(0, 400))
    assert 400 - before <= sent <= 400 - before + 20, "what was sent and not acknowledged comes again, and no more"


def test_progress_tells_how_many_there_are_in_all_topics(embedded: Place) -> None:
    embedded.publish(events(0, 10))
    embedded.publish(events(10, 20), SECURITY)
    shown: list[str] = []
    asked = Wanted("embedded", "splunk", (KUBERNETES, SECURITY), Span(), "all", None, lambda _: True, rate=8.0)
    tally = run(replay(asked, embedded.settings(), shown.append))
    assert tally.outcomes == {"done": 20}
    assert shown
    assert all(re.fullmatch(r"\d+ of 20 events, 0 rejected", one) for one in shown)


def test_a_checkpoint_that_cannot_be_written_ends_a_run_before_it_sends_anything(embedded: Place) -> None:
    embedded.publish(events(0, 3))
    ended = embedded.invoke("--source", "embedded", "--target", "splunk", "--checkpoint", "nowhere/kept.json")
    assert (ended.exit_code, embedded.app.count()) == (1, 0)
    assert "nowhere/kept.json.new cannot be written" in ended.stderr


def test_dead_letters_go_out_as_the_events_that_they_were(embedded: Place) -> None:
    letters = [
        one.with_extensions(knativeerrordest="splunk", knativeerrorcode="422", stage="mapping") for one in events(0, 3)
    ]
    embedded.publish(letters, LETTERS)
    ended = embedded.invoke("--source", "dead-letters", "--target", "splunk", "--output", "json")
    assert json.loads(ended.stdout)["outcomes"] == {"done": 3}, ended.stderr
    assert sorted(embedded.app.event_ids()) == names(0, 3)


def test_dead_letters_go_to_the_broker_and_what_it_refuses_for_good_is_rejected(
    embedded: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = Sink(status=lambda one: 400 if one.id == "c-id-2" else 202)
    embedded.publish([one.with_extensions(knativeerrordest="splunk") for one in events(0, 3)], LETTERS)
    with serve(sink) as url:
        monkeypatch.setenv("K_SINK", url)
        ended = embedded.invoke("--source", "dead-letters", "--target", "broker", "--output", "json")
    found = json.loads(ended.stdout)
    assert (ended.exit_code, found["outcomes"]) == (1, {"done": 2, "rejected": 1})
    assert [(one["event"], one["reason"]) for one in found["rejected"]] == [("c-id-2", "invalid")]
    again = [one.with_extensions(tidingsretry="1") for one in events(0, 2)]
    assert sorted(sink.got, key=lambda one: one.id) == again, "the same events, with the same identity"
    ended = embedded.invoke("--source", "dead-letters", "--target", "splunk", "--output", "json")
    found = json.loads(ended.stdout)["outcomes"]
    assert found == {"done": 1}, "whoever took two of them, they are done with; and no mark is handed over"


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("--source", "pigeons", "--target", "splunk"), 2, "there is no pigeons"),
        (("--source", "embedded", "--target", "pigeons"), 2, "there is no pigeons"),
        (("--source", "embedded", "--target", "embedded"), 2, "is there already"),
        (("--source", "nats", "--target", "splunk", "--group", "a.b"), 2, "'a.b' is no group of nats: it has letters"),
        (("--source", "kafka", "--target", "splunk", "--topics", "a,>"), 2, "'>' is no topic of kafka"),
        (("--source", "dead-letters", "--target", "splunk", "--topics", "a\tb"), 2, "is no topic of a bus"),
        (("--source", "embedded", "--target", "splunk", "--from", "noon"), 2, "is no time"),
        (("--source", "archive", "--at", "nowhere", "--target", "splunk"), 1, "there is no archive at nowhere"),
        (("--source", "embedded", "--target", "splunk", "--from", "1h", "--to", "2h"), 2, "it is not before --to"),
        (("--source", "embedded", "--target", "splunk", "--filter", "severity ="), 2, "--filter"),
        (("--source", "embedded", "--target", "splunk", "--filter", '{"exakt": {}}'), 2, "exact"),
        (("--source", "embedded", "--target", "splunk", "--filter", "severty = 'high'"), 2, 'did you mean "severity"?'),
        (("--source", "embedded", "--target", "splunk", "--filter", "severity = 'High'"), 2, 'did you mean "high"?'),
        (("--source", "embedded", "--target", "splunk", "--group", "g", "--from", "1h"), 2, "--group"),
        (("--source", "embedded", "--target", "splunk", "--topics", "nothing"), 1, "there is no topic nothing"),
        (("--source", "embedded", "--target", "qradar"), 1, "QRADAR_ADDRESS"),
        (("--source", "embedded", "--target", "broker"), 1, "K_SINK"),
        (("--source", "nats", "--target", "splunk"), 1, "NATS_URL"),
    ],
)
def test_what_cannot_work_is_said_in_a_sentence(
    embedded: Place, arguments: tuple[str, ...], code: int, text: str
) -> None:
    ended = embedded.invoke(*arguments)
    assert (ended.exit_code, text in ended.stderr) == (code, True), ended.output


def test_a_token_that_is_refused_ends_the_run_without_waiting(embedded: Place) -> None:
    embedded.publish(events(0, 5))
    options = ("--source", "embedded", "--target", "splunk")
    began = time.monotonic()
    ended = CliRunner().invoke(APP, ["replay", *options], env={**embedded.settings(), "SPLUNK_TOKEN": "wrong"})
    took = time.monotonic() - began
    assert ended.exit_code == 1
    assert "tidings doctor says which" in ended.stderr
    assert took < sum(PAUSES), "so long it waits where the destination is only away"
    assert embedded.outcomes() == {"done": 5}
