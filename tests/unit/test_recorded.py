"""The recorded day is what a source would send, and what is expected of it agrees with it."""

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.events.cloudevent import CloudEvent
from shared.events.codec import decode
from shared.events.model import Observation
from shared.local.recorded import player
from shared.sources.registry import decode as observations

CE = ("specversion", "id", "source", "type", "subject", "time", "kind", "name", "namespace", "apiversion", "cluster")
HOLD = timedelta(minutes=10)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Sent:
    request: player.Request
    body: dict[str, Any]

    @property
    def operation(self) -> str:
        return self.request.headers["ce-type"].rpartition(".")[2]

    @property
    def about(self) -> str:
        """The object that it is about, as `Kind/namespace/name`."""
        meta = self.body["metadata"]
        of = self.body["involvedObject"] if self.body["kind"] == "Event" else {"kind": self.body["kind"], **meta}
        return "/".join(part for part in (of["kind"], of.get("namespace", ""), of["name"]) if part)

    @property
    def count(self) -> int:
        series = self.body.get("series") or {}
        return max(int(self.body.get("count") or 1), int(series.get("count", 1)))

    @property
    def path(self) -> str:
        return str(self.body["involvedObject"].get("fieldPath", ""))

    @property
    def moment(self) -> datetime:
        """When it happened by a right clock: the event's time unless that is far from the time of sending."""
        series = self.body.get("series") or {}
        text = series.get("lastObservedTime") or self.body["lastTimestamp"] or self.body["eventTime"]
        own = datetime.fromisoformat(text)
        return own if abs(own - self.request.time) < timedelta(minutes=5) else self.request.time


@pytest.fixture(scope="module")
def day() -> list[Sent]:
    return [Sent(request, json.loads(request.body)) for request in player.requests()]


@pytest.fixture(scope="module")
def events(day: list[Sent]) -> list[Sent]:
    return [sent for sent in day if sent.body["kind"] == "Event"]


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(player.EXPECTED.read_text(encoding="utf-8"))
    return content


def of(expected: dict[str, Any], closed_by: str = "") -> list[dict[str, Any]]:
    return [entry for entry in expected["problems"] if not closed_by or entry["closed_by"] == closed_by]


def at(expected: dict[str, Any], clock: str) -> datetime:
    return datetime.combine(expected["date"], time.fromisoformat(clock), tzinfo=UTC)


def near(left: datetime, right: datetime) -> bool:
    return abs(left - right) < timedelta(seconds=1.5)


def objects(entry: dict[str, Any]) -> set[str]:
    """The entry's object, and the other pods of its workload that share the problem."""
    stem, _, _ = entry["object"].rpartition("-")
    return {entry["object"], *(f"{stem}-{end}" for end in entry.get("pods", ()))}


def matching(events: list[Sent], entry: dict[str, Any], reasons: list[str]) -> list[Sent]:
    """Events of these reasons on the entry's object; of the same container where the problem is one of a container."""
    there = [sent for sent in events if sent.about in objects(entry)]
    wanted = f"spec.containers{{{entry.get('part')}}}"
    per_container = any(sent.body["reason"] in entry["reasons"] and sent.path == wanted for sent in there)
    return [sent for sent in there if sent.body["reason"] in reasons and (sent.path == wanted or not per_container)]


def occurrences(events: list[Sent], entry: dict[str, Any], expected: dict[str, Any]) -> list[Sent]:
    """The entry's events: of its reasons and object, first sends only, from its opening until its end."""
    opened = at(expected, entry["opened_at"])
    closed = datetime.max.replace(tzinfo=UTC) if entry["closed_by"] == "open" else at(expected, entry["closed_at"])
    found = matching(events, entry, entry["reasons"])
    found = [sent for sent in found if opened - timedelta(seconds=1) < sent.moment <= closed]
    if entry["closed_by"] in entry["reasons"]:
        found = found[:1]
    return [sent for sent in found if sent.operation != "delete"]


def test_the_day_has_at_least_400_events_of_at_least_60_reasons(events: list[Sent]) -> None:
    assert len(events) >= 400
    assert len({sent.body["reason"] for sent in events}) >= 60


def test_every_request_has_all_headers_that_the_source_sends(day: list[Sent]) -> None:
    for sent in day:
        headers = sent.request.headers
        assert [name for name in CE if f"ce-{name}" not in headers] == []
        assert headers["content-type"] == "application/json"
        assert headers["ce-specversion"] == "1.0"
        assert headers["ce-cluster"] == "prod-eu1"
        assert headers["ce-kind"] == sent.body["kind"]
        assert headers["ce-name"] == sent.body["metadata"]["name"]
        assert headers["ce-namespace"] == sent.body["metadata"].get("namespace", "")
        assert f"/namespaces/{headers['ce-namespace']}/" in headers["ce-subject"]


def test_cluster_scoped_objects_are_sent_with_an_empty_namespace_header(day: list[Sent]) -> None:
    assert {sent.request.headers["ce-namespace"] for sent in day if sent.body["kind"] in ("Node", "Namespace")} == {""}


