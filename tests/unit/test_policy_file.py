"""The file of policies: every mistake of it at once, each at its line and with a way out."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shared.cli.checked import check
from shared.cli.schema import document
from shared.episodes.policy_content import policies_of
from shared.episodes.policy_file import read_texts
from shared.episodes.policy_forms import FILE, POLICY
from shared.episodes.policy_shipped import SHIPPED
from shared.episodes.policy_values import GROUPS
from shared.events.problem import Problem

EXAMPLES = [SHIPPED, *sorted((SHIPPED.parent / "examples").glob("*.yaml"))]
EVERYTHING = """
description: All that there can be.
defaults:
  group_by: [cluster, label:team]
  group_wait: 10s
  group_interval: 30s
  repeat_interval: 1h
  open_after: {count: 3, within: 10m, lasting: 30s}
  resolve_after: 5m
  reopen_within: 30m
  flap: {changes: 4, within: 10m}
  ticket_limit: {tickets: 20, within: 10m, per: [cluster, namespace]}
  escalate: [{severity: critical, after: 1h, count: 100, affected: 10}]
  suspect_within: 30m
routes:
  - name: one
    match:
      category: infrastructure
      severity: [high, critical]
      namespace: {is: [shop-*, bank], not: shop-test}
      labels: {team: payments, app.kubernetes.io/part-of: {not: [x, y]}}
    flap: off
    ticket_limit: off
    resolve_after: rule
  - {name: webhook-broken, enabled: false}
inhibit:
  - {name: dns, cause: {kind: DNS}, affected: {reason: Resolve*}, by: cluster}
maintenance:
  - {name: sundays, schedule: "0 2 * * SUN", duration: 4h30m, timezone: Europe/Berlin, match: {cluster: prod}, why: Patches}
  - {name: move, from: 2027-01-15 07:30, to: 2027-01-15T10:00:00Z, match: {}, why: New data centre}
silences:
  - {name: known, until: 2027-02-01T00:00:00+01:00, match: {name: old-thing}, why: It is replaced}
