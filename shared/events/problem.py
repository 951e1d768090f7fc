"""What is wrong with a file that people edit, as a value with the place and the way out."""

from collections.abc import Iterable
from typing import Final, NamedTuple

_BEGINNING: Final = 3  # letters from which on a word may be the beginning of another


class Problem(NamedTuple):
    """One mistake: `line` counts from 1 (0: the file as a whole); `suggestion` says what to write instead.

    Ordered by its place.
    """

    file: str
    line: int
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}" + (f" - {self.suggestion}" if self.suggestion else "")


class ProblemsError(ValueError):
    """What people edit cannot be put in force; `problems` names every mistake with its place."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems[:3]))
        self.problems = problems


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return `did you mean "x"?` for the nearest known word, or the only one that begins so; else `otherwise`.

    Without that it is the list of known words.
    """
    import difflib  # only where there is a mistake, never on a function's start

    choices = list(known)
    lower = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=0.6)
    begun = [choice for choice in lower if choice.startswith(word.lower())] if len(word) >= _BEGINNING else []
    near = near or (begun if len(begun) == 1 else [])
    if near:
        return f'did you mean "{lower[near[0]]}"?'
    return otherwise or "use one of: " + ", ".join(choices)
