"""The first example of docs/rules.md works as it stands there."""

import re
from pathlib import Path

from shared.rules import fields, parsing
from shared.rules.model import Expectation, RuleModel
from shared.rules.validation import validate


def test_the_example_validates_and_its_tests_pass(root: Path, tmp_path: Path) -> None:
    text = (root / "docs" / "rules.md").read_text(encoding="utf-8")
    pack, tests = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "payments.yaml").write_text(pack, encoding="utf-8")
    (tmp_path / "payments_test.yaml").write_text(tests, encoding="utf-8")
    assert [str(problem) for problem in validate([tmp_path], shipped=tmp_path / "none")] == []
    (tmp_path / "payments_test.yaml").write_text(tests.replace("part: b7", "part: b8"), encoding="utf-8")
    assert len(validate([tmp_path], shipped=tmp_path / "none")) == 1


def test_every_key_field_and_matcher_is_documented(root: Path) -> None:
    text = (root / "docs" / "rules.md").read_text(encoding="utf-8")
    words = [*RuleModel.model_fields, *fields.SIMPLE, *Expectation.model_fields]
    assert [word for word in words if f"`{word}`" not in text] == []
    assert [word for word in parsing.PLACEHOLDERS if f"`{{{word}}}`" not in text] == []