def test_headers_have_the_names_of_the_real_recording(day: list[Sent], shared_data: Path) -> None:
    recording = list(player.requests(shared_data / "data" / "recorded" / "apiserversource-resource.jsonl"))
    assert recording
    assert {frozenset(sent.request.headers) for sent in day} == {frozenset(request.headers) for request in recording}


def test_events_have_no_member_that_the_real_recording_does_not_know(events: list[Sent], shared_data: Path) -> None:
    recording = player.requests(shared_data / "data" / "recorded" / "apiserversource-resource.jsonl")
    bodies = [json.loads(request.body) for request in recording]
    known = {member for body in bodies if body["kind"] == "Event" for member in body}
    assert {member for sent in events for member in sent.body} <= known


def test_the_same_day_is_played_each_time() -> None:
    assert list(player.requests()) == list(player.requests())


def test_no_id_is_used_twice(day: list[Sent]) -> None:
    ids = [sent.request.headers["ce-id"] for sent in day]
    assert len(set(ids)) == len(ids)


def test_times_of_sending_only_grow_and_are_what_ce_time_says(day: list[Sent]) -> None:
    times = [sent.request.time for sent in day]
    assert times == sorted(times)
    said = [datetime.fromisoformat(sent.request.headers["ce-time"]) for sent in day]
    assert all(abs(one - other) < timedelta(milliseconds=1) for one, other in zip(said, times, strict=True))


def test_repetitions_are_updates_of_one_event_with_a_growing_count(events: list[Sent]) -> None:
    counts: dict[str, set[int]] = defaultdict(set)
    for sent in events:
        counts[sent.body["metadata"]["uid"]].add(sent.count)
    assert sum(len(found) > 1 for found in counts.values()) > 30
    assert {sent.operation for sent in events if sent.count > 1} == {"update", "delete"}


def test_events_of_the_new_api_have_neither_count_nor_first_and_last_time(events: list[Sent]) -> None:
    series = [sent for sent in events if sent.body["eventTime"]]
    assert series
    for sent in series:
        assert sent.body.get("count") is None
        assert (sent.body["firstTimestamp"], sent.body["lastTimestamp"]) == (None, None)


def test_the_day_holds_the_awkward_cases(events: list[Sent]) -> None:
    """Expired Events, Events sent twice, late ones, skewed clocks and 1970: each at least once."""
    assert [sent for sent in events if sent.operation == "delete"]
    versions = [(sent.body["metadata"]["uid"], sent.body["metadata"]["resourceVersion"]) for sent in events]
    assert len(set(versions)) < len(versions)
    numbers = [int(sent.body["metadata"]["resourceVersion"]) for sent in events]
    assert numbers != sorted(numbers)
    years = {datetime.fromisoformat(sent.body["lastTimestamp"]).year for sent in events if sent.body["lastTimestamp"]}
    assert years == {1970, 2026}
    plain = [sent for sent in events if sent.body["lastTimestamp"] and sent.operation == "add"]
    lags = [sent.request.time - datetime.fromisoformat(sent.body["lastTimestamp"]) for sent in plain]
    assert [lag for lag in lags if timedelta(hours=3) <= lag < timedelta(hours=4)]


def test_nothing_of_a_secret_is_in_the_day(day: list[Sent]) -> None:
    assert "Secret" not in {sent.body["kind"] for sent in day}
    assert "Secret" not in {sent.about.partition("/")[0] for sent in day}
    text = b"".join(sent.request.body for sent in day)
    assert b"stringData" not in text
    assert b"password" not in text.lower()


def test_every_expected_problem_is_well_formed_and_one_or_two_stay_open(expected: dict[str, Any]) -> None:
    members = {"name", "object", "condition", "reasons", "ticket", "severity", "opened_at", "closed_at", "closed_by"}
    assert len({entry["name"] for entry in of(expected)}) == len(of(expected))
    assert 1 <= len(of(expected, "open")) <= 2
    for entry in of(expected):
        assert set(entry) - {"part", "pods", "reopened", "at_once"} == members | {"group", "count"}, entry["name"]
        assert entry["severity"] in ("critical", "high", "medium", "low")
        assert isinstance(entry["ticket"], bool)
        assert (entry["closed_at"] == "open") == (entry["closed_by"] == "open")
        if entry["closed_by"] != "open":
            assert at(expected, entry["opened_at"]) < at(expected, entry["closed_at"])


def test_every_expected_problem_begins_with_one_of_its_events(events: list[Sent], expected: dict[str, Any]) -> None:
    for entry in of(expected):
        found = occurrences(events, entry, expected)
        assert found, entry["name"]
        first = min(sent.moment for sent in found)
        assert near(first, at(expected, entry["opened_at"])), entry["name"]


def test_every_expected_count_is_what_the_cluster_says(events: list[Sent], expected: dict[str, Any]) -> None:
    for entry in of(expected):
        highest: dict[str, int] = {}
        for sent in occurrences(events, entry, expected):
            uid = sent.body["metadata"]["uid"]
            highest[uid] = max(highest.get(uid, 0), sent.count)
        assert sum(highest.values()) == entry["count"], entry["name"]


