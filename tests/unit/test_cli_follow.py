"""`tidings explain --follow`: what would become of observations, each kind of decision and why, and the sums."""

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from shared.cli.app import app
from shared.local.recorded.player import DAY, EXPECTED
from tests.support import following
from tests.support.following import ALONE, WEB, Follow, run, sent, told

follow = following.follow  # the fixture


def test_a_ticket_is_held_for_its_wait_opened_and_closed(follow: Follow) -> None:
    lines = follow(ALONE, (0, WEB, "Bad"), (60, WEB, "Good"))
    assert told(lines) == [(0, "held", "default"), (10, "opened", "default"), (60, "closed", "default")]
    held, opened, closed, summary = lines
    assert (held["hold"], held["until"]) == ("waits", "2026-09-01T12:00:10Z")
    assert held["why"] == "it waits 10s, and for a cause"
    assert opened["why"] == "rule bad: high, once"
    assert (opened["object"], opened["condition"], opened["summary"]) == (WEB, "trouble", "web is bad")
    assert closed["why"] == "Good"
    assert summary["summary"]["tickets"] == {"opened": 1, "reopened": 0, "closed": 1, "open": 0}


def test_what_is_over_before_its_wait_has_no_ticket(follow: Follow) -> None:
    lines = follow(ALONE, (0, WEB, "Bad"), (5, WEB, "Good"))
    assert told(lines) == [(0, "held", "default"), (5, "over", "default")]


def test_too_few_too_short_and_never_are_different_holds(follow: Follow) -> None:
    policy = ALONE + "  - {name: lasts, match: {name: slow}, open_after: {lasting: 2m}}\n"
    policy = policy.replace("routes: [{name: workload, enabled: false, match: {}}]\n", "routes:\n")
    lines = follow(
        policy, *((second, WEB, "Often") for second in (0, 20, 40)), (50, "Pod/shop/slow", "Bad"),
        (60, "Pod/shop/mild", "Never"), (300, "Pod/shop/mild", "Good"),
    )  # fmt: skip
    holds = {line["object"]: line for line in reversed(lines) if line.get("what") == "held"}
    assert (holds[WEB]["hold"], holds[WEB]["by"]) == ("too few", "rule often")
    assert holds[WEB]["why"] == "a ticket from 3 occurrences on"
    slow = holds["Pod/shop/slow"]
    assert (slow["hold"], slow["by"], slow["until"]) == ("too short", "lasts", "2026-09-01T12:03:50Z")
    assert (holds["Pod/shop/mild"]["hold"], holds["Pod/shop/mild"]["by"]) == ("rule", "rule never")
    assert [when for when, what, _ in told(lines, "Pod/shop/slow") if what == "opened"] == [230]


def test_a_late_cause_takes_in_closes_frees_and_gives_back(follow: Follow) -> None:
    policy = ALONE + (
        "inhibit:\n  - {name: switch-down, cause: {kind: Switch}, affected: {kind: Pod}, by: namespace}\n"
    )
    switch = "Switch/shop/core"
    lines = follow(policy, (0, WEB, "Bad"), (60, switch, "Bad"), (120, switch, "Good"), (900, WEB, "Good"))
    assert told(lines, "Pod") == [
        (0, "held", "default"),
        (10, "opened", "default"),
        (60, "inhibited", "switch-down"),
        (60, "closed", "default"),
        (120, "freed", "switch-down"),
        (420, "reopened", "default"),
        (900, "closed", "default"),
    ]
    of = {line["what"]: line for line in lines if line.get("object") == WEB}
    assert of["inhibited"]["why"] == "while Switch/shop/core lasts: core is bad"
    assert of["freed"]["until"] == "2026-09-01T12:07:00Z"
    assert of["reopened"]["why"] == "it outlived what took it in"


def test_members_are_grouped_under_the_route_that_says_so(follow: Follow) -> None:
    policy = "routes: [{name: shops, match: {kind: Pod}, group_by: [namespace]}]\n"
    pods = [f"Pod/shop/web-{number}" for number in range(3)]
    lines = follow(policy, *((0, pod, "Bad") for pod in pods), *((60, pod, "Good") for pod in pods))
    grouped = [line for line in lines if line.get("what") == "grouped"]
    assert {(line["object"], line["by"]) for line in grouped} == {(pod, "shops") for pod in pods}
    opened = [line for line in lines if line.get("what") == "opened"]
    assert [(line["group"], line["why"]) for line in opened] == [(True, "rule bad: high, 3 times; of 3 objects")]
    assert sorted(Counter(what for _, what, _ in told(lines)).items())[:2] == [("closed group", 1), ("grouped", 3)]


