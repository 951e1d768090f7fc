"""The mapping of a destination: the one that it comes with, a ready one for another target, or an own file.

Apart from what every function opens (`shared/runtime/parts.py`): those that tell no foreign system load none of it.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from shared.delivery.mapping import Mapping, load_mapping
from shared.runtime.pseudonyms import PseudonymKeys
from shared.runtime.registry import readers
from shared.runtime.terms import terms_of
from shared.settings.environment import SettingsError

READY: Final = "mappings"
"""The folder, beside the mapping that a function comes with, of those for other targets."""
_NAME = re.compile(r"[a-z0-9-]+")


def ready_mapping(folder: Path, text: str) -> Path:
    """Return the mapping of that name that is shipped in a folder, as `slack`; any other text is a file of one's own.

    Raises ValueError for a name of neither.
    """
    if not _NAME.fullmatch(text) or Path(text).is_file():
        return Path(text)
    named = folder / f"{text}.yaml"
    if not named.is_file():
        there = ", ".join(sorted(path.stem for path in folder.glob("*.yaml")))
        raise ValueError(f"there is no ready mapping and no file of that name; ready are: {there}")
    return named


def ready_in(folder: Path) -> Callable[[Any], Any]:
    """Return what a setting is read by that may name a mapping of that folder."""
    return lambda value: ready_mapping(folder, value) if isinstance(value, str) else value


def opened_mapping(variable: str, path: Path, *, shipped: Path, keys: Path | None) -> Mapping:
    """Return the mapping of the destination whose own one that setting names; `shipped` is the one it comes with.

    The ready ones beside that are shipped as well: they were compiled, and extend nothing. `keys` is the folder of
    PSEUDONYM_KEYS; without one what should be a pseudonym is dropped.

    Raises SettingsError that names the variable and has every mistake.
    """
    own = path if path.parent == shipped.parent / READY else shipped
    found = load_mapping(path, terms_of(readers(variable), own, PseudonymKeys(keys).of))
    if isinstance(found, list):
        raise SettingsError([f"{variable}: {problem}" for problem in found])
    return found
