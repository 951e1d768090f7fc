"""Packs of rules that a test writes."""

from pathlib import Path

from shared.rules.loader import load
from shared.rules.ruleset import RuleSet


def ruleset_of(folder: Path, text: str, name: str = "demo") -> RuleSet:
    """Return the rules of this text alone, which has no mistake, written into the folder as the pack of this name."""
    file = folder / f"{name}.yaml"
    file.write_text(text, encoding="utf-8")
    loaded = load([file], own=False)
    assert loaded.problems == []
    return loaded.ruleset