def test_what_is_beyond_the_limit_is_limited(follow: Follow) -> None:
    policy = "defaults: {ticket_limit: {tickets: 2, within: 10m}}\n"
    lines = follow(policy, *((second, f"Deployment/shop/d{second}", "Bad") for second in range(5)))
    counts = Counter(line["what"] for line in lines if "what" in line and not line["later"])
    assert (counts["opened"], counts["limited"]) == (3, 3), "two, and the summary of the other three"
    assert lines[-1]["summary"]["held"]["limited: default"] == 3


def test_a_silence_is_named_with_its_reason_and_end(follow: Follow) -> None:
    policy = ALONE + (
        "silences:\n  - {name: known, until: 2026-09-01T12:05:00Z, match: {name: web}, why: A new disk is ordered}\n"
    )
    lines = follow(policy, (0, WEB, "Bad"), (600, WEB, "Good"))
    quiet = next(line for line in lines if line["what"] == "quiet")
    assert (quiet["by"], quiet["why"], quiet["until"]) == ("known", "A new disk is ordered", "2026-09-01T12:05:00Z")
    assert [(when, what) for when, what, _ in told(lines)][2:] == [(300, "opened"), (600, "closed")]


def test_a_ticket_is_reopened_flaps_and_says_when_it_ends(follow: Follow) -> None:
    events = [(second * 60, WEB, "Good" if second % 2 else "Bad") for second in range(8)]
    lines = follow(ALONE, *events)
    whats = [what for _, what, _ in told(lines)]
    assert whats[:6] == ["held", "opened", "closed", "reopened", "closed", "flapping"]
    flapping = next(line for line in lines if line["what"] == "flapping")
    assert flapping["why"] == "4 ends and returns within 10m: its end must last as long"
    recovered = [line for line in lines if line.get("what") == "recovered"]
    assert recovered[0]["why"] == "Good: over if nothing comes for 10m"
    assert lines[-2]["what"] == "closed"
    assert (lines[-2]["later"], lines[-2]["why"]) == (True, "Good, and quiet for 10m")


@pytest.mark.parametrize(
    ("policy", "by", "why"),
    [
        (ALONE, "rule worse", "high to critical: rule worse says so"),
        (
            "routes: [{name: up, match: {}, ticket_limit: off, escalate: [{severity: critical, after: 2m}]}]\n",
            "up",
            None,
        ),
    ],
)
def test_an_escalation_says_whether_policy_or_what_happened_raised_it(
    follow: Follow, policy: str, by: str, why: str | None
) -> None:
    events = [(0, WEB, "Bad"), *([(180, WEB, "Worse")] if why else []), (600, WEB, "Good")]
    escalated = [line for line in follow(policy, *events) if line.get("what") == "escalated"]
    assert [(line["by"], line["severity"]) for line in escalated] == [(by, "critical")]
    assert escalated[0]["why"] == (why or "high to critical: it lasts for 2m")


def test_the_recorded_day_gives_the_tickets_that_are_expected_of_it(root: Path) -> None:
    done = run(root, "", str(DAY), "--output", "jsonl")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    *_, last = lines
    tickets: dict[str, dict[str, Any]] = {}
    reopened: Counter[str] = Counter()
    for line in lines:
        if line.get("what") in {"opened", "reopened", "closed"}:
            tickets[line["episode"]] = line
            reopened[line["episode"]] += line["what"] == "reopened"
    wanted = [item for item in yaml.safe_load(EXPECTED.read_text(encoding="utf-8"))["problems"] if item["ticket"]]
    assert Counter(_got(line, reopened[episode]) for episode, line in tickets.items()) == Counter(map(_wanted, wanted))
    summary = last["summary"]
    assert (summary["tickets"]["opened"], summary["later"]["open"]) == (43, 2)
    siem = next(row for row in summary["destinations"] if row["destination"] == "siem-forwarder")
    assert siem["told"] == 797, "as docs/recorded-day.md says: one observation is one record"
    assert siem["a_day"] == pytest.approx(797 * 24 / 12.6, rel=0.01), "from 05:55 to 18:31"


def _wanted(item: dict[str, Any]) -> tuple[Any, ...]:
    closed = "open" if item["closed_at"] == "open" else item["closed_by"]
    return item["object"], item.get("part", ""), closed, item.get("reopened", 0)


