"""What a verdict says: key, part, ends, summary, ticket policy; and of what no rule names."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events.identity import fingerprint, problem_key
from shared.events.model import Observation, Verdict
from shared.rules import fallback, specimen
from shared.rules.classify import classify
from shared.rules.loader import load
from shared.rules.ruleset import RuleSet, version_of
from tests.support.examples import examples
from tests.support.packs import ruleset_of

PACK = """\
pack: demo
description: Rules of these tests
defaults: {category: infrastructure, subcategory: pod}
rules:
  - name: crash-loop
    match: {reason: BackOff, kind: Pod}
    severity: high
    part: container
    ended_by: [container-started, pod-gone]
    hold: 10m
    summary: 'Container {part} of {namespace}/{name} on {host} crashes'
    why: It will not get better by itself.
    runbook: https://example.com/crash
  - name: container-started
    match: {reason: Started}
    severity: info
    phase: recovery
    part: container
  - name: pod-gone
    match: {reason: Gone}
    severity: info
    phase: recovery
  - name: crash-loop-vm
    match: {reason: VmBackOff}
    severity: critical
    condition: crash-loop
    ended_by: [pod-gone]
  - name: mount-failed
    match: {reason: FailedMount, message: {regex: 'volume "(?P<part>[^"]+)"'}}
    severity: medium
  - name: by-message
    match: {reason: ByMessage}
    severity: low
    part: message
  - name: by-field
    match: {reason: ByField}
    severity: high
    part: component
    ticket: {after: 5}
    expires: 2d
  - name: quota-kind
    match: {kind: ResourceQuota, operation: delete}
    severity: low
    phase: change
