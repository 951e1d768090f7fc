"""Files of hooks as `tidings validate` checks them: what is wrong, and what asks for something that there is not."""

from collections.abc import Sequence
from pathlib import Path

from functions.remediate.hook_file import looked_at
from shared.cli import policy_doubts
from shared.cli.policies import rules_with
from shared.events.problem import Problem


def check(files: Sequence[Path], packs: Sequence[Path]) -> tuple[list[Problem], list[Problem]]:
    """Return what is wrong with files of hooks, and what is only doubtful; those of one folder are in force together.

    `packs` are rule packs that are checked with them: their rules are known, as those in force are.
    """
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for folder in dict.fromkeys(path.parent for path in files):
        beside = [path for path in files if path.parent == folder]
        items, wrong = looked_at((str(path), path.read_text(encoding="utf-8-sig")) for path in beside)
        problems += wrong
        warnings += policy_doubts.unknown(items, rules_with(packs))
        warnings += policy_doubts.unknown_labels(items, policy_doubts.labels_in_force())
    return problems, warnings
