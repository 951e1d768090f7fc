"""What events hold is published as JSON Schemas; within version 1 the next release only adds to them."""

from typing import Any, Final

import pytest

from tests.support.releases import NOW, Release

PAYLOADS = ("observation", "verdict", "classified", "episode", "change", "delivery", "dead-letter", "listed")

READ_FIRST: Final[frozenset[str]] = frozenset()
"""Places of new words, as `$.episode.state`, that this release reads and the next one is to write (docs/upgrade.md)."""

_WORDS_FOR_PEOPLE = frozenset({"title", "description", "default", "examples", "$schema", "$defs", "$ref"})


@pytest.mark.parametrize("name", PAYLOADS)
def test_each_release_reads_what_the_other_one_writes_by_the_schemas_of_both(name: str, before: Release) -> None:
    was, now = before.schema(name), NOW.schema(name)
    assert [one for one in differences(was, was, now, now, f"$.{name}") if one.split(":")[0] not in READ_FIRST] == []


def test_what_may_not_change_within_a_version_is_told() -> None:
    was = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"enum": ["x", "y"]}}, "required": ["a"]}
    more = {**was, "properties": {**was["properties"], "c": {"type": "integer"}}}  # type: ignore[dict-item]
    assert differences(was, was, more, more, "$") == [], "a member more, which may be missing"
    for changed, told in (
        ({**was, "properties": {"a": {"type": "string"}}, "required": ["a"]}, "$.b: is gone"),
        ({**more, "required": ["a", "c"]}, "$: required is ['a', 'c'], was ['a']"),
        ({**was, "required": []}, "$: required is [], was ['a']"),
        ({**was, "properties": {**was["properties"], "a": {"type": "integer"}}}, "$.a: type is integer, was string"),  # type: ignore[dict-item]
        ({**was, "properties": {**was["properties"], "b": {"enum": ["x"]}}}, "$.b: enum is ['x'], was ['x', 'y']"),  # type: ignore[dict-item]
    ):
        assert differences(was, was, changed, changed, "$") == [told]


def differences(was: Any, was_root: Any, now: Any, now_root: Any, place: str) -> list[str]:
    """Return where one of two schemas says otherwise of what both know, by its place."""
    was, now = _resolved(was, was_root), _resolved(now, now_root)
    if not isinstance(was, dict) or not isinstance(now, dict):
        return [] if was == now else [f"{place}: is {now}, was {was}"]
    found: list[str] = []
    for word in sorted((was.keys() | now.keys()) - _WORDS_FOR_PEOPLE - {"properties"}):
        one, other = was.get(word), now.get(word)
        if isinstance(one, list) and isinstance(other, list) and len(one) == len(other) and word == "anyOf":
            for left, right in zip(one, other, strict=True):
                found += differences(left, was_root, right, now_root, place)
        elif isinstance(one, dict) and isinstance(other, dict):
            found += differences(one, was_root, other, now_root, f"{place}[]")
        elif one != other:
            found.append(f"{place}: {word} is {other}, was {one}")
    known = now.get("properties", {})
    for name, member in was.get("properties", {}).items():
        here = f"{place}.{name}"
        found += differences(member, was_root, known[name], now_root, here) if name in known else [f"{here}: is gone"]
    return found


def _resolved(schema: Any, root: Any) -> Any:
    while isinstance(schema, dict) and "$ref" in schema:
        found = root["$defs"][schema["$ref"].rpartition("/")[2]]
        schema = {**found, **{name: value for name, value in schema.items() if name != "$ref"}}
    return schema
