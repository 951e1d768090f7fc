"""Which foreign systems `tidings up` stands in for: those that its functions need and no setting names."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from shared.local.standins import elastic, glpi, qradar, servicenow, splunk, webhook
from shared.runtime.asgi import Receive, Scope, Send

DEFAULT_GROUP = "Platform Engineering"
STAND_INS = "/stand-ins/"
"""The path below which each answers, by its name."""


class StandIn(Protocol):
    """One stand-in: an ASGI app with a database."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

    def close(self) -> None:
        """Close its database."""


@runtime_checkable
class OwnPort(Protocol):
    """A stand-in that is not spoken to by HTTP, but by a port of its own."""

    @property
    def address(self) -> str:
        """Return where it listens."""


class Substitute(NamedTuple):
    """A foreign system that can be stood in for.

    `functions` are those that speak to it; `opened` takes the database's path and the names of people's groups;
    `settings` are those that lead a function to it, by its URL, or the address of its own port where it has one.
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
        "SERVICENOW_CHANGE_TEMPLATE": servicenow.TEMPLATE,
    }


SUBSTITUTES: dict[str, Substitute] = {
    "servicenow": Substitute(
        frozenset({"servicenow_incident", "servicenow_event", "servicenow_security", "servicenow_change"}),
        lambda database, groups: servicenow.new_app(database, groups=groups),
        _servicenow,
    ),
    "glpi": Substitute(
        frozenset({"glpi_ticket"}),
        lambda database, groups: glpi.new_app(database, groups=groups),
        lambda url: {
            "GLPI_URL": url,
            "GLPI_APP_TOKEN": glpi.APP_TOKEN,
            "GLPI_USER_TOKEN": "tidings-user-token",
            "GLPI_GROUP": DEFAULT_GROUP,
        },
    ),
    "splunk": Substitute(
        frozenset({"siem_forwarder"}),
        lambda database, _groups: splunk.new_app(database),
        lambda url: {"SPLUNK_HEC_URL": url, "SPLUNK_TOKEN": splunk.TOKENS[0].value},
    ),
    "elastic": Substitute(
        frozenset({"elastic_forwarder"}),
        lambda database, _groups: elastic.new_app(database),
        lambda url: {"ELASTIC_URL": url, "ELASTIC_API_KEY": elastic.ACCOUNTS[0].encoded},
    ),
    "qradar": Substitute(
        frozenset({"qradar_forwarder"}),
        lambda database, _groups: qradar.new_app(database),
        lambda address: {"QRADAR_ADDRESS": address},
    ),
    "webhook": Substitute(
        frozenset({"webhook"}),
        lambda database, _groups: webhook.new_app(database),
        lambda url: {"WEBHOOK_URL": f"{url}/notices", "WEBHOOK_TOKEN": webhook.TOKEN, "WEBHOOK_SECRET": webhook.SECRET},
    ),
}
"""By name, which is also the last part of its path."""


_TICKETS = {1: "open", 2: "open", 3: "open", 4: "on hold", 5: "solved", 6: "closed"}
HELD: Mapping[str, Callable[[Any], Mapping[str, int]]] = {
    "servicenow_event": lambda app: Counter(f"{row['state'].lower()} alerts" for row in app.records("em_alert")),
    "servicenow_security": lambda app: {"security incidents": len(app.records("sn_si_incident"))},
    "glpi_ticket": lambda app: Counter(_TICKETS.get(row["status"], "other") for row in app.records("Ticket")),
    "elastic_forwarder": lambda app: {"documents": len(app.ids())},
    "qradar_forwarder": lambda app: {"lines": app.count()},
    "webhook": lambda app: {"notices": app.count()},
}
"""By function, what its stand-in holds, in words and numbers: of those beside the base."""


@dataclass(frozen=True, slots=True)
class Standins:
    """The stand-ins that run, by the names of SUBSTITUTES."""

    apps: Mapping[str, Any]

    def mounted(self) -> dict[str, StandIn]:
        """Return the stand-ins by the path below which they answer."""
        return {STAND_INS + name: app for name, app in self.apps.items()}

    def settings(self, address: str) -> dict[str, str]:
        """Return the settings that make the functions speak to the stand-ins at this address of ours."""
        values: dict[str, str] = {}
        for found in self.by_path(address).values():
            values |= found
        return values

    def by_path(self, address: str) -> dict[str, dict[str, str]]:
        """Return the settings that lead to each stand-in, by the path below which it answers."""
        return {
            STAND_INS + name: SUBSTITUTES[name].settings(
                app.address if isinstance(app, OwnPort) else address + STAND_INS + name
            )
            for name, app in self.apps.items()
        }

    def held(self, function: str) -> Mapping[str, int]:
        """Return what the stand-in of a function beside the base holds; nothing where none plays its system."""
        name = next((name for name, one in SUBSTITUTES.items() if function in one.functions), "")
        return HELD[function](self.apps[name]) if name in self.apps and function in HELD else {}

    def close(self) -> None:
        """Close their databases."""
        for app in self.apps.values():
            app.close()


def open_standins(functions: Collection[str], data: Path, groups: list[str]) -> Standins:
    """Open what stands in for the foreign systems of these functions; its state lies beside the broker's."""
    wanted = {name: one for name, one in SUBSTITUTES.items() if not one.functions.isdisjoint(functions)}
    return Standins({name: one.opened(str(data / f"{name}.db"), groups) for name, one in wanted.items()})
