"""Which files of a folder count: those at any depth, for who reads rules and who checks them alike."""

from collections.abc import Callable, Iterator
from pathlib import Path

SUFFIXES = (".yaml", ".yml")


def files_below(folder: Path, refused: Callable[[Path, OSError], None]) -> Iterator[Path]:
    """Yield the files of a folder at any depth, in order; `refused` is told of folders that cannot be read.

    Hidden folders are somebody else's (a ConfigMap's `..data`). A link to a folder is followed, for a ConfigMap's items
    with a folder in their path are such; what two links lead to is yielded once.
    """
    yield from _below(folder, refused, set())


def _below(folder: Path, refused: Callable[[Path, OSError], None], seen: set[Path]) -> Iterator[Path]:
    try:
        real = folder.resolve()
        entries = sorted(folder.iterdir()) if real not in seen else []
    except OSError as error:
        refused(folder, error)
        return
    seen.add(real)
    for entry in entries:
        if not entry.is_dir():
            yield entry
        elif not entry.name.startswith("."):
            yield from _below(entry, refused, seen)


def yaml_files(path: Path, refused: Callable[[Path, OSError], None]) -> list[Path]:
    """Return the YAML files of a folder at any depth, or the file itself, which may be called anything."""
    return [file for file in files_below(path, refused) if is_yaml(file)] if path.is_dir() else [path]


def is_yaml(file: Path) -> bool:
    """Return True for a file that may be a pack: not hidden, and called so."""
    return file.suffix in SUFFIXES and not file.name.startswith(".")
