"""Whose matter something is: what it is about, who says so, and what its words speak of.

A row of `place_rows` names a place and the RE2 patterns that lead there; the first row with a pattern that is found
decides.
"""

from functools import lru_cache

from shared.rules.place import Place
from shared.rules.place_rows import ROWS
from shared.rules.regex import PatternSet

ELSEWHERE: Place = ("infrastructure", "workload")  # Deployments, Jobs, custom resources of all sorts

_OURS = ("openshift-", "kube-system")  # namespaces of the platform itself


class _Paths:
    """The patterns of one column, and the rows they lead to."""

    def __init__(self, column: str) -> None:
        found = [(number, getattr(row, column)) for number, row in enumerate(ROWS) if getattr(row, column)]
        self._rows = [number for number, _ in found]
        self._patterns = [pattern for _, pattern in found]
        self._set: PatternSet | None = None

    def first(self, text: str) -> int:
        """Return the first row with a pattern that is in the text; the number of rows where there is none."""
        if not text:
            return len(ROWS)
        if self._set is None:
            self._set = PatternSet(f"(?i){pattern}" for pattern in self._patterns)
        found = self._set.search(text)
        return self._rows[min(found)] if found else len(ROWS)


_KIND, _WHO, _REASON, _BOTH, _MESSAGE = (_Paths(column) for column in ("kind", "who", "reason", "both", "message"))


@lru_cache(maxsize=1024)
def _by_speaker(kind: str, component: str) -> int:
    return min(_KIND.first(kind), _WHO.first(component))


@lru_cache(maxsize=4096)
def _by_subject(kind: str, component: str, reason: str) -> int:
    return min(_by_speaker(kind, component), _REASON.first(reason), _BOTH.first(f"{kind} {component}\n{reason}"))


def place_of(kind: str, component: str, namespace: str, reason: str, message: str) -> Place:
    """Return whose matter it is: `kind` with its API version, `reason` taken apart."""
    row = min(_by_subject(kind, component, reason), _MESSAGE.first(message))
    if row < len(ROWS):
        return ROWS[row].place
    return ("infrastructure", "control-plane") if namespace.startswith(_OURS) else ELSEWHERE
