"""What `tidings explain --follow` says of why and until when: by the clock that decides, of what is still to come."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import following
from tests.support.following import ALONE, START, WEB, Follow, run, sent, told

follow = following.follow  # the fixture

SWITCH = "Switch/shop/core"
INHIBIT = "inhibit:\n  - {name: switch-down, cause: {kind: Switch}, affected: {kind: Pod}, by: namespace}\n"


def of(lines: list[dict[str, Any]], what: str, thing: str = WEB) -> list[dict[str, Any]]:
    return [line for line in lines if line.get("what") == what and line["object"] == thing]


def test_a_node_whose_clock_is_wrong_was_not_quiet_for_what_its_clock_is_off(follow: Follow) -> None:
    lines = follow(ALONE, (0, WEB, "Bad", -10_800), (60, WEB, "Good", -10_740))
    (closed,) = of(lines, "closed")
    assert (closed["time"], closed["why"]) == ("2026-09-01T12:01:00Z", "Good")


def test_what_comes_late_is_not_said_to_wait_until_a_time_that_is_past(follow: Follow) -> None:
    lines = follow(ALONE, (0, "Pod/shop/other", "Good"), (61, WEB, "Bad", 0), (300, WEB, "Good"))
    (held,) = of(lines, "held")
    assert (held["time"], held["until"], held["why"]) == (
        "2026-09-01T12:01:01Z", None, "its wait of 10s is over: the next tick decides",
    )  # fmt: skip
    assert [when for when, what, _ in told(lines) if what == "opened"] == [70]


def test_a_wait_that_is_over_before_the_next_tick_is_told_once(follow: Follow) -> None:
    lines = follow(ALONE, (1, WEB, "Bad"), (15, WEB, "Worse"))
    assert [(when, what) for when, what, _ in told(lines)][:3] == [(1, "held"), (15, "escalated"), (20, "opened")]


@pytest.mark.parametrize(
    ("escalate", "why"),
    [
        ("{severity: critical, after: 2m}", "high to critical: it lasts for 2m"),
        ("{severity: critical, count: 3}", "high to critical: seen 3 times"),
    ],
)
def test_an_escalation_by_policy_says_what_was_reached(follow: Follow, escalate: str, why: str) -> None:
    policy = f"routes: [{{name: up, match: {{}}, group_by: [], open_after: {{count: 1}}, escalate: [{escalate}]}}]\n"
    lines = follow(policy, *((second, WEB, "Bad") for second in (0, 30, 180)), (600, WEB, "Good"))
    assert [line["why"] for line in of(lines, "escalated")][:1] == [why]


def test_an_escalation_by_the_number_of_those_affected_says_how_many(follow: Follow) -> None:
    policy = INHIBIT + ("routes: [{name: up, match: {kind: Switch}, escalate: [{severity: critical, affected: 2}]}]\n")
    pods = [(20, f"Pod/shop/web-{number}", "Bad") for number in range(2)]
    (escalated,) = of(follow(policy, (0, SWITCH, "Bad"), *pods), "escalated", SWITCH)
    assert escalated["why"] == "high to critical: 2 objects affected"


def test_a_group_whose_member_rose_by_policy_does_not_say_that_a_rule_did_it(follow: Follow) -> None:
    policy = (
        "routes: [{name: shops, match: {kind: Pod, severity: high}, group_by: [namespace], "
        "escalate: [{severity: critical, after: 2m}]}]\n"
    )
    lines = follow(policy, (0, WEB, "Bad"), (600, WEB, "Good"))
    escalated = {line["group"]: line for line in of(lines, "escalated")}
    assert escalated[False]["why"] == "high to critical: it lasts for 2m"
    group = escalated[True]
    assert (group["why"], group["by"]) == ("high to critical: one of its members rose", "shops")


def test_what_comes_back_while_its_hold_runs_is_said_to_go_on(follow: Follow) -> None:
    policy = ALONE.replace("defaults: {", "defaults: {resolve_after: 5m, ")
    lines = follow(policy, (0, WEB, "Bad"), (60, WEB, "Good"), (120, WEB, "Bad"), (180, WEB, "Bad"), (240, WEB, "Good"))
    assert [(when, what) for when, what, _ in told(lines)] == [
        (0, "held"), (10, "opened"), (60, "recovered"), (120, "back"), (240, "recovered"), (540, "closed"),
    ]  # fmt: skip
    (back,) = of(lines, "back")
    assert (back["why"], back["until"]) == ("Bad: it goes on", None)


def test_what_comes_back_after_its_hold_is_reopened_and_not_said_to_go_on(follow: Follow) -> None:
    lines = follow(ALONE, (0, WEB, "Bad"), (60, WEB, "Good"), (120, WEB, "Bad"))
    assert [what for _, what, _ in told(lines)][:4] == ["held", "opened", "closed", "reopened"]


def test_what_was_freed_and_is_about_to_end_is_said_to_be_held_until_then(follow: Follow, root: Path) -> None:
    policy = ALONE.replace("routes: [", "routes: [{name: slow, match: {kind: Pod}, resolve_after: 10m, group_by: []}, ")
    events = [(0, SWITCH, "Bad"), (5, WEB, "Bad"), (60, SWITCH, "Good"), (200, WEB, "Good"), (400, SWITCH, "Good")]
    lines = follow(policy + INHIBIT, *events)
    assert [(when, what) for when, what, _ in told(lines, "Pod")][-4:] == [
        (60, "freed"), (200, "recovered"), (360, "held"), (800, "over"),
    ]  # fmt: skip
    held = of(lines, "held")[-1]
    assert (held["hold"], held["by"], held["until"]) == ("not outlived", "switch-down", "2026-09-01T12:13:20Z")
    assert held["why"] == "Good: it is about to end, which is no outliving"
    assert lines[-1]["summary"]["held"]["held: not outlived"] == 1
    assert (
        "held, they did not outlive what took them in: 1" in run(root, "\n".join(sent(*one) for one in events)).stdout
    )


def test_what_was_freed_and_not_said_again_is_said_to_be_held_until_it_expires(follow: Follow) -> None:
    lines = follow(ALONE + INHIBIT, (0, SWITCH, "Bad"), (5, WEB, "Brief"), (60, SWITCH, "Good"), (400, SWITCH, "Good"))
    held = of(lines, "held")[-1]
    assert (held["time"], held["hold"]) == ("2026-09-01T12:06:00Z", "not outlived")
    assert (held["why"], held["until"]) == (
        "it was not said again since, which is no outliving",
        "2026-09-01T12:10:05Z",
    )


def test_what_outlives_its_cause_is_not_said_to_be_held(follow: Follow) -> None:
    lines = follow(ALONE + INHIBIT, (0, SWITCH, "Bad"), (5, WEB, "Bad"), (60, SWITCH, "Good"), (900, WEB, "Good"))
    assert [what for _, what, _ in told(lines, "Pod")][-3:] == ["freed", "opened", "closed"]


SILENCE = "silences:\n  - {name: known, until: %s, match: {name: web}, why: A disk is ordered}\n"


@pytest.mark.parametrize(
    ("until", "shown"),
    [
        ("2026-09-01T12:30:00Z", "A disk is ordered, until 12:30:00 [known]"),
        ("2026-12-25T01:00:00+01:00", "A disk is ordered, until 12-25 00:00:00 [known]"),
        ("2027-01-15T00:00:00Z", "A disk is ordered, until 2027-01-15 00:00:00 [known]"),
    ],
)
def test_until_has_its_day_where_that_is_another_and_the_times_are_said_to_be_utc(
    follow: Follow, root: Path, until: str, shown: str
) -> None:
    follow(ALONE + SILENCE % until, (0, WEB, "Bad"))
    done = run(root, sent(0, WEB, "Bad"), "-")
    assert done.stdout.startswith("time (UTC)")
    assert shown in " ".join(done.stdout.split())


def test_quiet_until_further_notice_has_no_end(follow: Follow, root: Path) -> None:
    follow(ALONE, (0, WEB, "Bad"))
    namespace = {"name": "shop", "uid": "shop", "resourceVersion": "1"}
    asked = {**namespace, "annotations": {"tidings.dev/maintenance": "true"}}
    shop = {
        "specversion": "1.0", "id": "shop", "source": "s", "type": "dev.knative.apiserver.resource.add", "cluster": "c",
        "time": START.isoformat(), "data": {"apiVersion": "v1", "kind": "Namespace", "metadata": asked},
    }  # fmt: skip
    done = run(root, f"{json.dumps(shop)}\n{sent(10, WEB, 'Bad')}", "-", "--output", "jsonl")
    (quiet,) = of([json.loads(line) for line in done.stdout.splitlines()], "quiet")
    assert (quiet["why"], quiet["until"]) == ("tidings.dev/maintenance: true", None)


def test_a_policy_is_named_by_an_option_which_goes_above_the_setting(
    follow: Follow, root: Path, tmp_path: Path
) -> None:
    follow(ALONE + SILENCE % "2027-01-15T00:00:00Z", (0, WEB, "Bad"))
    (tmp_path / "other.yaml").write_text(ALONE.replace("off", "{tickets: 3}", 1), encoding="utf-8")
    done = run(root, sent(0, WEB, "Bad"), "-", "--policy", str(tmp_path / "other.yaml"))
    assert "tickets: 1 opened" in done.stdout
    assert "CORRELATOR_POLICY" in run(root, "", "--help").stdout
