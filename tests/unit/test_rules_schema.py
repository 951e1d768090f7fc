"""The published schemas: what an editor shows is what the loader takes."""

from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
import yaml

from shared.rules import schema
from shared.rules.validation import validate


@pytest.fixture(scope="module")
def rules() -> jsonschema.Draft202012Validator:
    made = schema.rules_schema()
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


def pack(**rule: Any) -> dict[str, Any]:
    return {"pack": "own", "description": "d", "rules": [{"name": "one", "match": {"reason": "A"}, **rule}]}


@pytest.mark.parametrize(
    "rule",
    [
        {"match": {"reason": ["A", "B"], "labels.app": "x", "count": {"gt": 3}}},
        {"match": {"message": {"any": [{"prefix": "a"}, {"not": {"regex": "b"}}]}}},
        {"ticket": True, "hold": "10m", "expires": 0},
        {"ticket": {"after": 5}, "severity": "low", "phase": "problem"},
    ],
)
def test_the_schema_takes_what_the_loader_takes(rules: jsonschema.Draft202012Validator, rule: dict[str, Any]) -> None:
    assert list(rules.iter_errors(pack(**rule))) == []


@pytest.mark.parametrize(
    "rule",
    [
        {"match": {"reson": "A"}},
        {"match": {"message": {"prefx": "A"}}},
        {"match": {}},
        {"severity": "urgent"},
        {"severity": None},
        {"hold": "10 minutes"},
        {"ticket": {"after": 0}},
        {"colour": "red"},
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(
    rules: jsonschema.Draft202012Validator, tmp_path: Path, rule: dict[str, Any]
) -> None:
    assert list(rules.iter_errors(pack(**rule)))
    file = tmp_path / "own.yaml"
    defaults = {"category": "infrastructure", "subcategory": "pod", "severity": "low"}
    file.write_text(yaml.safe_dump({**pack(**rule), "defaults": defaults}), encoding="utf-8")
    assert validate([file], shipped=tmp_path / "none")


def test_the_shipped_packs_and_their_tests_are_well_and_fit_the_schemas(
    rules: jsonschema.Draft202012Validator, root: Path
) -> None:
    folder = root / "functions" / "classifier" / "rules"
    assert [str(problem) for problem in validate([folder])] == []
    tests = jsonschema.Draft202012Validator(schema.tests_schema())
    files = sorted(folder.glob("*.yaml"))
    assert files
    for file in files:
        text = file.read_text(encoding="utf-8")
        is_test = file.stem.endswith("_test")
        name = "rules-test.json" if is_test else "rules.json"
        assert text.startswith(f"# yaml-language-server: $schema=../../../docs/schemas/{name}\n"), file.name
        data = yaml.load(text, Loader=yaml.CSafeLoader)
        assert list((tests if is_test else rules).iter_errors(data)) == [], file.name
        assert is_test or file.with_name(f"{file.stem}_test.yaml").exists(), f"{file.name} has no tests"


@pytest.mark.parametrize(
    ("name", "made"), [("rules", schema.rules_schema()), ("rules-test", schema.tests_schema())]
)  # fmt: skip
def test_the_published_schemas_are_those_of_the_models(root: Path, name: str, made: dict[str, Any]) -> None:
    """To write them anew: `tidings schema --all docs/schemas`."""
    assert orjson.loads((root / "docs" / "schemas" / f"{name}.json").read_bytes()) == made
