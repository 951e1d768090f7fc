"""Files of hooks as `tidings validate` checks them: what is wrong, and what asks for something that there is not."""

from collections.abc import Sequence
from pathlib import Path

from functions.remediate.hook_file import Item, looked_at
from shared.cli import policy_doubts
from shared.cli.policies import by_folder, rules_with
from shared.events.problem import Problem


def check(files: Sequence[Path], packs: Sequence[Path]) -> tuple[list[Problem], list[Problem]]:
    """Return what is wrong with files of hooks, and what is only doubtful; those of one folder are in force together.

    `packs` are rule packs that are checked with them: their rules are known, as those in force are.
    """

    def doubtful(items: Sequence[Item], _: Sequence[Problem]) -> list[Problem]:
        rules, labels = rules_with(packs), policy_doubts.labels_in_force()
        return [*policy_doubts.unknown(items, rules), *policy_doubts.unknown_labels(items, labels)]

    return by_folder(files, looked_at, doubtful)
