"""The benchmark measures what it says: in turns, with warm-up, on events that are all new, and judged as wanted."""

import json
import time
from datetime import UTC, datetime
from itertools import islice
from xml.etree import ElementTree as ET

import pytest

from shared.events.cloudevent import TICK, CloudEvent
from shared.events.codec import decode
from shared.events.identity import event_identity
from shared.events.model import Classified
from shared.runtime.asgi import App, Receive, Scope, Send
from tests.bench.embedded import occurrences
from tests.bench.events import deployments, posts, raw, stream, templates, uid
from tests.bench.in_process import generated, observation, strange
from tests.bench.load import flat_out, steady
from tests.bench.measure import LEAST, MOST, Effort, Row, Wanted, in_turns, percentile, table
from tests.bench.observed import heard_again, observed, ticking
from tests.bench.page import as_table, between, steps_table
from tests.bench.parts import NAMES, part
from tests.bench.picture import draw
from tests.bench.steps import Step
from tests.support.servers import ROOT, serve


def test_both_sides_take_turns_after_a_warm_up() -> None:
    turns: list[str] = []

    def measured(name: str, value: float) -> float:
        turns.append(name)
        return value

    row = in_turns("x", "y", "ms", lambda: measured("a", 6.0), lambda: measured("b", 3.0), rounds=3)
    assert turns == ["a", "b", "a", "b", "b", "a", "a", "b"]
    assert row.ours == [6.0] * 3
    assert row.ratios == [2.0] * 3


def test_the_report_has_medians_spread_ratio_and_verdict() -> None:
    text = table([Row("ours", "theirs", "ms", [100.0, 110.0, 300.0], [50.0, 50.0, 50.0], Wanted(MOST, 2.0))])
    assert text.splitlines()[1].split("  ")[0] == "ours"
    assert "110 (100-300)" in text
    assert "2.20 (2.00-6.00)" in text
    assert "<= 2 x" in text
    assert "MISSED by 10 %" in text


@pytest.mark.parametrize(
    ("wanted", "verdict"),
    [
        (Wanted(MOST, 1.5), "met just"),
        (Wanted(MOST, 1.2), "MISSED by 25 %"),
        (Wanted(LEAST, 1.2), "met by 25 %"),
        (Wanted(LEAST, 2.0), "MISSED by 25 %"),
        (Wanted(MOST, 300, "ours"), "met by 50 %"),
        (None, ""),
    ],
)
def test_the_median_is_judged_and_not_the_best_turn(wanted: Wanted | None, verdict: str) -> None:
    row = Row("x", "y", "ms", [120.0, 150.0, 900.0], [100.0] * 3, wanted)
    assert row.verdict == verdict
    assert row.met == (verdict.startswith("met") if verdict else None)


def test_the_median_of_the_ratios_is_judged_and_not_the_ratio_of_the_medians() -> None:
    # The machine became twice as slow in the second turn; the ratio did not change.
    row = Row("x", "y", "ms", [100.0, 200.0, 100.0], [100.0, 200.0, 50.0], Wanted(MOST, 1.0))
    assert row.ratios == [1.0, 1.0, 2.0]
    assert row.met


def test_a_figure_without_baseline_has_no_ratio() -> None:
    row = Row("memory", "", "MiB", [140.0], (), Wanted(MOST, 150, "ours"))
    assert row.cells() == ("memory", "MiB", "140", "-", "-", "<= 150 MiB", "met by 7 %", "-")


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert percentile(values, 50) == 50
    assert percentile(values, 99) == 99
    assert percentile(values, 100) == 100
    assert percentile([7.0], 95) == 7
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)


def test_a_quick_run_takes_fewer_turns_and_less_time() -> None:
    assert (Effort().turns(9), Effort().seconds(60)) == (9, 60)
    assert (Effort(quick=True).turns(9), Effort(quick=True).seconds(60)) == (3, 20)
    assert Effort(quick=True).turns(3) == 3


def test_every_event_that_is_sent_is_new_and_real() -> None:
    sample = posts(1500, "m")
    events = [decode(headers, body) for headers, body in sample]
    assert all(isinstance(event, CloudEvent) for event in events)
    assert len({json.loads(body)["metadata"]["uid"] for _, body in sample}) == 1500
    assert len({headers["ce-id"] for headers, _ in sample}) == 1500


def test_time_goes_forward_in_what_is_sent_however_often_the_day_is_repeated() -> None:
    times = [headers["ce-time"] for headers, _ in posts(1500, "m")]
    assert times == sorted(times)
    assert times[0] < times[-1] <= datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_an_event_of_a_stream_happens_when_it_is_asked_for() -> None:
    requests = stream("s3")
    first = next(requests)
    time.sleep(1.1)
    later = next(requests)
    assert _time(first) < _time(later)
    assert _time(later).encode() in later.partition(b"\r\n\r\n")[2], "the Event itself says so, too"
    assert b"9999" not in later


def _time(request: bytes) -> str:
    return request.partition(b"ce-time: ")[2].partition(b"\r\n")[0].decode()


