"""A dialect is told by its forms, whichever of the paths that a mark allows is there, and by nothing less."""

from itertools import product
from typing import Any

import pytest

from shared.sources.dialects import DIALECTS
from shared.sources.forms import Mark, has_form, marks_of, members_of

FORMS = [(dialect, form) for dialect in DIALECTS for form in dialect.forms]


def put(payload: dict[str, Any], path: str, value: str) -> None:
    *above, last = path.split(".")
    for key in above:
        payload = payload.setdefault(key, {})
    payload[last] = value


def payloads(form: str) -> list[dict[str, Any]]:
    """Return what has just the marks of a form: for each choice of their paths, nested and as keys with dots."""
    marks = [mark for mark in marks_of(form) if not mark.absent]
    made = []
    for chosen in product(*(mark.paths for mark in marks)):
        nested: dict[str, Any] = {}
        for mark, path in zip(marks, chosen, strict=True):
            put(nested, path, value_of(mark))
        flat = {path: value_of(mark) for mark, path in zip(marks, chosen, strict=True)}
        made += [nested, flat]
    return made


def value_of(mark: Mark) -> str:
    return mark.values[0] if mark.values else "x"


@pytest.mark.parametrize("form", [form for _, form in FORMS], ids=[f"{one.name}: {form}" for one, form in FORMS])
def test_what_has_a_form_is_never_passed_over(form: str) -> None:
    """Most forms are passed over by a look at the top-level members alone."""
    for payload in payloads(form):
        assert all(mark.holds(payload) for mark in marks_of(form))
        assert has_form(payload, form), payload


def test_a_record_of_the_audit_log_is_passed_over_by_those_that_read_other_things() -> None:
    record = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "auditID": "a",
        "stage": "ResponseComplete",
        "verb": "get",
    }
    forms = [(dialect.name, form) for dialect, form in FORMS]
    assert {name for name, form in forms if not record.keys().isdisjoint(members_of(form))} == {"audit"}
