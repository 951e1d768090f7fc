"""What `tidings doctor` says of GLPI: reach, credentials, rights, and the names of the settings. Writes nothing."""

from collections.abc import Iterable

from shared.delivery.failure import Failure, Refused, Temporary
from shared.destinations.finding import Finding
from shared.destinations.glpi.answers import FOREIGN, NO_ANSWER
from shared.destinations.glpi.api import Api, Kind
from shared.destinations.glpi.record import JOURNALS
from shared.destinations.glpi.settings import GlpiSettings
from shared.destinations.remedy import Remedy

_SECONDS = 10.0
READ_ALL, UPDATE, CREATE = 1024, 2, 4
"""Rights on tickets as GLPI's profiles count them (READALL, UPDATE, CREATE)."""
_RIGHTS = {
    CREATE: "create tickets",
    UPDATE: "update tickets",
    READ_ALL: "see all tickets, without which it would not find its own again",
}


async def check(api: Api, settings: GlpiSettings, mapped: Iterable[str]) -> list[Finding]:
    """Return lines for people, each with whether it is good; what cannot be asked after a bad answer is left out.

    `mapped` are the fields that the mapping can set.
    """
    lines = await api.check(_SECONDS)
    lines += _remedy().allowed(settings.tls_min)
    if not lines[0][0]:
        return lines
    lines.append(await _fields(api, mapped))
    wanted: dict[str, tuple[Kind, str]] = {
        "GLPI_CATEGORY": ("category", settings.category),
        "GLPI_GROUP": ("group", settings.group),
        "GLPI_REQUESTER": ("user", settings.requester),
    }
    for variable, (kind, name) in wanted.items():
        if name:
            lines.append(await _named(api, variable, kind, name))
    return lines + api.clocks()


async def _fields(api: Api, mapped: Iterable[str]) -> Finding:
    """Say which fields GLPI would drop in silence. Those with an underscore are what it makes of them, no columns."""
    there = await api.columns(_SECONDS)
    if not isinstance(there, frozenset):
        return False, f"the fields of tickets cannot be seen: {there.reason}"
    if not there:
        return None, "there is no ticket yet: the mapping's fields could not be checked"
    wanted = {name for name in mapped if name not in JOURNALS and not name.startswith("_")}
    missing = ", ".join(sorted(wanted - there))
    if missing:
        return False, f"tickets have no field {missing}: take it out of the mapping (GLPI_MAPPING)"
    return True, f"tickets have all {len(wanted)} fields"


async def _named(api: Api, variable: str, kind: Kind, name: str) -> Finding:
    if name.isdecimal():
        return True, f"{variable}: the {kind} with id {name} is taken as it is"
    found = await api.lookup(kind, name, _SECONDS)
    if not isinstance(found, str):
        return False, f"{variable}: the {kind} cannot be looked up: {found.reason}"
    return bool(
        found
    ), f"{variable}: the {kind} {name!r} is {'there' if found else 'not there, or hidden from this user'}"


def rights_of(number: object, profile: str) -> list[Finding]:
    """Return what is wrong with the rights on tickets of a profile, or that they suffice."""
    if not isinstance(number, int):
        return [(None, f"profile {profile!r}: its rights cannot be read; creating needs CREATE, UPDATE and READALL")]
    missing = [text for bit, text in _RIGHTS.items() if not number & bit]
    if not missing:
        return [(True, f"profile {profile!r} may create, update and see all tickets")]
    advice = "give it that right, or name another by GLPI_PROFILE"
    return [(False, f"profile {profile!r} lacks the right to {text}: {advice}") for text in missing]


def advice(failure: Failure, url: str, credentials: str) -> str:
    """Return what to look at where the first question failed."""
    reason = failure.reason
    if "App-Token" in reason:
        return f"{url}: {reason} is wrong or missing: look at GLPI_APP_TOKEN and at the API client in GLPI's setup"
    if "credentials" in reason:
        return f"{url}: {reason} are wrong: look at {credentials}"
    if reason.startswith("GLPI_"):
        detail = failure.detail if isinstance(failure, Temporary) else ""
        return f"{url}: reached, but {reason}{': ' if detail else ''}{detail}"
    if reason == FOREIGN:
        return f"{url}: {reason}"
    if reason == NO_ANSWER or isinstance(failure, Refused):
        return f"{url}: answers, but not as GLPI's API: {reason}. Look at GLPI_URL, and whether the API is turned on"
    return f"{url}: cannot be asked: {_remedy(credentials).to(reason)}"


def _remedy(credentials: str = "") -> Remedy:
    return Remedy("GLPI_URL", "GLPI_CA_FILE", "GLPI_TLS_MIN", credentials)
