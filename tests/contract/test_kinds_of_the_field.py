"""Whose matter the kinds of the field's products are, where the words of an event say nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from shared.events.model import Observation
from shared.rules import fallback
from shared.rules.specimen import build

_FILE = Path(__file__).with_name("kinds_of_the_field.yaml")
_ENTRY = re.compile(r"(?P<kind>\S+)(?: (?P<group>[^\s(]+))?(?: \((?P<component>.+)\))?")
_KINDS = 1000


def _entries() -> Iterator[tuple[str, str]]:
    for place, told in yaml.safe_load(_FILE.read_text(encoding="utf-8")).items():
        for entry in told.split(", "):
            yield place, entry


def _place(entry: str) -> str:
    parts = _ENTRY.fullmatch(entry)
    assert parts, entry
    event = {
        "kind": parts["kind"],
        "api_version": f"{parts['group']}/v1" if parts["group"] else "v1",
        "component": parts["component"] or "",
        "type": "Normal",
        "reason": "Updated",
        "message": "done",
    }
    made = build(event)
    assert isinstance(made, Observation), made
    rule = fallback.rule_for(made)
    return f"{rule.category}/{rule.subcategory}"


def test_a_kind_belongs_to_whom_its_product_belongs() -> None:
    wanted = list(_entries())
    assert len(wanted) >= _KINDS
    assert [(_place(entry), entry) for _, entry in wanted] == wanted


def test_no_kind_is_told_twice() -> None:
    told = [entry for _, entry in _entries()]
    assert len(told) == len(set(told))
