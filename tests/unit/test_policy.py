"""Policies: what a match takes, which route decides, what is quiet, and what a team's own file changes."""

from fnmatch import fnmatchcase
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.episodes.policy import (
    Asked,
    Escalation,
    Flap,
    Limit,
    Match,
    OpenAfter,
    Policies,
    Policy,
    Quiet,
    Subject,
    like,
    quiet_by_annotation,
)
from shared.episodes.policy_content import policies_of
from shared.episodes.policy_file import read, read_texts
from shared.episodes.policy_shipped import SHIPPED
from shared.events.problem import Problem

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z


def policies(*texts: str) -> Policies:
    contents = read_texts((f"{number}.yaml", text) for number, text in enumerate(texts))
    assert not any(isinstance(one, Problem) for one in contents), contents
    return policies_of([one for one in contents if not isinstance(one, Problem)], [])


def match(text: str) -> Match:
    return policies(f"routes: [{{name: x, match: {text}}}]")._routes[0][0]


POD = Subject(
    "infrastructure", "pod", "high", "Pod", "shop-eu", "web-1", "prod", "crash-loop", "BackOff", "container-crash-loop",
    {"team": "payments"},
)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "{kind: Pod}",
        "{kind: [Node, Pod], severity: high}",
        "{namespace: shop-*}",
        "{namespace: '*-eu'}",
        "{namespace: 's*p*eu'}",
        "{namespace: '*'}",
        "{namespace: {not: shop-us}}",
        "{namespace: {is: shop-*, not: [shop-us, '*-test']}}",
        "{labels: {team: payments}}",
        "{labels: {team: pay*, tier: ''}}",
        "{labels: {tier: {not: dev}}}",
        "{rule: container-crash-loop, condition: crash-loop, reason: BackOff, cluster: prod, name: web-1}",
    ],
)
def test_a_match_takes_what_all_of_its_members_take(text: str) -> None:
    assert match(text).takes(POD)


@pytest.mark.parametrize(
    "text",
    [
        "{kind: pod}",
        "{kind: [Node, Service]}",
        "{kind: Pod, severity: low}",
        "{namespace: shop}",
        "{namespace: shop-*-eu}",
        "{namespace: {not: shop-*}}",
        "{namespace: {is: shop-*, not: '*-eu'}}",
        "{labels: {team: ''}}",
        "{labels: {tier: '*'}}",
        "{namespace: ''}",
    ],
)
def test_a_match_leaves_what_one_of_its_members_does_not_take(text: str) -> None:
    assert not match(text).takes(POD)


def test_a_star_alone_takes_what_is_there_and_not_what_is_missing() -> None:
    assert match("{namespace: '*'}").takes(Subject(namespace="a"))
    assert not match("{namespace: '*'}").takes(Subject())


@given(st.lists(st.text("ab", max_size=3), min_size=2, max_size=5), st.text("ab", min_size=1, max_size=12))
def test_a_glob_takes_what_the_same_glob_of_a_shell_takes(pieces: list[str], value: str) -> None:
    assert like(value, pieces) is fnmatchcase(value, "*".join(pieces))


def test_a_glob_of_many_stars_is_quick_on_a_long_text() -> None:
    assert not like("a" * 100_000, ("", *["a"] * 200, "b", ""))


ROUTES = """
defaults: {group_wait: 1s, reopen_within: 1h}
routes:
  - {name: nodes, match: {kind: Node}, group_by: [cluster, node], flap: off}
  - {name: grave, match: {severity: critical}, group_wait: 0, escalate: [{severity: critical, after: 1h}]}
"""


def test_the_first_route_that_matches_decides_over_the_defaults() -> None:
    made = policies(ROUTES)
    assert made.of(Subject(kind="Node", severity="critical")) == Policy(
        "nodes", ("cluster", "node"), group_wait=1.0, reopen_within=3600.0, flap=None
    )
    assert made.of(Subject(severity="critical")) == Policy(
        "grave", group_wait=0.0, reopen_within=3600.0, escalate=(Escalation("critical", after=3600.0),)
    )
    assert made.of(Subject()) == made.defaults == Policy(group_wait=1.0, reopen_within=3600.0)


def test_every_member_of_a_policy_can_be_set() -> None:
    made = policies(
        "defaults: {group_by: [namespace, label:team, involvedObject.kind], group_wait: 0, group_interval: 1m,"
        " repeat_interval: 1d, open_after: {count: 5, within: 10m, lasting: 1m30s}, resolve_after: 5m,"
        " reopen_within: 2h, flap: {changes: 6, within: 20m}, ticket_limit: {tickets: 3, within: 1h, per: [namespace]},"
        " escalate: [{severity: high, count: 100}, {severity: critical, affected: 10}], suspect_within: 0}"
    )
    assert made.defaults == Policy(
        "default", ("namespace", "label:team", "kind"), 0.0, 60.0, 86_400.0, OpenAfter(5, 600.0, 90.0), 300.0, 7200.0,
        Flap(6, 1200.0), Limit(3, 3600.0, ("namespace",)),
        (Escalation("high", count=100), Escalation("critical", affected=10)), 0.0,
    )  # fmt: skip
    back = "defaults: {resolve_after: 5m}\nroutes: [{name: a, match: {}, resolve_after: rule, ticket_limit: off}]"
    assert policies(back).of(POD) == Policy("a", resolve_after=None, limit=None)


