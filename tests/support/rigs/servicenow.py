"""The functions of ServiceNow against its stand-in."""

from collections.abc import Mapping
from typing import Any

from shared.events.change import Change
from shared.events.episode import Episode
from shared.local.standins import servicenow
from tests.support.changes import change_of
from tests.support.rigs.place import App, Standing, Ticket, Upserted


class _Instance:
    """What all functions of an instance have in common."""

    url, secret, ca = "SERVICENOW_INSTANCE", "SERVICENOW_PASSWORD", "SERVICENOW_CA_FILE"
    hurried = {"SERVICENOW_TIMEOUT": "0.5"}  # noqa: RUF012 - read only

    def opened(self) -> App:
        return servicenow.new_app(database=":memory:")

    def settings(self, url: str) -> dict[str, str]:
        return {"SERVICENOW_INSTANCE": url, "SERVICENOW_USERNAME": "tidings", "SERVICENOW_PASSWORD": "tidings"}


class Incidents(_Instance):
    """Incidents of the incident table."""

    function = "servicenow_incident"
    table = "incident"
    states: Mapping[Standing, str] = {"active": "2", "resolved": "6", "closed": "7", "void": "8"}
    writes, reads, nothing = "create", "find", '{"result": []}'
    refusal = '{"error":{"message":"Operation Failed","detail":"no"},"status":"failure"}'

    def tickets(self, app: Any) -> list[Ticket]:
        standings = {state: standing for standing, state in self.states.items()}
        return [
            Ticket(
                row["sys_id"],
                row["number"],
                standings.get(row["state"], "active"),
                f"{row['short_description']}\n{row.get('description', '')}",
                tuple(entry["value"] for entry in app.journal(row["sys_id"])),
            )
            for row in app.records(self.table)
        ]

    def by_hand(self, app: Any, ticket: Ticket, standing: Standing) -> None:
        app.change(self.table, ticket.ref, {"state": self.states[standing], "close_code": "Known error"})

    def second(self, app: Any, episode: Episode) -> None:
        app.insert(self.table, {"correlation_id": episode.id, "short_description": "late"})


class SecurityIncidents(Incidents):
    """Security incidents, which work as incidents do but for their states."""

    function = "servicenow_security"
    table = "sn_si_incident"
    states: Mapping[Standing, str] = {"active": "16", "resolved": "100", "closed": "3", "void": "7"}


class ChangeRequests(Incidents):
    """Change requests, which are told of roll-outs: the suite's episodes are told as such, and none comes back."""

    function = "servicenow_change"
    table = "change_request"
    states: Mapping[Standing, str] = {"active": "-1", "resolved": "3", "closed": "4"}
    returns = False

    def settings(self, url: str) -> dict[str, str]:
        own = {"SERVICENOW_CHANGE_TEMPLATE": servicenow.TEMPLATE, "SERVICENOW_ASSIGNMENT_GROUP": "Kubernetes Platform"}
        return {**super().settings(url), **own}

    def subject(self, one: Episode) -> Change:
        """Return a roll-out with the suite's words in it."""
        return change_of(one)


class Events(_Instance):
    """Alerts of Event Management."""

    function = "servicenow_event"
    writes = "events"
    failures = (
        "",
        "[]",
        "{}",
        '{"result": 7}',
        '{"status": "failure"}',
        '{"result": {}, "__error": {"message": "no"}}',
        '{"records": [{"_status": "failure"}]}',
    )

    def key(self, episode: Episode) -> str:
        return episode.id

    def told(self, app: Any) -> list[Upserted]:
        return [
            Upserted(row["message_key"], row["state"] == "Closed", row["description"])
            for row in app.records("em_alert")
        ]
