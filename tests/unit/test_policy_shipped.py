"""The policies that are shipped: what they keep quiet, what a team's own change, how they are compiled."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.episodes import policy_shipped
from shared.episodes.policy import (
    Policies,
    Policy,
    Subject,
    shipped,
)
from shared.episodes.policy_content import policies_of
from shared.episodes.policy_file import read
from shared.episodes.policy_shipped import SHIPPED, PolicyError, compile_policy, compiled_file, load_policies
from shared.events.problem import Problem
from shared.rules.shipped import shipped_rules
from shared.start import compiled

EXAMPLE = SHIPPED.parent / "examples" / "requirements.yaml"


def no_yaml(*_: object) -> Policies:
    raise AssertionError("the file was read again")


POD = Subject(
    "infrastructure", "pod", "high", "Pod", "shop-eu", "web-1", "prod", "crash-loop", "BackOff", "container-crash-loop",
    {"team": "payments"},
)  # fmt: skip


def test_the_shipped_defaults_are_those_of_the_code() -> None:
    assert shipped().defaults == Policy()


def test_the_shipped_file_names_conditions_and_alerts_that_there_are() -> None:
    rules = shipped_rules()
    conditions = {rule.condition for rule in rules}
    reasons = {reason for rule in rules for reason in _values(rule.match, "reason")}
    made = shipped()
    matches = [match for match, _ in made._routes]
    matches += [match for one in made.inhibitions for match in (one.cause, one.affected)]
    asked = [one for match in matches for one in match.asked]
    assert {text for one in asked if one.member == "condition" for text in one.texts} - conditions == set()
    assert {text for one in asked if one.member == "reason" for text in one.texts} - reasons == set()


def _words(argument: object) -> tuple[str, ...]:
    return argument if isinstance(argument, tuple) else (argument,) if isinstance(argument, str) else ()


NODE = Subject("infrastructure", "node", "critical", "Node", "", "worker-1", "c", "node-ready", "NodeNotReady")
CLAIM = Subject("infrastructure", "storage", "high", "PersistentVolumeClaim", "shop", "data", "c", "claim-lost")
OPERATOR = Subject("infrastructure", "control-plane", kind="ClusterOperator", name="dns", condition="operator-degraded")


@pytest.mark.parametrize(
    ("cause", "affected", "by"),
    [
        (NODE, POD, "node"),
        (CLAIM, Subject("infrastructure", kind="Pod", condition="volumes-mounted"), "claim"),
        (
            OPERATOR,
            Subject("infrastructure", "pod", namespace="openshift-dns"),
            "operator",
        ),
        (Subject(condition="control-plane-unreachable"), Subject(condition="audit-server-error"), "cluster"),
        (Subject(condition="alert", reason="etcdNoLeader"), OPERATOR, "cluster"),
        (
            Subject("infrastructure", "node", kind="Node", condition="node-disk-pressure"),
            Subject("infrastructure", "node", kind="Pod", condition="pod-evicted"),
            "node",
        ),
    ],
)
def test_what_is_shipped_keeps_consequences_quiet(cause: Subject, affected: Subject, by: str) -> None:
    found = [one for one in shipped().inhibitions if one.cause.takes(cause) and one.affected.takes(affected)]
    assert by in {one.by for one in found}


@pytest.mark.parametrize(
    "other", [CLAIM, NODE, Subject("security", "runtime", kind="Pod", condition="falco-cryptominer")]
)
def test_a_node_that_is_down_keeps_nothing_quiet_but_what_runs_on_it_and_no_attack(other: Subject) -> None:
    assert [one for one in shipped().inhibitions if one.cause.takes(NODE) and one.affected.takes(other)] == []


KINDS = ("Pod", "PersistentVolumeClaim", "DataVolume", "Deployment", "ClusterOperator", "Node", "PersistentVolume")
OF_CLUSTER = KINDS[-3:]


def every_problem() -> list[Subject]:
    """Return a subject for each shipped rule of a problem, on each kind of object that it may be about."""
    problems = [rule for rule in shipped_rules() if rule.phase == "problem"]
    return [
        Subject(
            *(rule.category, rule.subcategory, rule.severity, kind),
            *("" if kind in OF_CLUSTER else "openshift-dns", "x", "c", rule.condition, reason),
        )
        for rule in problems
        for kind in _values(rule.match, "kind") or KINDS
        for reason in _values(rule.match, "reason") or ("X",)
    ]


def _values(matchers: tuple[tuple[str, str, object], ...], name: str) -> tuple[str, ...]:
    return tuple(
        word for field, operator, words in matchers if field == name and operator != "not" for word in _words(words)
    )


EVERY = every_problem()


def test_no_two_problems_keep_each_other_quiet_and_none_itself() -> None:
    inhibitions = shipped().inhibitions
    causes = {one.name: {id(each) for each in EVERY if one.cause.takes(each)} for one in inhibitions}
    affected = {one.name: {id(each) for each in EVERY if one.affected.takes(each)} for one in inhibitions}
    assert all(causes.values())
    assert all(affected.values())
    both = [
        (left, right)
        for left in causes
        for right in causes
        if causes[left] & affected[right] and causes[right] & affected[left]
    ]
    assert both == []


def test_images_and_webhooks_have_one_ticket_for_all_who_want_them() -> None:
    made = shipped()
    assert made.of(Subject(condition="image-pull")).group_by == ("cluster", "image")
    assert made.of(Subject(condition="pods-webhook-unavailable")).group_by == ("cluster", "webhook")
    assert made.of(Subject(condition="pods-denied-by-webhook")).group_by == ("cluster", "webhook", "workload")


def test_the_requirements_own_groupings_are_an_example_that_works() -> None:
    made = load_policies(EXAMPLE)
    infrastructure = made.of(Subject("infrastructure", "pod", condition="crash-loop"))
    assert (infrastructure.group_by, infrastructure.group_wait) == (("namespace", "reason"), 10.0)
    assert (infrastructure.group_interval, infrastructure.repeat_interval) == (30.0, 3600.0)
    assert made.of(Subject("security", "rbac")).group_by == ("namespace", "reason", "kind")
    assert made.of(Subject("admission", "quota")).group_by == ()
    assert made.inhibitions == shipped().inhibitions


def test_an_own_file_stands_above_what_is_shipped(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "defaults: {group_wait: 0}\n"
        "routes:\n"
        "  - {name: mine, match: {condition: image-*}, flap: off}\n"
        "  - {name: webhook-broken, enabled: false}\n"
        "inhibit:\n"
        "  - {name: node-down, enabled: false}\n"
        "  - {name: claim-broken, cause: {kind: PersistentVolumeClaim}, affected: {kind: Job}, by: claim}\n",
        encoding="utf-8",
    )
    made = load_policies(own)
    assert made.of(Subject(condition="image-pull")) == Policy("mine", group_wait=0.0, flap=None)
    assert made.of(Subject(condition="pods-webhook-unavailable")).name == "default"
    assert made.of(Subject(condition="pods-denied-by-webhook")).group_wait == 0.0, "shipped routes have own defaults"
    names = [one.name for one in made.inhibitions]
    assert names[0] == "claim-broken"
    assert names.count("claim-broken") == 1
    assert "node-down" not in names
    assert not made.inhibitions[0].affected.takes(POD)


def test_the_files_of_a_folder_are_in_force_together(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("routes: [{name: b, match: {kind: Pod}}]", encoding="utf-8")
    (tmp_path / "a.yml").write_text("routes: [{name: a, match: {kind: Pod, name: web-1}}]", encoding="utf-8")
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "c.yaml").write_text("nonsense: 1", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("no policy", encoding="utf-8")
    made = load_policies(tmp_path)
    assert made.of(POD).name == "a"
    assert made.of(Subject(kind="Pod")).name == "b"


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"a: [", b"", b"routes: [{name: A b}]"])
def test_a_file_that_cannot_be_put_in_force_is_refused_as_a_whole(tmp_path: Path, content: bytes | None) -> None:
    own = tmp_path / "own.yaml"
    if content is not None:
        own.write_bytes(content)
    with pytest.raises(PolicyError) as refused:
        load_policies(own)
    assert {problem.file for problem in refused.value.problems} == {str(own)}


# --- compiled ---


def copied(tmp_path: Path) -> Path:
    copy = tmp_path / "policy.yaml"
    copy.write_bytes(SHIPPED.read_bytes())
    return copy


def same(left: Policies, right: Policies) -> bool:
    return vars(left) == vars(right)


def test_the_compiled_policies_are_the_policies_and_hold_no_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copied(tmp_path)
    compiled_file(copy).write_bytes(compile_policy(copy))
    assert str(tmp_path).encode() not in compiled_file(copy).read_bytes()
    parsed = policies_of([], [one for one in read(copy) if not isinstance(one, Problem)])
    monkeypatch.setattr(policy_shipped, "_read", lambda *_: no_yaml())
    assert same(load_policies(shipped=copy), parsed)


def test_a_checkout_reads_yaml_once_and_again_only_where_it_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copied(tmp_path)
    first = load_policies(shipped=copy)
    with monkeypatch.context() as patched:
        patched.setattr(policy_shipped, "_read", lambda *_: no_yaml())
        assert same(load_policies(shipped=copy), first)
    copy.write_text("routes: [{name: only, match: {}}]", encoding="utf-8")
    assert load_policies(shipped=copy).of(POD).name == "only"
    compiled_file(copy).write_bytes(b"nonsense")
    assert load_policies(shipped=copy).of(POD).name == "only"


def test_a_start_with_what_is_shipped_imports_neither_yaml_nor_cron() -> None:
    load_policies()  # so that it is compiled
    program = (
        "import sys; from shared.episodes.policy import Subject, shipped; made = shipped()\n"
        "assert made.of(Subject(condition='image-pull')).name == 'image' and made.quiet(Subject(), 1.0) is None\n"
        "print(sorted({'yaml', 'cronsim', 'zoneinfo', 'jinja2', 'pydantic', 're2'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    assert ended.stdout.strip() == "[]"


def test_the_compiled_form_is_made_again_where_what_reads_it_has_changed() -> None:
    mark = policy_shipped.fingerprint(SHIPPED)
    assert compiled.load(compiled_file(), lambda: mark) is not None or not compiled_file().exists()
    assert compiled.load(compiled_file(), lambda: f"{mark}x") is None
