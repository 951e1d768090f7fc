"""What `tidings doctor` says of who may send: what is open, what is asked where, whether the issuer answers."""

from collections.abc import Mapping
from typing import Any

from shared.events.words import counted
from shared.runtime.auth.discovery import of
from shared.runtime.auth.settings import AuthSettings
from shared.settings.environment import SettingsError, read

_NAME = "senders"
_OPEN = ("none",)


async def senders(environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return a row of system, state and finding for each thing to know; none where the settings cannot be read."""
    try:
        settings = read(AuthSettings, environ)
    except SettingsError:
        return []  # told with the other settings
    named = settings.methods()
    rows = [_row("absent" if names == _OPEN else "good", _said(path, settings)) for path, names in named.items()]
    if any(names != _OPEN for names in named.values()) and not settings.allow:
        rows.append(_row("absent", "whoever is known may send any source and type: AUTH_ALLOW is not set"))
    if any("oidc" in names for names in named.values()):
        rows.append(await _issuer(settings))
    return rows


def _said(path: str, settings: AuthSettings) -> str:
    named = settings.methods()
    rest = "every path" if len(named) == 1 else "every other path"
    place = {"": rest, "api": "the API"}.get(path, f"/{path}")
    if named[path] != _OPEN:
        return f"{place} asks for {' or '.join(named[path])}"
    if path:
        return f"{place} is open to everybody"
    if settings.default:
        return f"{place} is open: AUTH=none, the network decides who may send"
    return f"{place} is open to this machine alone: AUTH is not set, so only a loopback address is served"


async def _issuer(settings: AuthSettings) -> dict[str, Any]:
    try:
        found = await of(settings).ask()
    except (OSError, ValueError) as error:
        return _row("bad", f"{settings.oidc_issuer} does not show its keys: {error}")
    return _row("good" if found.keys else "bad", f"{found.issuer} has {counted(len(found.keys), 'key')}")


def _row(state: str, finding: str) -> dict[str, Any]:
    return {"system": _NAME, "state": state, "finding": finding}
