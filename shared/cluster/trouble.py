"""What keeps a kind from being seen, in words that hold nothing of an answer, and how long to wait then."""

import random
from collections.abc import Iterable

from shared.cluster.api import ApiError, Why
from shared.cluster.emitter import BrokerFullError
from shared.stores.protocol import StoreUnavailableError

CAUSES = (ApiError, BrokerFullError, StoreUnavailableError)
"""What may pass by itself; all else is a mistake of ours."""

_WORDS: dict[Why, str] = {
    "credentials": "its credentials cannot be used",
    "unreachable": "its API server cannot be reached",
    "unauthenticated": "its API server refuses the token or certificate",
    "forbidden": "may not be listed and watched",
    "absent": "the cluster has no such kind",
    "expired": "what was to be read next is too old",
    "busy": "its API server cannot answer now",
    "broken": "its API server's answer broke off",
}
_OTHERS: dict[type[Exception], tuple[str, str]] = {
    BrokerFullError: ("broker", "the broker takes no events"),
    StoreUnavailableError: ("store", "the store cannot be asked"),
}
_MISTAKE = ("mistake", "a mistake of Tidings itself, which is in the log")
_FIRST, _MOST = 0.5, 30.0


def reason_of(error: Exception) -> str:
    """Return one word, for a metric's label."""
    if isinstance(error, ApiError):
        return error.why
    return _OTHERS.get(type(error), _MISTAKE)[0]


def words_of(error: Exception) -> str:
    """Return it in words."""
    if isinstance(error, ApiError):
        return _WORDS[error.why]
    return _OTHERS.get(type(error), _MISTAKE)[1]


def needs_people(error: Exception) -> bool:
    """Return True for what no waiting mends."""
    return isinstance(error, ApiError) and error.why in {"credentials", "unauthenticated", "forbidden", "absent"}


def together(problems: Iterable[tuple[str, str, str]]) -> tuple[str, ...]:
    """Return problems, each of a cluster, a kind and words, as sentences: one for kinds with the same one."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for cluster, kind, words in problems:
        kinds.setdefault((cluster, words), []).append(kind)
    return tuple(f"{cluster}: {', '.join(named)}: {words}" for (cluster, words), named in kinds.items())


class Backoff:
    """Pauses that double up to half a minute, each shortened at random, so that many do not come back at once."""

    def __init__(self) -> None:
        self._next = _FIRST

    def reset(self) -> None:
        """Begin with short ones again: something worked."""
        self._next = _FIRST

    def seconds(self, wanted: float = 0.0) -> float:
        """Return the next pause, which is at least what the server asked for, up to the longest one."""
        pause, self._next = self._next, min(self._next * 2, _MOST)
        return max(pause * random.uniform(0.5, 1.0), min(wanted, _MOST))  # noqa: S311 - spreads load, hides nothing
