"""Rule packs compiled to one file, in the form of `shared/start/compiled.py`: which files, and rules as tuples."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from shared.rules.ruleset import Rule
from shared.start import compiled

FORMAT = 3
FILE = "_compiled.bin"
_COMPILERS = (
    *("compiled", "fields", "matchers", "model", "pack", "parsing", "regex", "ruleset", "specificity"),
    "../start/compiled",
)


def fingerprint(folder: Path) -> str:
    """Return a digest of the pack files and of the modules that turn them into rules. Raises OSError."""
    sources = [Path(__file__).parent / f"{name}.py" for name in _COMPILERS]
    packs = sorted(file for file in folder.rglob("*.yaml") if not file.stem.endswith("_test"))
    return compiled.fingerprint(FORMAT, (*sources, *packs))


def dump(rules: Iterable[Rule], mark: str) -> bytes:
    """Return the compiled form of rules whose packs have this fingerprint."""
    return compiled.dump([tuple(rule) for rule in rules], mark)


def load(file: Path, folder: Path) -> list[Rule] | None:
    """Return the rules of a folder's compiled file; None where there is none, or where it is stale. Raises OSError."""
    rows = compiled.load(file, partial(fingerprint, folder))
    return None if rows is None else [Rule(*row) for row in rows]