"""


@pytest.fixture(scope="module")
def ruleset(tmp_path_factory: pytest.TempPathFactory) -> RuleSet:
    return ruleset_of(tmp_path_factory.mktemp("rules"), PACK)


def seen(**event: Any) -> Observation:
    made = specimen.build(event)
    assert isinstance(made, Observation), made
    return made


def test_a_verdict_has_another_version_once_its_rule_says_something_else_and_no_other_rule_has(
    ruleset: RuleSet, tmp_path: Path
) -> None:
    changed = ruleset_of(tmp_path, "# moved down a line\n" + PACK.replace("hold: 10m", "hold: 20m"))
    events = [
        {"reason": "BackOff"},
        {"reason": "Started"},
        {"reason": "FailedMount", "type": "Warning"},
        {"reason": "Odd"},
    ]
    before, after = ([classify(seen(**event), rules) for event in events] for rules in (ruleset, changed))
    assert [one.version == two.version for one, two in zip(before, after, strict=True)] == [False, True, True, True]
    assert len({one.version for one in before}) == 4
    assert all(len(one.version) == 8 for one in before), "also where no rule names it"


def test_a_problem_gets_everything_that_the_correlator_needs(ruleset: RuleSet) -> None:
    observation = seen(reason="BackOff", name="web-1", host="worker-3", field_path="spec.containers{web}")
    assert classify(observation, ruleset) == Verdict(
        category="infrastructure",
        subcategory="pod",
        severity="high",
        phase="problem",
        condition="crash-loop",
        part="web",
        problem_key=problem_key("test", observation.object, "crash-loop", "web"),
        ends=(),
        ticket_after=1,
        hold=600,
        expires=0,
        summary="Container web of default/web-1 on worker-3 crashes",
        rule="crash-loop",
        source="demo.yaml:5",
        version=version_of(next(rule for rule in ruleset.rules if rule.name == "crash-loop")),
        why="It will not get better by itself.",
        runbook="https://example.com/crash",
        known=True,
    )


def test_a_recovery_ends_the_conditions_of_the_rules_that_name_it(ruleset: RuleSet) -> None:
    verdict = classify(seen(reason="Gone"), ruleset)
    assert (verdict.phase, verdict.ends, verdict.problem_key, verdict.ticket_after) == (
        "recovery", ("crash-loop",), "", 0,
    )  # fmt: skip
    started = classify(seen(reason="Started", field_path="spec.initContainers{setup}"), ruleset)
    assert (started.ends, started.part) == (("crash-loop",), "setup")


@pytest.mark.parametrize(
    ("event", "part"),
    [
        ({"reason": "FailedMount", "message": 'MountVolume failed for volume "data-ä" : x'}, "data-ä"),
        ({"reason": "ByMessage", "message": "took 12 s"}, fingerprint("took 99 s")),
        ({"reason": "ByField", "component": "kubelet"}, "kubelet"),
        ({"reason": "BackOff"}, ""),
    ],
)
def test_the_part_splits_problems_of_one_object(ruleset: RuleSet, event: dict[str, str], part: str) -> None:
    assert classify(seen(**event), ruleset).part == part


@pytest.mark.parametrize(
    ("reason", "ticket_after", "expires"),
    [("VmBackOff", 1, 0), ("BackOff", 1, 0), ("ByMessage", 0, 3600), ("ByField", 5, 172_800)],
)
def test_ticket_and_expiry_have_defaults(ruleset: RuleSet, reason: str, ticket_after: int, expires: int) -> None:
    verdict = classify(seen(reason=reason), ruleset)
    assert (verdict.ticket_after, verdict.expires) == (ticket_after, expires)


def test_a_medium_problem_opens_a_ticket_from_the_third_time_on(ruleset: RuleSet) -> None:
    assert classify(seen(reason="FailedMount", message='volume "a"'), ruleset).ticket_after == 3


@pytest.mark.parametrize(("kind", "rule"), [("Pod", "object-deleted"), ("ResourceQuota", "quota-kind")])
def test_the_deletion_of_an_object_ends_all_its_problems(ruleset: RuleSet, kind: str, rule: str) -> None:
    verdict = classify(seen(kind=kind, reason="", operation="delete"), ruleset)
    assert (verdict.rule, verdict.ends, verdict.known) == (rule, ("*",), True)


def test_a_change_of_an_object_without_a_rule_is_no_more_than_that(ruleset: RuleSet) -> None:
    verdict = classify(seen(kind="PersistentVolumeClaim", reason="", operation="update"), ruleset)
    assert (verdict.rule, verdict.phase, verdict.subcategory, verdict.ends) == (
        "object-updated",
        "change",
        "storage",
        (),
    )


@pytest.mark.parametrize("text", ["{{7*7}}", "{% raw %}", "${HOME}", "{name}", "{part}", "%s %(x)s", "\\1"])
def test_f43_event_data_is_never_a_template(ruleset: RuleSet, text: str) -> None:
    """F43: `{{7*7}}`, `{% … %}`, `${…}` in event message: printed literally; event data is never a template."""
    verdict = classify(seen(reason="BackOff", name=text, field_path=f"spec.containers{{{text}"), ruleset)
    assert f"default/{text} on -" in verdict.summary
    verdict = classify(seen(reason="BackOff", name=text, field_path="spec.containers{web}"), ruleset)
    assert f"web of default/{text} on -" in verdict.summary, "with no brace before it, either"


@given(name=st.text(max_size=400), part=st.text(max_size=400))
@settings(max_examples=examples(50), deadline=None)
def test_a_summary_is_one_printable_line_of_bounded_length(ruleset: RuleSet, name: str, part: str) -> None:
    observation = seen(reason="BackOff", name=name, field_path=f"spec.containers{{{part}}}")
    summary = classify(observation, ruleset).summary
    assert 0 < len(summary) <= 160
    assert summary.isprintable()


@pytest.mark.parametrize(
    ("event", "rule", "severity", "phase", "subcategory"),
    [
        ({"message": "no space left on device", "type": "Warning"}, "unknown-no-room", "high", "problem", "storage"),
        ({"message": "no space left", "type": "Normal"}, "unknown-no-room-in-words", "medium", "problem", "storage"),
        ({"message": "dial tcp: connection refused", "type": "Warning", "kind": "Service"},
         "unknown-failed-in-words", "medium", "problem", "network"),
        ({"message": "context deadline exceeded", "type": "Warning"},
         "unknown-failed-in-words", "medium", "problem", "pod"),
        ({"message": "x509: signed by unknown authority", "type": "Warning"},
         "unknown-failed-in-words", "medium", "problem", "certificate"),
        ({"message": "ErrImagePull", "type": "Warning"}, "unknown-failed-in-words", "medium", "problem", "pod"),
        ({"message": "exceeded quota: compute", "type": "Warning"},
         "unknown-failed-in-words", "medium", "problem", "quota"),
        ({"message": "pods is forbidden", "type": "Warning"}, "unknown-failed-in-words", "medium", "problem", "rbac"),
        ({"message": "the object has been modified; please apply your changes to the latest version",
          "type": "Warning", "kind": "Widget"}, "unknown-busy", "low", "info", "workload"),
        ({"message": "hello", "type": "Warning", "kind": "Widget"}, "unknown-warning", "medium", "problem", "workload"),
        ({"message": "hello", "type": "Warning", "kind": "DaemonSet", "namespace": "kube-system"},
         "unknown-warning", "medium", "problem", "control-plane"),
        ({"message": "hello", "type": "Normal", "kind": "Node"}, "unknown-information", "info", "info", "node"),
        ({"message": "job failed once", "type": "Normal"}, "unknown-information", "info", "info", "pod"),
    ],
)  # fmt: skip
def test_what_no_rule_names_is_judged_by_its_words_and_says_so(  # noqa: PLR0913, PLR0917
    ruleset: RuleSet, event: dict[str, str], rule: str, severity: str, phase: str, subcategory: str
) -> None:
    verdict = classify(seen(reason="NeverHeardOf", **event), ruleset)
    assert (verdict.rule, verdict.severity, verdict.phase, verdict.subcategory) == (rule, severity, phase, subcategory)
    assert not verdict.known
    assert verdict.rule in fallback.NAMES
    assert verdict.why.startswith('No rule names the reason "NeverHeardOf"')
    assert bool(verdict.problem_key) is (phase == "problem")


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        ("ReconciliationFailed", "ReconciliationSucceeded"),
        ("ReconcileError", "Reconciled"),
        ("CannotCreateExternalResource", "CreatedExternalResource"),
        ("BackupFailed", "BackupCompleted"),
    ],
)
def test_good_news_ends_what_was_wrong_with_the_same_matter(ruleset: RuleSet, bad: str, good: str) -> None:
    problem = classify(seen(reason=bad, kind="Widget", type="Warning"), ruleset)
    recovery = classify(seen(reason=good, kind="Widget"), ruleset)
    assert (problem.phase, recovery.phase) == ("problem", "recovery")
    assert recovery.ends == (problem.condition,)
    assert recovery.part == problem.part
    other = classify(seen(reason="ShardLost", kind="Widget", type="Warning"), ruleset)
    assert other.part != recovery.part, "which is another matter"


def test_an_object_that_is_well_again_has_none_of_the_unknown_problems_left(ruleset: RuleSet) -> None:
    assert classify(seen(reason="Healthy", kind="Widget"), ruleset).ends == ("unknown/*",)


def test_two_unknown_reasons_of_one_object_are_two_problems(ruleset: RuleSet) -> None:
    first, second = (classify(seen(reason=r, message="timed out", type="Warning"), ruleset) for r in ("One", "Two"))
    assert first.problem_key != second.problem_key


text = st.text(max_size=40)


@given(reason=text, message=text, kind=text.filter(bool), type_=text, name=text)
@settings(max_examples=examples(50), deadline=None)
def test_every_observation_gets_a_verdict(  # noqa: PLR0917, PLR0913
    ruleset: RuleSet, reason: str, message: str, kind: str, type_: str, name: str
) -> None:
    """Property: rule matching is total, and says the same each time."""
    observation = seen(reason=reason, message=message, kind=kind, type=type_, name=name)
    verdict = classify(observation, ruleset)
    assert verdict == classify(observation, ruleset)
    assert verdict.why or verdict.known


def test_shipped_rule_files_need_no_fallback_names(root: Path) -> None:
    """A rule must not be called as the fallback's own verdicts are: `explain` could not tell them apart."""
    loaded = load([root / "functions" / "classifier" / "rules"], own=False)
    assert not {rule.name for rule in loaded.ruleset.rules} & fallback.NAMES


def test_a_part_is_no_longer_than_a_name_however_its_words_are_taken_apart() -> None:
    seen = specimen.build({"reason": "AbCd" * 90, "type": "Warning", "message": "failed"})
    assert isinstance(seen, Observation)
    verdict = classify(seen, RuleSet([]))
    assert verdict.phase == "problem"
    assert 0 < len(verdict.part) <= 253
