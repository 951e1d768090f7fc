"""Load pack files: from paths to a rule set, with every mistake of every file named at once."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shared.events.problem import Problem
from shared.rules import checks, document
from shared.rules.pack import Located, parse
from shared.rules.ruleset import RuleSet
from shared.settings import folder

MAX_FILE = 2 << 20  # bytes
TEST_SUFFIX = "_test"
_NAMES = re.compile(r"\bname:[ \t]*[\"']?([\w-]+)")  # of rules in a file that is no YAML


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the files hold: the rule set of all rules that are right, and the problems of the others."""

    ruleset: RuleSet
    problems: list[Problem]
    located: list[Located] = field(default_factory=list)
    broken: frozenset[str] = frozenset()  # names of refused rules: what follows from that is not said again
    spoiled: frozenset[Path] = frozenset()  # files with a mistake, without their suffix

    @property
    def good(self) -> bool:
        """Return True where nothing is wrong at all."""
        return not self.problems


def load(
    paths: Sequence[Path | str], *, own: bool = True, shipped: Iterable[Located] = (), refused: Iterable[str] = ()
) -> Loaded:
    """Load packs from files and folders (their *.yaml at any depth, without _test files), `shipped` rules below them.

    `own` says that these are a team's own packs: they win over shipped ones. Problems of `shipped` rules are theirs and
    not looked for again, `refused` names those that are wrong. Nothing raises: what cannot be read is a problem.
    """
    problems: list[Problem] = []
    located: list[Located] = []
    broken: set[str] = set(refused)
    spoiled: set[Path] = set()
    for file in pack_files(paths, problems):
        text = file_text(file, problems)
        if text is None:
            continue
        found, wrong = document.read(str(file), text)
        problems += wrong
        if found.data is None and wrong:
            broken.update(_NAMES.findall(text))
            spoiled.add(file.with_suffix(""))
            continue
        pack = parse(found, own=own)
        problems += pack.problems
        spoiled |= {file.with_suffix("")} if pack.broken else set()
        located += pack.rules
        broken |= pack.broken
    below = list(shipped)
    problems += checks.across(located, below, broken)
    ruleset = RuleSet(item.rule for item in (*below, *located))
    return Loaded(ruleset, sorted(set(problems)), located, frozenset(broken), frozenset(spoiled))


def pack_files(paths: Sequence[Path | str], problems: list[Problem]) -> list[Path]:
    """Return the pack files of these paths, each once, in order; a path that is not there becomes a problem."""
    return [file for file in yaml_files(paths, problems) if not file.stem.endswith(TEST_SUFFIX)]


def yaml_files(paths: Sequence[Path | str], problems: list[Problem]) -> list[Path]:
    """Return all YAML files of these paths, of folders at any depth, each once."""
    found: dict[Path, None] = {}

    def refused(path: Path, error: OSError) -> None:
        problems.append(Problem(str(path), 0, f"cannot be read ({error.strerror})", "check the permissions"))

    for path in (Path(path) for path in paths):
        try:
            if path.exists():
                found.update(dict.fromkeys(folder.yaml_files(path, refused)))
            else:
                problems.append(Problem(str(path), 0, "there is no such file or folder", "check the path"))
        except OSError as error:
            refused(path, error)
    return list(found)


def file_text(file: Path, problems: list[Problem]) -> str | None:
    """Return the text of a file; what keeps it from being read becomes a problem."""
    try:
        if file.stat().st_size > MAX_FILE:
            problems.append(Problem(str(file), 0, "larger than 2 MiB", "split the pack"))
            return None
        return file.read_text(encoding="utf-8")
    except OSError as error:
        problems.append(Problem(str(file), 0, f"cannot be read ({error.strerror})", "check the permissions"))
    except UnicodeDecodeError:
        problems.append(Problem(str(file), 0, "this is not UTF-8 text", "save the file as UTF-8"))
    return None
