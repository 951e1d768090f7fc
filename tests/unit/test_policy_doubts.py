"""What `tidings validate` warns of in a policy without mistakes: what does nothing, or hardly what is meant."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.cli.checked import check
from shared.episodes.policy_shipped import SHIPPED

Doubts = Callable[[str], list[tuple[int, str, str]]]
EXAMPLES = [SHIPPED, *sorted((SHIPPED.parent / "examples").glob("*.yaml"))]


@pytest.fixture
def doubts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doubts:
    """Return what checks a policy without a mistake, and returns the warnings: line, message, way out."""
    monkeypatch.chdir(tmp_path)

    def of(text: str) -> list[tuple[int, str, str]]:
        (tmp_path / "policy.yaml").write_text(text, encoding="utf-8")
        found = check([Path("policy.yaml")])
        assert found.problems == []
        return [(one.line, one.message, one.suggestion) for one in found.warnings]

    return of


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_nothing_is_doubtful_in_what_is_shipped(path: Path) -> None:
    assert check([path]).warnings == []


def test_no_policy_that_the_page_shows_loses_a_shipped_group_or_asks_for_an_unknown_label(
    doubts: Doubts, root: Path
) -> None:
    page = (root / "docs" / "policy.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    told = [message for text in shown for _, message, _ in doubts(text)]
    assert [message for message in told if "group_by" in message or "label" in message] == []


def test_a_shipped_route_or_inhibition_is_switched_off_by_its_name_alone(doubts: Doubts) -> None:
    assert doubts("routes: [{name: workload, enabled: false}]\ninhibit: [{name: node-down, enabled: false}]\n") == []


def test_what_is_switched_off_and_is_nothing_shipped_is_doubtful_unless_it_is_a_route_of_ones_own(
    doubts: Doubts,
) -> None:
    found = doubts(
        "inhibit:\n  - {name: nodedown, enabled: false}\n"
        "routes:\n  - {name: imagee, enabled: false, match: {}}\n"
        "  - {name: parked, enabled: false, match: {kind: Node}}\n"
    )
    assert found == [
        (2, "`nodedown` takes nothing away: no inhibition of this name is shipped", 'did you mean "node-down"?'),
        (4, "`imagee` takes nothing away: no route of this name is shipped", 'did you mean "image"?'),
    ]


def test_doubts_are_told_beside_mistakes_of_other_items(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        "routes:\n"
        "  - {name: a, match: {condition: crash-lop}, group_by: []}\n"
        "  - {name: b, match: {condition: crash-lop, kind: []}, escalate: [{severity: up, after: 1h}]}\n"
        "  - {name: c, match: {condition: crash-lop}, escalate: [{severity: high}]}\n"
        "maintenance: [{name: d, schedule: 0 2 * * *, match: {}, why: x}]\n"
        "silences: [{name: e, until: soon, match: {}, why: x}]\n"
        "defaults: {flap: {changes: 1}, group_wait: soon}\n",
        encoding="utf-8",
    )
    found = check([file])
    assert {one.line for one in found.problems} == {3, 4, 5, 6, 7}
    assert [one.line for one in found.warnings] == [2], "what is wrong is told once"


def test_a_window_that_begins_again_before_it_ends_is_doubtful(doubts: Doubts) -> None:
    found = doubts(
        "maintenance:\n"
        '  - {name: all, schedule: "* * * * *", duration: 4h, match: {}, why: x}\n'
        '  - {name: nodes, schedule: "*/5 * * * *", duration: 5m, match: {kind: Node}, why: x}\n'
        '  - {name: sundays, schedule: "0 2 * * SUN", duration: 4h, match: {}, why: x}\n'
        '  - {name: by-day, schedule: "* 8-22 * * *", duration: 1m, match: {}, why: x}\n'
        '  - {name: minutes-but-december, schedule: "* * * 1-11 *", duration: 1m, match: {}, why: x}\n'
        '  - {name: minutes, schedule: "* * * * *", duration: 1m, match: {kind: Pod}, why: x}\n'
        '  - {name: not-in-december, schedule: "0 0 * 1-11 *", duration: 1d, match: {}, why: x}\n'
        "  - {name: once, from: 2027-01-15 22:00, to: 2027-01-16 06:00, match: {}, why: x}\n"
    )
    assert [(line, message) for line, message, _ in found] == [
        (2, "the window `all` begins again before it ends: nothing at all ever has a ticket"),
        (3, "the window `nodes` begins again before it ends: what it takes never has a ticket"),
        (7, "the window `minutes` begins again before it ends: what it takes never has a ticket"),
    ]


def test_a_route_that_takes_all_before_others_is_doubtful(doubts: Doubts) -> None:
    found = doubts(
        "routes:\n"
        "  - {name: all, match: {}, group_by: [namespace]}\n"
        "  - {name: off, match: {kind: Node}, enabled: false}\n"
        "  - {name: nodes, match: {kind: Node}, group_by: []}\n"
    )
    assert [(line, message) for line, message, _ in found] == [
        (2, "`all` takes all that comes: nobody asks `nodes` behind it")
    ]


def test_a_kind_in_other_letters_is_doubtful_and_one_that_no_rule_knows_is_not(doubts: Doubts) -> None:
    found = doubts(
        "routes: [{name: a, match: {kind: [pod, Deployments, Pod, Switch, no*]}, group_by: []}]\n"
        "inhibit: [{name: b, cause: {kind: {not: node}}, affected: {}, by: node}]\n"
    )
    assert found == [
        (1, "`a` asks for the kind `Deployments`, which there is not", 'did you mean "Deployment"?'),
        (1, "`a` asks for the kind `pod`, which there is not", 'did you mean "Pod"?'),
        (2, "`b` asks for the kind `node`, which there is not", 'did you mean "Node"?'),
    ]


def test_a_label_that_no_episode_carries_is_doubtful(doubts: Doubts) -> None:
    text = (
        "defaults: {ticket_limit: {per: ['label:place']}}\n"
        "routes: [{name: a, match: {labels: {owner: x, team: y, tidings.dev/own: z}}, group_by: ['label:cost']}]\n"
    )
    has = "it has tidings.dev/assignment-group, app.kubernetes.io/part-of, team"
    assert doubts(text) == [
        (line, f"`{who}` asks for the label `{label}`, which CORRELATOR_LABELS does not name: it is always empty",
         f"add it to CORRELATOR_LABELS of the correlator; {has}")
        for line, who, label in ((1, "defaults", "place"), (2, "a", "cost"), (2, "a", "owner"))
    ]  # fmt: skip
    Path(".env").write_text("CORRELATOR_LABELS=owner,cost,place,team\n", encoding="utf-8")
    assert doubts(text) == []


def test_flapping_from_the_first_return_on_is_doubtful(doubts: Doubts) -> None:
    found = doubts("defaults: {flap: {changes: 1}}\nroutes: [{name: a, match: {kind: Node}, flap: {changes: 2}}]\n")
    assert [(line, message) for line, message, _ in found] == [
        (1, "`defaults` has `flap` with one change: whatever ended and came back once flaps")
    ]


LASTING = "open_after: {lasting: 5m}"


@pytest.mark.parametrize(
    ("route", "shipped"),
    [
        (f"{{name: a, match: {{severity: medium}}, {LASTING}}}", "`webhook-refuses`, `image`, `workload`"),
        (f"{{name: a, match: {{namespace: {{is: shop-*, not: shop-b}}, kind: Pod}}, {LASTING}}}",
         "`image`, `probes`, `workload`"),
        (f"{{name: a, match: {{labels: {{team: x}}, condition: image-pull}}, {LASTING}}}", "`image`"),
        (f"{{name: a, match: {{rule: readiness-probe-failed}}, {LASTING}}}", "`probes`"),
        ("{name: image, match: {condition: image-pull}}", "`image`"),
    ],
)  # fmt: skip
def test_a_route_without_a_group_that_stands_before_shipped_groups_is_doubtful(
    doubts: Doubts, route: str, shipped: str
) -> None:
    ((line, message, _),) = doubts(f"routes:\n  - {route}\n")
    assert line == 2
    assert f"has no `group_by` and takes problems that the shipped {shipped} would group: each has a" in message


@pytest.mark.parametrize(
    "text",
    [
        "routes: [{name: a, match: {severity: medium}, group_by: []}]",
        "routes: [{name: a, match: {severity: medium}, group_by: [namespace]}]",
        "routes: [{name: a, match: {severity: medium}}]\ndefaults: {group_by: [namespace]}",
        "routes: [{name: a, match: {severity: medium}, enabled: false}]",
        "routes: [{name: a, match: {kind: Node}}]",
        "routes: [{name: a, match: {category: security, subcategory: rbac}}]",
        "routes: [{name: a, match: {condition: readiness-probe}}, *probes, {name: workload, enabled: false}]",
        "routes: [{name: a, match: {kind: Pod, condition: {not: '*'}}}]",
    ],
)
def test_a_route_that_says_how_it_groups_or_takes_nothing_of_a_shipped_group_is_not_doubtful(
    doubts: Doubts, text: str
) -> None:
    assert doubts(text.replace("*probes", "{name: probes, match: {kind: X}, group_by: []}")) == []