def _got(line: dict[str, Any], reopened: int) -> tuple[Any, ...]:
    ended = {"object-deleted": "deleted", "": "open"}.get(line["ended_by"], line["ended_by"])
    return line["object"], line["part"], ended, reopened


def test_a_list_is_played_in_the_order_of_its_time(follow: Follow, root: Path) -> None:
    follow(ALONE, (0, WEB, "Bad"))
    events = [json.loads(sent(*one))["data"] for one in ((60, WEB, "Good"), (0, WEB, "Bad"))]
    done = run(root, json.dumps({"kind": "List", "apiVersion": "v1", "items": events}), "-", "--output", "json")
    found = json.loads(done.stdout)
    assert [line["what"] for line in found["decisions"]] == ["held", "opened", "closed"]
    assert found["summary"]["late"] == 0


def test_lines_that_are_not_in_order_are_said(follow: Follow) -> None:
    lines = follow(ALONE, (300, WEB, "Bad"), (0, "Pod/shop/other", "Bad"))
    assert lines[-1]["summary"]["late"] == 1


def test_a_table_has_aligned_columns_and_sums(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(root, f"{sent(0, 'Node/-/n1', 'NodeNotReady')}\nrubbish\n")
    head, held, opened, *rest = done.stdout.splitlines()
    assert head.split() == ["time", "(UTC)", "what", "object", "why"]
    assert head.index("why") == held.index("it waits") == opened.index("rule node-not-ready")
    text = "\n".join(rest)
    assert "1 observation, 2026-09-01 12:00 to 2026-09-01 12:00; 0 left out" in text
    assert "tickets: 1 opened, 0 closed, 1 open" in text
    assert "held for their group, or for a cause: 1" in text
    assert "servicenow-incident: 1\n" in text
    assert "no observation: not valid JSON" in done.stderr


def test_what_is_wrong_is_said_with_the_right_code(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(root, "", "none.jsonl").exit_code == 1
    assert run(root, "rubbish\n").exit_code == 1, "no observation at all"
    (tmp_path / "policy.yaml").write_text("routes: [{name: x, match: {}, group_wait: soon}]\n", encoding="utf-8")
    monkeypatch.setenv("CORRELATOR_POLICY", "policy.yaml")
    done = run(root, sent(0, WEB, "Bad"))
    assert done.exit_code == 1
    assert "policy.yaml:1: `group_wait`: `soon` is no duration" in done.stderr
    monkeypatch.setenv("CORRELATOR_POLICY", "")
    broken = DAY.read_text(encoding="utf-8").replace("scenes:", "acts:")
    (tmp_path / "day.yaml").write_text(broken, encoding="utf-8")
    done = run(root, "", "day.yaml")
    assert done.exit_code == 1
    assert "cannot be played" in done.stderr


def test_without_triggers_each_destination_is_told_of_what_it_is_there_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = sent(0, "Node/-/n1", "NodeNotReady")
    done = CliRunner().invoke(app, ["explain", "--follow", "-o", "jsonl"], input=given)
    rows = json.loads(done.stdout.splitlines()[-1])["summary"]["destinations"]
    assert {row["destination"]: row["told"] for row in rows} == {"servicenow-incident": 1, "siem-forwarder": 1}
    assert "there is no folder knative" in done.stderr


def test_the_ticket_of_a_group_is_reopened_with_what_comes_back(follow: Follow) -> None:
    policy = "routes: [{name: shops, match: {kind: Pod}, group_by: [namespace]}]\n"
    lines = follow(policy, (0, WEB, "Bad"), (60, WEB, "Good"), (900, WEB, "Bad"), (1200, WEB, "Good"))
    tickets = [(when, what) for when, what, _ in told(lines) if what.endswith(" group")]
    assert [what for _, what in tickets] == ["opened group", "closed group", "reopened group", "closed group"]
    assert len({line["episode"] for line in lines if line.get("group")}) == 1


def test_ctrl_c_ends_a_watch_with_the_sums(root: Path) -> None:
    arguments = (sys.executable, "-m", "shared.cli", "explain", "--follow", "-", "--output", "jsonl")
    with subprocess.Popen(arguments, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{sent(0, 'Node/-/n1', 'NodeNotReady')}\n{sent(30, WEB, 'Bad')}\n".encode())
        process.stdin.flush()
        first = [json.loads(process.stdout.readline())["what"] for _ in range(2)]
        assert first == ["held", "opened"], "as it comes in"
        process.send_signal(signal.SIGINT)
        rest = [json.loads(line) for line in process.stdout]
        assert process.wait(20) == 0
    assert rest[-1]["summary"]["observations"] == 2
