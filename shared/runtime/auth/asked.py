"""What a method is asked, and what it may say: values, without I/O."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

Reason = Literal[
    "missing",
    "malformed",
    "wrong",
    "expired",
    "not_yet",
    "audience",
    "issuer",
    "key",
    "claims",
    "stale",
    "replayed",
    "sender",
    "source",
    "unavailable",
]
"""Why somebody may not send: a metric's label, told to nobody else."""

_STATUS: Final[dict[Reason, int]] = {"sender": 403, "source": 403, "unavailable": 503}
_TEXTS: Final = {401: "not authenticated", 403: "not allowed", 503: "cannot tell now who sends; come again"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose body was not read: what of it may say who sends.

    `headers` by their names in lower case; `secret` is what follows the path's first segment; `peer` the other end's
    address, empty where it is not known; `certificate` what `ssl.SSLSocket.getpeercert` returns, None without one.
    """

    headers: Mapping[str, str]
    secret: str = ""
    peer: str = ""
    certificate: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    """Nobody that may send."""

    reason: Reason

    @property
    def status(self) -> int:
        """Return 401 where it is not known who sends, 403 where it is, 503 where that cannot be told now."""
        return _STATUS.get(self.reason, 401)

    @property
    def text(self) -> str:
        """Return the constant text of the answer, which does not say why."""
        return _TEXTS[self.status]


@dataclass(frozen=True, slots=True)
class Known:
    """A sender that is who it says."""

    name: str


@dataclass(frozen=True, slots=True)
class Signed:
    """A sender that only the body can tell: `check` takes all of it as it came.

    `forget` is for a message that was not taken after all, so that the same one may come again.
    """

    check: Callable[[bytes], Known | Denied]
    forget: Callable[[], None]


Finding = Known | Denied | Signed
MISSING: Final = Denied("missing")
MALFORMED: Final = Denied("malformed")
WRONG: Final = Denied("wrong")
UNAVAILABLE: Final = Denied("unavailable")


class Method(Protocol):
    """One way to tell who sends. Must not raise, whatever it is asked."""

    async def ask(self, asked: Asked) -> Finding:
        """Return who sends; `MISSING` where the request says nothing that this method understands."""
