"""What an answer to a call of several records can mean that is the same for each SIEM that takes them over HTTP."""

from dataclasses import dataclass
from typing import Final

WAIT: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Status codes of what cannot take anything now."""
TOO_MANY: Final = 429


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The request is larger than they take."""


@dataclass(frozen=True, slots=True)
class Busy:
    """They cannot take anything now. `again` where a second try at once may help, `halve` where a smaller one may."""

    reason: str
    after: float | None = None
    again: bool = False
    halve: bool = False


@dataclass(frozen=True, slots=True)
class Setup:
    """Our settings or theirs are wrong; people must act, and until then the events wait in the broker."""

    reason: str
    authentication: bool = False
