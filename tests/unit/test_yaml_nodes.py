"""YAML files that would cost the process its memory or its life are refused as values that cannot be read."""

from pathlib import Path

import pytest

from shared.events.problem import Problem
from shared.events.yaml_nodes import MAX_DEPTH, compose, compose_all
from shared.local.broker.located import read_documents

_LAUGHS = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 8)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize("text", ["[" * 200_000, "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "&a [*a]", _LAUGHS])
def test_what_is_too_deep_or_stands_for_too_much_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="too"):
        compose(text)
    with pytest.raises(ValueError, match="too"):
        compose_all(text)


def test_aliases_and_documents_within_bounds_are_read() -> None:
    assert compose("") is None
    assert compose("a: &a [1]\nb: *a\n") is not None
    assert len(compose_all("a: 1\n---\nb: 2\n---\n")) == 3


def test_a_manifest_that_stands_for_billions_of_nodes_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(_LAUGHS)
    assert isinstance(read_documents(tmp_path / "t.yaml", "t.yaml"), Problem)
