"""Which foreign systems `tidings up` stands in for: those that its functions need and no setting names."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from shared.local.standins import servicenow, splunk
from shared.runtime.asgi import Receive, Scope, Send

DEFAULT_GROUP = "Platform Engineering"
_PATH = "/stand-ins/"


class StandIn(Protocol):
    """One stand-in: an ASGI app with a database."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

    def close(self) -> None:
        """Close its database."""


class Substitute(NamedTuple):
    """A foreign system that can be stood in for.

    `functions` are those that speak to it; `opened` takes the database's path and the names of people's groups;
    `settings` are those that lead a function to it, by its URL.
    """

    functions: frozenset[str]
    opened: Callable[[str, list[str]], StandIn]
    settings: Callable[[str], dict[str, str]]


def _servicenow(url: str) -> dict[str, str]:
    user = servicenow.USERS[0]
    return {
        "SERVICENOW_INSTANCE": url,
        "SERVICENOW_USERNAME": user.name,
        "SERVICENOW_PASSWORD": user.password,
        "SERVICENOW_ASSIGNMENT_GROUP": DEFAULT_GROUP,
    }


SUBSTITUTES: dict[str, Substitute] = {
    "servicenow": Substitute(
        frozenset({"servicenow_incident", "servicenow_event", "servicenow_security"}),
        lambda database, groups: servicenow.new_app(database, groups=groups),
        _servicenow,
    ),
    "splunk": Substitute(
        frozenset({"siem_forwarder"}),
        lambda database, _groups: splunk.new_app(database),
        lambda url: {"SPLUNK_HEC_URL": url, "SPLUNK_TOKEN": splunk.TOKENS[0].value},
    ),
}
"""By name, which is also the last part of its path."""


@dataclass(frozen=True, slots=True)
class Standins:
    """The stand-ins that run, by the names of SUBSTITUTES."""

    apps: Mapping[str, Any]

    def mounted(self) -> dict[str, StandIn]:
        """Return the stand-ins by the path below which they answer."""
        return {_PATH + name: app for name, app in self.apps.items()}

    def settings(self, address: str) -> dict[str, str]:
        """Return the settings that make the functions speak to the stand-ins at this address of ours."""
        values: dict[str, str] = {}
        for name in self.apps:
            values |= SUBSTITUTES[name].settings(address + _PATH + name)
        return values

    def close(self) -> None:
        """Close their databases."""
        for app in self.apps.values():
            app.close()


def open_standins(functions: Collection[str], data: Path, groups: list[str]) -> Standins:
    """Open what stands in for the foreign systems of these functions; its state lies beside the broker's."""
    wanted = {name: one for name, one in SUBSTITUTES.items() if not one.functions.isdisjoint(functions)}
    return Standins({name: one.opened(str(data / f"{name}.db"), groups) for name, one in wanted.items()})
