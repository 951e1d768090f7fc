"""All that is wrong with packs and their tests, at once."""

from collections.abc import Sequence
from pathlib import Path

from shared.events.problem import Problem
from shared.rules.loader import TEST_SUFFIX, Loaded, load, pack_files, yaml_files
from shared.rules.packtests import run_pack_tests
from shared.rules.shipped import SHIPPED


def validate(paths: Sequence[Path | str], shipped: Path = SHIPPED) -> list[Problem]:
    """Check packs and run the tests beside them; the list is empty where all is well.

    Files of the shipped folder are checked among their siblings, others as a team's own packs above the shipped ones:
    a recovery may live in another pack, and a test shows what really happens. Only problems of `paths` are returned.
    """
    problems: list[Problem] = []
    files = yaml_files(paths, problems)
    wanted = {file.resolve() for file in files}
    tests = [file for file in files if file.stem.endswith(TEST_SUFFIX)]
    packs = [file for file in files if file not in tests]
    beside = [file.with_name(f"{file.stem}{TEST_SUFFIX}{file.suffix}") for file in packs]
    tests += [file for file in beside if file.is_file() and file.resolve() not in wanted]
    wanted |= {file.resolve() for file in tests}
    own = [file for file in packs if file.resolve().parent != shipped.resolve()]
    base = _shipped(shipped, [file for file in packs if file not in own])
    loaded = load(own, own=True, shipped=base.located, refused=base.broken)
    problems += [problem for problem in base.problems if Path(problem.file).resolve() in wanted]
    problems += loaded.problems
    problems += run_pack_tests(tests, loaded.ruleset, loaded.broken, base.spoiled | loaded.spoiled)
    return sorted(set(problems))


def _shipped(folder: Path, named: list[Path]) -> Loaded:
    """Load the shipped packs, those that were named under the name that they were given."""
    resolved = {file.resolve() for file in named}
    others = [file for file in pack_files([folder], []) if file.resolve() not in resolved] if folder.is_dir() else []
    return load([*named, *others], own=False)
