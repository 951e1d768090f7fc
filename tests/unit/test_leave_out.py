"""The measure of judgement leaves out what it says, and nothing else."""

from pathlib import Path

import pytest

from shared.rules.ruleset import RuleSet
from tests.bench.judgement import table
from tests.support.leave_out import Score, scores
from tests.support.packs import ruleset_of

_CATALOGUE = """\
reason,component,kind,type,category,subcategory,severity,recovery_reason,message_pattern,source_repo_path
GizmoLost,gizmo-controller,Gizmo,Warning,infrastructure,storage,1,,^gizmo lost$,x
GizmoShown,other-controller,Gizmo,Normal,infrastructure,workload,5,,^gizmo shown$,x
"""
_PACK = """\
pack: gizmos
description: Rules of this test
defaults: {category: infrastructure, subcategory: storage}
rules:
  - {name: gizmo-lost, match: {reason: GizmoLost, kind: Gizmo}, severity: critical}
  - {name: gizmo-lost-anyhow, match: {reason: GizmoLost}, severity: critical}
  - {name: gizmo-shown, match: {reason: GizmoShown}, severity: info, phase: info, subcategory: workload}
  - {name: gizmo-words, match: {message: {contains: gizmo}}, severity: high}
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "reasons.csv").write_text(_CATALOGUE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def ruleset(tmp_path: Path) -> RuleSet:
    return ruleset_of(tmp_path, _PACK, "gizmos")


def test_what_decides_a_row_and_what_names_its_reason_is_left_out_and_general_words_stay(
    data: Path, ruleset: RuleSet
) -> None:
    lost = scores(data, ruleset)["gizmo-controller"]
    assert lost.rows == 1
    # gizmo-words judges it now: high for critical, and all else alike
    assert lost.alike == {"category": 1, "subcategory": 1, "severity": 0, "phase": 1, "ticket": 1}
    assert lost.mean == 80


def test_the_other_components_keep_their_rules_and_the_table_has_a_line_for_each(data: Path, ruleset: RuleSet) -> None:
    of_each = scores(data, ruleset)
    shown = of_each["other-controller"]
    assert shown.alike == {"category": 1, "subcategory": 0, "severity": 0, "phase": 0, "ticket": 0}
    lines = table({**of_each, "all": sum(of_each.values(), Score())}).splitlines()
    assert [line.split()[0] for line in lines] == ["component", "gizmo-controller", "other-controller", "all"]
    assert lines[-1].split() == ["all", "2", "100.0", "50.0", "0.0", "50.0", "50.0", "50.0"]