"""  # noqa: E501 - as people write them


def mistakes(text: str) -> list[str]:
    return [f"{one.line}: {one.message} - {one.suggestion}" for one in problems(text)]


def problems(*texts: str) -> list[Problem]:
    found = read_texts((f"{number}.yaml", text) for number, text in enumerate(texts))
    return [one for one in found if isinstance(one, Problem)]


def test_a_file_with_all_that_there_can_be_has_no_mistake_and_follows_its_schema() -> None:
    assert mistakes(EVERYTHING) == []
    jsonschema.validate(json.loads(json.dumps(yaml.safe_load(EVERYTHING), default=str)), document("policy"))


def test_that_file_has_every_member_that_a_form_knows() -> None:
    assert set(FILE.members) == set(yaml.safe_load(EVERYTHING))
    assert set(POLICY) == set(yaml.safe_load(EVERYTHING)["defaults"])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_what_is_shipped_has_no_mistake_and_follows_its_schema(path: Path) -> None:
    assert check([path]).problems == []
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), document("policy"))


def test_every_policy_that_the_page_shows_has_no_mistake(root: Path) -> None:
    page = (root / "docs" / "policy.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(shown) >= 4
    assert [mistake for text in shown for mistake in mistakes(text)] == []


def test_the_page_tells_each_member_and_each_shipped_inhibition_and_route(root: Path) -> None:
    page = (root / "docs" / "policy.md").read_text(encoding="utf-8")
    shipped = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    names = [*POLICY, *GROUPS, *(item["name"] for item in (*shipped["inhibit"], *shipped["routes"]))]
    assert [name for name in names if f"`{name}`" not in page] == []
    (first, *_) = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert yaml.safe_load(first)["defaults"] == shipped["defaults"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rotes: []\nroutes: []", '1: a policy file has no member `rotes` - did you mean "routes"?'),
        ("group_by: [namespace]", "1: a policy file has no member `group_by` - put `group_by:` below `defaults:`, or"),
        ("routes: [{name: a, match: {sev: high}}]", '`match` has no member `sev` - did you mean "severity"?'),
        ("defaults: {group_wiat: 1s}", '1: `defaults` has no member `group_wiat` - did you mean "group_wait"?'),
        ("defaults: {group_wait: 1s, group_wait: 2s}", "1: `group_wait` stands here twice - keep one of them"),
        ("defaults: {group_wait: 10}", "1: `group_wait`: `10` is no duration - write 10s, 5m, 1h30m or 2d"),
        ("defaults: {group_wait: 5m1h}", "`5m1h` is no duration"),
        ("defaults: {group_wait: 400d}", "`400d` is no duration"),
        ("defaults: {group_wait: }", "`group_wait` must be a text"),
        ("defaults: {group_wait: ''}", "`group_wait` must be a text"),
        ("defaults: {group_by: [namespace, raeson]}", 'nothing is grouped by `raeson` - did you mean "reason"?'),
        ("defaults: {group_by: [kind, involvedObject.kind]}", "`kind` is there twice"),
        ("defaults: {group_by: ['label:']}", "nothing is grouped by `label:`"),
        ("defaults: {group_by: namespace}", "`group_by` must be a list"),
        ("defaults: {open_after: {within: 1m}}", "`open_after` has `within` and no `count`"),
        ("defaults: {open_after: {count: 0}}", "`count` is a whole number from 1 to 1,000,000"),
        ("defaults: {open_after: {count: yes}}", "`count` is a whole number"),
        ("defaults: {flap: on}", "`flap` is `off` or has members - use some of: changes, within"),
        ("defaults: {flap: {chnages: 3}}", 'did you mean "changes"?'),
        ("defaults: {resolve_after: never}", "`never` is no duration"),
        ("defaults: {escalate: [{severity: critcal, after: 1h}]}", 'cannot be `critcal` - did you mean "critical"?'),
        ("defaults: {escalate: [{severity: critical}]}", "an escalation does not say when"),
        ("defaults: {escalate: [{after: 1h}]}", "an escalation needs `severity`"),
        ("routes: [{match: {}}]", "a route needs `name` - add `name:` to it"),
        ("routes:\n  - name: a\n    group_wait: 1s", "2: a route needs `match`"),
        ("routes: [{name: Not so, match: {}}]", "`name` cannot be `Not so` - use a-z, 0-9 and single hyphens"),
        ("routes: [{name: a, match: {categroy: x}}]", '`match` has no member `categroy` - did you mean "category"?'),
        ("routes: [{name: a, match: {category: securty}}]", 'no category `securty` - did you mean "security"?'),
        ("routes: [{name: a, match: {severity: {not: [hihg]}}}]", 'there is no severity `hihg` - did you mean "high"?'),
        ("routes: [{name: a, match: {kind: {nto: Pod}}}]", '`kind` has no member `nto` - did you mean "not"?'),
        ("routes: [{name: a, match: {kind: []}}]", "`kind` has an empty list"),
        ("routes: [{name: a, match: {kind: {}}}]", "`kind` asks for nothing"),
        ("routes: [{name: a, match: {kind: [[Pod]]}}]", "`kind` must be a text"),
        ("routes: [{name: a, match: {labels: team}}]", "`labels` must have members"),
        ("routes: [{name: a, match: []}]", "`match` must have members"),
        ("routes: [{name: a, enabled: maybe, match: {}}]", "`enabled` is true or false"),
        ("routes: {name: a}", "`routes` must be a list"),
        ("routes:\n- {name: a, match: {}}\n- {name: a, match: {}}",
         "3: there are two of the name `a` in `routes` - give it another; the first is at 0.yaml:2"),
        ("inhibit: [{name: a, cause: {}, affected: {}, by: nod}]", '`by` cannot be `nod` - did you mean "node"?'),
        ("inhibit: [{name: a, cause: {}}]", "an inhibition needs `affected`"),
        ("maintenance: [{name: a, match: {}, why: x}]", "a maintenance window is either on a schedule or once"),
        ("maintenance: [{name: a, match: {}, why: x, schedule: 0 2 * * *}]", "a maintenance window needs `duration`"),
        ("maintenance: [{name: a, match: {}, why: x, schedule: 0 2 * * *, duration: 0}]", "has no duration"),
        ("maintenance: [{name: a, match: {}, why: x, schedule: 0 25 * * *, duration: 1h}]",
         "`schedule`: `0 25 * * *` is no time of any year - write minute, hour, day, month and weekday,"),
        ("maintenance: [{name: a, match: {}, why: x, schedule: 0 0 31 2 *, duration: 1h}]", "is no time of any year"),
        ("maintenance: [{name: a, match: {}, why: x, schedule: 0 0 0 1 1 *, duration: 1h}]", "is no time of any year"),
        ("maintenance: [{name: a, match: {}, why: x, schedule: often, duration: 1h}]", "is no time of any year"),
        ("maintenance: [{name: a, match: {}, why: x, from: 2027-01-01, to: 2026-01-01}]", "ends before it begins"),
        ("maintenance: [{name: a, match: {}, why: x, from: noon, to: 2026-01-01}]", "`from`: `noon` is no time"),
        ("maintenance: [{name: a, match: {}, why: x, from: 2027-01-01}]", "a maintenance window needs `to`"),
        ("maintenance: [{name: a, match: {}, why: x, timezone: Europe/Berln, schedule: 0 2 * * *, duration: 1h}]",
         'there is no time zone `Europe/Berln` - did you mean "Europe/Berlin"?'),
        ("silences: [{name: a, match: {}, why: x}]", "a silence needs `until`"),
        ("silences: [{name: a, match: {}, why: x, until: soon}]", "`until`: `soon` is no time - write an RFC 3339"),
        ("silences: [{name: a, match: {}, until: 2027-01-01}]", "a silence needs `why`"),
        ("", "0: there is nothing in this file"),
        ("- a", "a policy file must have members"),
        ("a: [", "this is not YAML"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_a_way_out(text: str, told: str) -> None:
    found = mistakes(text)
    assert any(told in one for one in found), found


def test_all_mistakes_are_told_at_once_and_in_their_order() -> None:
    text = "defaults: {group_wait: 1}\nroutes:\n  - {name: a, match: {kind: []}}\n  - {name: a, match: {category: x}}\n"
    found = problems(f"{text}silences: [{{name: s}}]", "routes: [{name: a, match: {}}]\ndefaults: {flap: 1}")
    assert [(one.file, one.line) for one in found] == [
        *(("0.yaml", line) for line in (1, 3, 4, 4, 5, 5, 5)), ("1.yaml", 1), ("1.yaml", 2), ("1.yaml", 2),
    ]  # fmt: skip


def test_files_of_one_folder_are_checked_together_and_each_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("routes: [{name: x, match: {}}]", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("# ours\ndefaults: {}\nroutes: [{name: x, match: {}}]", encoding="utf-8")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "c.yaml").write_text("silences:\n  - {name: x}\n", encoding="utf-8")
    told = [f"{Path(one.file).name}:{one.line}" for one in check([tmp_path]).problems]
    assert told == ["b.yaml:3", "c.yaml:2", "c.yaml:2", "c.yaml:2"]


def test_a_file_with_nothing_but_a_member_in_a_wrong_place_is_known_for_a_policy(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("group_by: [namespace]\n", encoding="utf-8")
    assert [one.suggestion for one in check([file]).problems] == ["put `group_by:` below `defaults:`, or into a route"]


def test_a_condition_or_a_rule_that_no_rule_has_is_doubtful(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        "routes:\n  - {name: a, match: {condition: [crash-lop, crash-*, own], rule: node-not-ready}}\n"
        "inhibit:\n  - {name: b, cause: {rule: {not: node-not-redy}}, affected: {}, by: node}\n",
        encoding="utf-8",
    )
    (tmp_path / "mine.yaml").write_text(
        "pack: mine\ndescription: Ours.\ndefaults: {category: infrastructure, subcategory: pod, severity: high}\n"
        "rules: [{name: own, match: {reason: Odd}}]\n",
        encoding="utf-8",
    )
    found = check([tmp_path])
    assert found.problems == []
    assert [(one.line, one.message, one.suggestion) for one in found.warnings] == [
        (2, "`a` asks for the condition `crash-lop`, which there is not", 'did you mean "crash-loop"?'),
        (4, "`b` asks for the rule `node-not-redy`, which there is not", 'did you mean "node-not-ready"?'),
    ]


def test_a_silence_that_is_over_or_takes_in_everything_is_doubtful(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        "silences:\n"
        "  - {name: old, until: 2020-02-01 10:00, timezone: Europe/Berlin, match: {name: a}, why: x}\n"
        "  - {name: all, until: 2999-02-01T00:00:00Z, match: {}, why: x}\n"
        "  - {name: good, until: 2999-02-01T00:00:00Z, match: {name: a}, why: x}\n",
        encoding="utf-8",
    )
    found = check([file])
    assert found.problems == []
    assert [(one.line, one.message.split(":")[0]) for one in found.warnings] == [
        (2, "the silence `old` ended at 2020-02-01 10"),
        (3, "the silence `all` takes in everything"),
    ]


def test_an_escalation_to_what_is_no_higher_is_doubtful(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        "routes:\n"
        "  - {name: down, match: {severity: [critical, high]}, escalate: [{severity: medium, after: 1h}]}\n"
        "  - {name: same, match: {severity: high}, escalate: [{severity: high, after: 1h}]}\n"
        "  - {name: up, match: {severity: [critical, high]}, escalate: [{severity: critical, after: 1h}]}\n"
        "  - {name: any, match: {}, escalate: [{severity: low, after: 1h}]}\n"
        "defaults: {group_by: []}\n",
        encoding="utf-8",
    )
    found = check([file])
    assert found.problems == []
    assert [(one.line, one.message) for one in found.warnings] == [
        (2, "`down` escalates to medium, which is not above what it matches"),
        (3, "`same` escalates to high, which is not above what it matches"),
    ]


_WORDS = st.sampled_from([*FILE.members, *POLICY, "name", "match", "a", "10s", "off", "kind", "Pod", "*", "by", "node"])
_VALUES = st.recursive(
    _WORDS | st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(list(FILE.members)), _VALUES, max_size=4))
def test_whatever_stands_in_a_file_is_put_in_force_or_refused(data: dict[str, object]) -> None:
    contents = read_texts([("x.yaml", yaml.safe_dump(data))])
    if all(not isinstance(one, Problem) for one in contents):
        policies_of([one for one in contents if not isinstance(one, Problem)], [])
    else:
        assert all(isinstance(one, Problem) and one.message for one in contents)


@given(st.text(max_size=200))
def test_no_text_can_raise(text: str) -> None:
    read_texts([("x.yaml", text)])
