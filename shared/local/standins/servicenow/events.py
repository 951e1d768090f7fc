"""Event Management: events come in by `jsonv2`, and each message key has one alert (reference/destinations.md §1.7)."""

import re
from typing import Any, Final

import orjson

from shared.local.standins.frame import Request, Response, inflate, json_response
from shared.local.standins.servicenow.access import User, error
from shared.local.standins.servicenow.query import Query
from shared.local.standins.servicenow.schema import EVENT
from shared.local.standins.servicenow.store import Database, Row

PATH: Final = "/api/global/em/jsonv2"
ROLES: Final = frozenset({"evt_mgmt_integration", "admin"})
_COLUMNS: Final = {column.name: column.length for column in EVENT}
_KEY: Final = ("source", "node", "type", "resource", "metric_name")
_SEVERITIES: Final = frozenset("012345")
_STATES: Final = frozenset({"", "New", "Closing"})
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_CLEAR: Final = "0"


class EventManagement:
    """Takes events and keeps alerts; what an alert rule would do further is not played."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, request: Request, user: User) -> Response:
        """Answer a post of records: 200 also where some or all of them fail, as the original does."""
        if request.method != "POST":
            return error(405, "Method not supported")
        if not ROLES & set(user.roles):
            return error(403, "Operation Failed", "ACL Exception Insert Failed due to security constraints")
        records = _records(request)
        if records is None:
            return error(400, "Exception while reading request", "The payload holds no records.")
        answers = [self._one(record, user) for record in records]
        if all(answer["__status"] == "success" for answer in answers):
            return json_response(200, {"result": {"Default Bulk Endpoint": f"{len(answers)} events were inserted"}})
        return json_response(200, {"records": answers})

    def _one(self, record: Any, user: User) -> dict[str, Any]:
        why = _wrong(record)
        if why:
            return {"__status": "failure", "__error": {"message": "Event was not inserted", "reason": why}}
        event = {name: str(record[name])[:length] for name, length in _COLUMNS.items() if record.get(name) is not None}
        key = event.get("message_key") or "".join(event.get(name, "") for name in _KEY)
        event["message_key"] = key
        with self._database.transaction():
            alert = self._alert(event, user)
            row = self._database.insert("em_event", {**event, "state": "Processed", "alert": alert}, user.name)
        return {"__status": "success", "sys_id": row["sys_id"]}

    def _alert(self, event: Row, user: User) -> str:
        """Make, change or close the key's alert; a clear of a key without one makes none. Return its number."""
        found = self._database.find(
            "em_alert", Query("message_key = ?", (event["message_key"],), "seq", invalid=False), 1, 0
        )
        over = event.get("severity") == _CLEAR or event.get("resolution_state") == "Closing"
        if not found:
            if over:
                return ""
            return self._database.insert("em_alert", {**event, "state": "Open", "event_count": "1"}, user.name)[
                "number"
            ]
        (alert,) = found
        was_closed = alert["state"] == "Closed"
        state = "Closed" if over else "Reopen" if was_closed else alert["state"]
        count = str(int(alert["event_count"]) + 1)
        self._database.update("em_alert", alert, {**event, "state": state, "event_count": count}, user.name)
        return alert["number"]


def _records(request: Request) -> list[Any] | None:
    body = inflate(request.body) if request.headers.get("content-encoding") == "gzip" else request.body
    try:
        value = orjson.loads(body or b"")
    except orjson.JSONDecodeError:
        return None
    records = value.get("records") if isinstance(value, dict) else None
    return records if isinstance(records, list) and records else None


def _wrong(record: Any) -> str:
    """Return why a record is no event, or nothing."""
    if not isinstance(record, dict):
        return "it is no object"
    if not record.get("source") or not (record.get("node") or record.get("event_class")):
        return "source is missing, or event_class and node are"
    if str(record.get("severity", "")) not in _SEVERITIES:
        return "severity is none"
    if record.get("resolution_state", "") not in _STATES:
        return "resolution_state is neither New nor Closing"
    if "time_of_event" in record and not _TIME.fullmatch(str(record["time_of_event"])):
        return "time_of_event is none"
    return _wrong_info(record)


def _wrong_info(record: dict[str, Any]) -> str:
    try:
        info = orjson.loads(record.get("additional_info") or "{}")
    except (orjson.JSONDecodeError, TypeError):
        return "additional_info is no text that holds JSON"
    texts = isinstance(info, dict) and all(isinstance(value, str) for value in info.values())
    return "" if texts else "additional_info must hold texts"
