"""The gate: who may send to which path. Asked with what comes before the body, and with the body where it is signed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from shared.runtime.auth.allowed import EVERYTHING, Allowances, Allowed
from shared.runtime.auth.asked import MISSING, Asked, Denied, Known, Method, Reason, Signed
from shared.runtime.auth.registry import load
from shared.runtime.auth.settings import AuthSettings
from shared.runtime.paths import PATHS
from shared.settings.environment import Environ, read
from shared.telemetry.metrics import Metrics

_OPEN: Final = frozenset({"/health", "/ready", "/health/liveness", "/health/readiness", "/metrics"})
_LOOKING: Final = frozenset({"GET", "HEAD"})
_CHALLENGES: Final = {"basic": 'Basic realm="tidings", charset="UTF-8"', "token": "Bearer", "oidc": "Bearer"}
_NOBODY: Final = "-"


@dataclass(frozen=True, slots=True)
class Place:
    """What a path is to the gate: the setting that it goes by, itself without a secret, and that secret."""

    setting: str
    path: str
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A sender that may send here, `-` where nobody asks who it is; `refused` counts what it may not send after all."""

    sender: str
    allowed: Allowed
    refused: Callable[[Reason], None]

    def may_send(self, source: str, type_: str) -> bool:
        """Return whether it may send an event of this source and type; the other ones are counted (F51)."""
        if self.allowed.may_send(source, type_):
            return True
        self.refused("source")
        return False


@dataclass(frozen=True, slots=True)
class Pending:
    """A sender that the body tells: `complete` takes all of it as it came; `forget` lets the same come again."""

    complete: Callable[[bytes], Admitted | Denied]
    forget: Callable[[], None]


class Gate:
    """Who may send to the paths of one function; `refused` is told why somebody may not, in a word of a closed set."""

    def __init__(
        self,
        methods: Mapping[str, Mapping[str, Method]],
        allowances: Allowances | None,
        refused: Callable[[Reason], None],
    ) -> None:
        """`methods` by the settings' paths, "" for all others; none of them means that nobody is asked there."""
        self._methods = methods
        self._allowances = allowances
        self._refused = refused
        self._nobody = Admitted(_NOBODY, EVERYTHING, refused)

    def place(self, method: str, path: str) -> Place | None:
        """Return what a request's path is; None for what is open to everybody."""
        if method in _LOOKING:
            return None if path in _OPEN else Place("api" if "api" in self._methods else "", path)
        first, _, secret = path.removeprefix("/").partition("/")
        if path[:1] == "/" and first in PATHS:
            return Place(first if first in self._methods else "", f"/{first}", secret)
        return Place("", path)

    async def admit(self, place: Place, asked: Asked) -> Admitted | Denied | Pending:
        """Return who sends, or why nobody may: the first method that knows the sender decides."""
        methods = self._methods[place.setting]
        if not methods:
            return self._nobody
        denied = MISSING
        for method in methods.values():
            found = await method.ask(asked)
            if isinstance(found, Known):
                return self._judged(found, place)
            if isinstance(found, Signed):
                return self._pending(found, place)
            denied = found if found != MISSING else denied
        return self._judged(denied, place)

    def challenges(self, place: Place) -> list[str]:
        """Return what a 401 asks for (RFC 9110 §11.6.1)."""
        return list(dict.fromkeys(_CHALLENGES[name] for name in self._methods[place.setting] if name in _CHALLENGES))

    def _pending(self, signed: Signed, place: Place) -> Pending:
        return Pending(lambda body: self._judged(signed.check(body), place), signed.forget)

    def _judged(self, found: Known | Denied, place: Place) -> Admitted | Denied:
        if isinstance(found, Known):
            allowed = EVERYTHING if self._allowances is None else self._allowances.of(found.name, place.path)
            if allowed is not None:
                return Admitted(found.name, allowed, self._refused)
            found = Denied("sender")
        self._refused(found.reason)
        return found


def new_gate(environ: Environ, metrics: Metrics, function: str) -> Gate | None:
    """Build the gate of the settings, None where nobody is asked anywhere. Raises SettingsError."""
    settings = read(AuthSettings, environ)
    named = settings.methods()
    if all(names == ("none",) for names in named.values()):
        return None
    built = {name: load(name, settings) for names in named.values() for name in names if name != "none"}
    methods = {path: {name: built[name] for name in names if name != "none"} for path, names in named.items()}

    def refused(reason: Reason) -> None:
        metrics.count("tidings_auth_failures_total", function=function, reason=reason)

    return Gate(methods, Allowances.parse(settings.allow) if settings.allow else None, refused)
