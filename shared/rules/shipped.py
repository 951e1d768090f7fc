"""The rules in force: the shipped packs, compiled where possible, and a team's own packs above them."""

from pathlib import Path
from typing import TYPE_CHECKING

from shared.events.problem import Problem, ProblemsError
from shared.rules import compiled
from shared.rules.ruleset import Rule, RuleSet
from shared.start.compiled import INSTALLED, write

if TYPE_CHECKING:
    from shared.rules.loader import Loaded

SHIPPED = Path(__file__).resolve().parents[2] / "functions" / "classifier" / "rules"


class RulesError(ProblemsError):
    """Rules that cannot be put in force."""


def load_shipped(extra_dir: Path | None = None, folder: Path = SHIPPED) -> RuleSet:
    """Return the shipped rules, with the packs of `extra_dir` above them.

    Raises RulesError where any pack has a mistake: half a rule set is worse than none.
    """
    rules = shipped_rules(folder)
    if extra_dir is None:
        return RuleSet(rules)
    return _good(_load_own(extra_dir, rules)).ruleset


def shipped_rules(folder: Path = SHIPPED) -> list[Rule]:
    """Return the rules of the shipped packs; from YAML only where the compiled form is missing or stale.

    Raises RulesError.
    """
    file = folder.parent / compiled.FILE
    try:
        rules = compiled.load(file, folder)
        if rules is None:
            mark = compiled.fingerprint(folder)
            rules = parse_folder(folder)
            write(file, compiled.dump(rules, mark))
    except OSError as error:
        raise RulesError([Problem(str(folder), 0, f"cannot be read ({error.strerror})", "reinstall Tidings")]) from None
    return rules


def parse_folder(folder: Path) -> list[Rule]:
    """Return the rules of a folder's packs, read as YAML. Raises RulesError."""
    from shared.rules.loader import load  # PyYAML and the checks are 60 ms that a compiled start does not need

    loaded = _good(load([folder], own=False))
    if not loaded.located:
        raise RulesError([Problem(str(folder), 0, "there are no rule packs in it", "reinstall Tidings")])
    return [item.rule for item in loaded.located]


def compile_folder(folder: Path) -> bytes:
    """Return the compiled form of a folder's packs: what the build hook puts into the wheel. Raises RulesError."""
    return compiled.dump(parse_folder(folder), INSTALLED)


def _load_own(folder: Path, shipped: list[Rule]) -> "Loaded":
    from shared.rules.document import Document
    from shared.rules.loader import load
    from shared.rules.pack import Located

    below = [Located(rule, Document(rule.source, None, {}), ()) for rule in shipped]
    return load([folder], own=True, shipped=below)


def _good(loaded: "Loaded") -> "Loaded":
    if loaded.problems:
        raise RulesError(loaded.problems)
    return loaded