def test_every_expected_end_has_its_cause_in_the_day(
    day: list[Sent], events: list[Sent], expected: dict[str, Any]
) -> None:
    for entry in of(expected):
        if entry["closed_by"] == "open":
            continue
        crashed = entry["condition"] == "a container crashes again and again" and entry["closed_by"] != "deleted"
        held = crashed or "pods" in entry
        closed = at(expected, entry["closed_at"]) - (HOLD if held else timedelta())
        if entry["closed_by"] == "expired":
            causes = [sent.moment + HOUR for sent in occurrences(events, entry, expected)][-1:]
        elif entry["closed_by"] == "deleted":
            gone = [sent for sent in day if sent.body["kind"] != "Event" and sent.operation == "delete"]
            causes = [sent.request.time for sent in gone if sent.about == entry["object"]]
        else:
            causes = [sent.moment for sent in matching(events, entry, [entry["closed_by"]])]
        assert any(near(cause, closed) for cause in causes), entry["name"]


def test_medium_problems_have_a_ticket_from_three_occurrences_on(expected: dict[str, Any]) -> None:
    for entry in of(expected):
        enough = {"critical": 1, "high": 1, "medium": 1 if "at_once" in entry else 3}.get(entry["severity"], 10_000)
        assert entry["ticket"] == (entry["count"] >= enough), entry["name"]


def test_every_group_is_the_label_of_the_namespace_or_the_default(day: list[Sent], expected: dict[str, Any]) -> None:
    spaces = [sent.body["metadata"] for sent in day if sent.body["kind"] == "Namespace"]
    labels = {meta["name"]: meta["labels"].get("tidings.dev/assignment-group", "") for meta in spaces}
    assert "" in labels.values()
    for entry in of(expected):
        _, *rest = entry["object"].split("/")
        group = labels[rest[0]] if len(rest) == 2 else ""
        assert entry["group"] == (group or expected["default_group"]), entry["name"]


def test_no_warning_of_the_day_is_forgotten(events: list[Sent], expected: dict[str, Any]) -> None:
    known = {(about, reason) for entry in of(expected) for about in objects(entry) for reason in entry["reasons"]}
    warnings = {(sent.about, sent.body["reason"]) for sent in events if sent.body["type"] == "Warning"}
    assert warnings - known == set()


def test_a_line_that_is_no_request_is_named_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "feed.jsonl"
    file.write_text('\n{"headers": {}, "body": 1}\n', encoding="utf-8")
    with pytest.raises(player.FeedError, match=r"feed\.jsonl:2"):
        list(player.requests(file))


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{date: 2026-11-19, scenes: [{steps: [{at: '06:00:00'}]}]}",
        "{date: 2026-11-19, scenes: [{steps: [{at: '06:00:00', event: X, of: Pod}]}]}",
        "{date: 2026-11-19, scenes: [{steps: [{at: '25:00:00', event: X, of: Pod/a/b, message: m}]}]}",
        "{date: 2026-11-19, scenes: [7]}",
        "{date: [",
    ],
)
def test_a_script_that_cannot_be_played_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "day.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(player.FeedError, match=r"day\.yaml"):
        list(player.requests(file))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(player.FeedError, match="nowhere"):
        list(player.requests(tmp_path / "nowhere.jsonl"))


def test_every_scene_is_told_in_the_docs_with_the_right_numbers(
    root: Path, day: list[Sent], events: list[Sent], expected: dict[str, Any]
) -> None:
    text = (root / "docs" / "recorded-day.md").read_text(encoding="utf-8")
    script = yaml.safe_load(player.DAY.read_text(encoding="utf-8"))
    assert [scene["scene"] for scene in script["scenes"] if f"| {scene['scene']} |" not in text] == []
    reasons = {sent.body["reason"] for sent in events}
    tickets = sum(entry["ticket"] for entry in of(expected))
    assert f"{len(day)} requests: {len(events)} Events of {len(reasons)} reasons" in text
    assert f"{tickets} tickets, of which {tickets - len(of(expected, 'open'))} are resolved" in text


def test_the_docs_say_how_many_requests_become_how_many_records(root: Path, day: list[Sent]) -> None:
    now, observed = datetime.now(UTC), list[Observation]()
    for sent in day:
        event = decode(sent.request.headers, sent.request.body)
        assert isinstance(event, CloudEvent)
        found = observations(event, cluster="", now=now)
        assert isinstance(found, list)
        observed += [item for item in found if not (item.reason and item.operation == "delete")]
    records = len({item.identity for item in observed})
    text = " ".join((root / "docs" / "recorded-day.md").read_text(encoding="utf-8").split())
    assert f"counts {len(observed)} classified and {records} SIEM records" in text
    assert (len(day) - len(observed), len(observed) - records) == (2, 6), "Two are left out, six say it once more"
    readme = " ".join((root / "README.md").read_text(encoding="utf-8").split())
    assert f"({len(day)} events:" in readme
    assert f"and {records} SIEM records" in readme