def test_own_defaults_reach_shipped_routes_in_what_those_do_not_say() -> None:
    own = read_texts([("own.yaml", "defaults: {group_by: [namespace], group_wait: 1m, open_after: {lasting: 1m}}")])
    made = policies_of([one for one in own if not isinstance(one, Problem)], [_plain(one) for one in read(SHIPPED)])
    image = made.of(Subject("infrastructure", kind="Pod", condition="image-pull"))
    assert (image.name, image.group_by, image.group_wait) == ("image", ("cluster", "image"), 60.0)
    probes = made.of(Subject("infrastructure", kind="Pod", condition="readiness-probe"))
    assert (probes.open_after.lasting, image.open_after.lasting) == (600.0, 60.0)
    assert made.of(Subject("infrastructure", kind="Node")).group_by == ("namespace",)


def _plain(content: dict[str, Any] | Problem) -> dict[str, Any]:
    assert not isinstance(content, Problem)
    return content


_TEXT = st.text(max_size=8)
_SUBJECTS = st.builds(
    Subject, _TEXT, _TEXT, _TEXT, st.sampled_from(["Pod", "Node", ""]), _TEXT, _TEXT, _TEXT,
    st.sampled_from(["image-pull", "node-ready", "x"]), _TEXT, _TEXT, st.dictionaries(_TEXT, _TEXT, max_size=3),
)  # fmt: skip
_ASKED = st.builds(
    Asked,
    st.sampled_from(["kind", "namespace", "condition", "label:a", "rule"]),
    st.frozensets(_TEXT, max_size=3),
    st.lists(st.lists(_TEXT, min_size=2, max_size=4).map(tuple), max_size=2).map(tuple),
    st.booleans(),
)
_MATCHES = st.lists(_ASKED, max_size=3).map(lambda asked: Match(tuple(asked)))


@given(st.lists(_MATCHES, max_size=4), st.lists(_SUBJECTS, max_size=10))
def test_every_subject_has_a_policy_and_it_is_the_first_that_matches_whatever_was_asked_before(
    matches: list[Match], subjects: list[Subject]
) -> None:
    made = Policies(routes=[(each, Policy(str(number))) for number, each in enumerate(matches)])
    for subject in (*subjects, *subjects):
        wanted = next((str(number) for number, each in enumerate(matches) if each.takes(subject)), "default")
        assert made.of(subject).name == wanted


def test_what_is_remembered_of_subjects_is_bounded() -> None:
    made = policies("routes: [{name: a, match: {name: a}}]")
    for number in range(10_000):
        assert made.of(Subject(name=str(number))).name == "default"
    assert len(made._known) <= 4096
    assert made.of(Subject(name="a")).name == "a"


QUIET = """
maintenance:
  - name: once
    from: 2027-01-15T07:30:00Z
    to: 2027-01-15 10:00
    timezone: Europe/Berlin
    match: {cluster: prod}
    why: Move
silences:
  - {name: known, until: 2027-01-15T08:30:00Z, match: {namespace: shop-*}, why: Known}
"""


def test_of_all_that_keeps_a_subject_quiet_the_one_that_ends_last_is_told() -> None:
    made = policies(QUIET)
    assert made.quiet(POD, NOW) == Quiet("once", "Move", NOW + 3600)
    assert made.quiet(Subject(namespace="shop-us"), NOW) == Quiet("known", "Known", NOW + 1800)
    assert made.quiet(Subject(namespace="other"), NOW) is None


def test_a_silence_ends_by_itself() -> None:
    made = policies(QUIET)
    shop = Subject(namespace="shop-us")
    assert made.quiet(shop, NOW + 1799.9) is not None
    assert made.quiet(shop, NOW + 1800) is None
    assert made.quiet(shop, 0) is not None, "a silence has no beginning"
    assert made.quiet(Subject(cluster="prod"), NOW - 1801) is None, "a window has one"


@pytest.mark.parametrize(
    ("said", "until"),
    [
        ("true", inf),
        (" true ", inf),
        ("2027-01-15T09:00:00Z", NOW + 3600),
        ("2027-01-15T09:00:00+01:00", None),
        ("2027-01-15T10:00:00+01:00", NOW + 3600),
        ("2027-01-15 09:00", None),
        ("false", None),
        ("yes", None),
        ("", None),
    ],
)
def test_a_namespace_or_a_node_keeps_itself_quiet_by_an_annotation(said: str, until: float | None) -> None:
    found = quiet_by_annotation({"tidings.dev/maintenance": said, "team": "a"}, NOW)
    assert (None if found is None else found.until) == until
    assert found is None or "tidings.dev/maintenance" in found.why


@given(st.dictionaries(st.sampled_from(["tidings.dev/maintenance", "a"]), st.text()), st.floats(0, 4e9))
def test_no_annotation_can_raise(labels: dict[str, str], now: float) -> None:
    found = quiet_by_annotation(labels, now)
    assert found is None or found.until > now