def test_a_stream_sends_what_its_length_says_and_knows_the_identity_of_each() -> None:
    kept = templates()
    for number, request in enumerate(islice(stream("s1"), len(kept) + 3)):
        head, _, body = request.partition(b"\r\n\r\n")
        lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        assert int(lines.pop("content-length")) == len(body)
        seen = observation((lines, body), observation_time())
        cluster = kept[number % len(kept)][0]["ce-cluster"]
        assert seen.identity == event_identity(cluster, uid("s1", number), occurrences(number))


def observation_time() -> datetime:
    return datetime.now(UTC)


def test_the_deployment_holds_secrets_that_are_masked() -> None:
    seen = observation(deployments(1)[0], observation_time())
    assert seen.object.kind == "Deployment"
    assert len(seen.masked) >= 6  # two containers with three secrets each
    assert "s3cr3t" not in str(seen.original)


def test_generated_rules_match_and_strange_events_match_nothing() -> None:
    rules = generated(100)
    seen = observation(posts(1)[0], observation_time())
    assert len(rules) == 100
    assert rules.match(seen.model_copy(update={"reason": "Reason1"})) is not None
    assert rules.match(observation(strange(posts(1)[0], 7), observation_time())) is None


def always(status: int) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            while (await receive()).get("more_body"):
                pass
            body = b"{}" if status == 503 else b""
            headers = [(b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    return app


@pytest.mark.parametrize("status", [202, 503])
def test_the_load_generator_counts_each_answer_once(status: int) -> None:
    requests = [raw(*post) for post in posts(100)]
    with serve(always(status)) as url:
        load = flat_out(int(url.rsplit(":", 1)[1]), iter(requests), connections=4)
    assert load.statuses == {status: 100}
    assert load.rate > 0
    with pytest.raises(RuntimeError, match=str(status)):
        load.only(204)


def test_a_steady_load_is_as_long_as_it_should_be_and_waits_count_from_when_a_request_was_due() -> None:
    seen: list[int] = []
    with serve(always(202)) as url:
        load = steady(
            int(url.rsplit(":", 1)[1]),
            stream("s2"),
            rate=100,
            connections=2,
            seconds=0.5,
            looks=[(0.05, lambda: seen.append(1))],
        )
    assert load.statuses == {202: 50}
    assert len(load.waits) == len(load.due) == 50
    assert load.seconds >= 0.49
    assert load.due[-1] - load.due[0] == pytest.approx(0.49, abs=0.01)
    assert len(seen) >= 5


STEPS = [Step("reading", 10.0), Step("thinking & <writing>", 30.0)]


def test_the_picture_is_drawn_to_scale_and_names_each_step() -> None:
    drawn = ET.fromstring(draw([("one", STEPS), ("half", [Step("reading", 20.0)])]))  # noqa: S314 - our own
    words = [node.text for node in drawn.iter() if node.tag.endswith("text")]
    assert words[:3] == ["one: 40 µs of CPU time", "reading: 10 µs", "thinking & <writing>: 30 µs"]
    bars = [float(node.get("width", "0")) for node in drawn.iter() if node.get("height") == "34"]
    assert bars[1] == pytest.approx(3 * bars[0], abs=0.2)
    assert bars[2] == pytest.approx(2 * bars[0], abs=0.2)


def test_figures_go_between_their_markers_and_the_text_around_them_stays() -> None:
    page = "before\n<!-- measured: figures -->\nold\n<!-- end of figures -->\nafter\n"
    once = between(page, "figures", "new")
    assert once == "before\n<!-- measured: figures -->\nnew\n<!-- end of figures -->\nafter\n"
    assert between(once, "figures", "new") == once
    with pytest.raises(ValueError, match="measured: steps"):
        between(page, "steps", "new")


def test_the_page_has_the_markers_and_its_tables_are_markdown() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    for name in ("steps", "figures"):
        assert between(page, name, "x") != page
    assert (
        as_table([Row("a", "b", "ms", [2.0], [1.0])]).splitlines()[2] == "| a | ms | 2.00 | 1.00 | 2.00 | - | - | b |"
    )
    assert steps_table(STEPS).splitlines()[-1] == "| together | 40 | 100% |"


def test_each_part_that_is_named_is_there() -> None:
    assert {"start", "rss", "event", "explain", "judgement", "http", "up", "correlator"} <= set(NAMES)
    assert all(callable(part(name)) for name in NAMES)


def test_the_correlator_is_sent_what_the_classifier_replies_each_of_it_new_and_ticks_between() -> None:
    sent = [_taken(request) for request in ticking([*observed("b", 700), *heard_again("c", [3, 3])])]
    assert sent[0].type == TICK
    seen = [Classified.model_validate(event.data) for event in sent[1:]]
    assert len({one.observation.identity for one in seen}) == 702
    assert 0.2 < sum(one.verdict.phase == "problem" for one in seen) / len(seen) < 0.5
    assert seen[-1].verdict.problem_key == seen[-2].verdict.problem_key


def _taken(request: bytes) -> CloudEvent:
    head, _, body = request.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    event = decode(headers, body)
    assert isinstance(event, CloudEvent)
    return event
