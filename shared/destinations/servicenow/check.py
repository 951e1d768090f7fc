"""What `tidings doctor` says of ServiceNow: reach, credentials, rights and fields, without writing anything."""

from collections.abc import Iterable

from shared.delivery.failure import Failure, Refused
from shared.destinations.finding import Finding
from shared.destinations.remedy import Remedy
from shared.destinations.servicenow import security_record
from shared.destinations.servicenow.answers import FOREIGN, NO_TABLE, Rows
from shared.destinations.servicenow.client import Client
from shared.destinations.servicenow.settings import LookupSettings, ServiceNowSettings, TableSettings

_SECONDS = 10.0
_OK = 200
_FORBIDDEN = 403
_PLUGINS = {
    "em_event": "is Event Management installed?",
    "change_request": "is Change Management installed?",
    security_record.TABLE: "is Security Incident Response installed?",
}
"""What to ask where a table that no setting names is not there."""
_ROLES = {
    "em_event": "evt_mgmt_integration",
    "change_request": "itil or sn_change_writer",
    security_record.TABLE: "sn_si.basic",
}
_TICKETS = "itil or sn_incident_write"
"""Roles that suffice: of the named tables, and of those that people make tickets in."""
_NEEDED = frozenset({"correlation_id", "correlation_display", "state", "work_notes", "close_code", "close_notes"})


async def check(client: Client, settings: TableSettings, table: str, fields: Iterable[str]) -> list[Finding]:
    """Return lines for people, each with whether it is good. `fields` are those that the mapping can set."""
    lines = await check_table(client, table, fields)
    if not lines[0][0]:
        return lines
    lines += await check_lookups(client, settings)
    lines.append(await check_named(client, "sys_user", "user_name", "caller of last resort", settings.caller))
    lines.append(await _batches(client, table))
    lines.append((None, f"the right to create cannot be seen without writing: the user needs {roles_of(table)}"))
    lines += client.clocks()
    return [line for line in lines if line[1]]


async def check_table(client: Client, table: str, fields: Iterable[str]) -> list[Finding]:
    """Return lines on whether a table can be read and has the fields of the mapping; the bad one first if it cannot."""
    rows = await client.search(table, "ORDERBYDESCsys_created_on", "", 1, _SECONDS)
    place = client.settings.instance
    allowed = _remedy(client.settings).allowed(client.settings.tls_min)
    if not isinstance(rows, Rows):
        return [(False, f"{place}: {_advice(rows, table, client.settings)}"), *allowed]
    lines: list[Finding] = [(True, f"{place}: reached, credentials taken, table {table} can be read"), *allowed]
    wanted = _NEEDED | set(fields)
    known = set(rows.rows[0]) if rows.rows else await _dictionary(client, table, wanted)
    if not known:
        lines.append((None, f"table {table} is empty and its dictionary is hidden: fields could not be checked"))
    else:
        missing = sorted(wanted - known)
        wrong = f"table {table} has no field {', '.join(missing)}: make it there, or take it out of the mapping"
        lines.append((not missing, wrong if missing else f"all {len(wanted)} fields are there"))
    return lines


async def check_lookups(client: Client, settings: LookupSettings) -> list[Finding]:
    """Return lines on the group and the configuration item of last resort."""
    return [
        await check_named(client, "sys_user_group", "name", "group of last resort", settings.group),
        await check_named(client, "cmdb_ci", "name", "configuration item of last resort", settings.default_ci),
    ]


async def check_events(client: Client) -> list[Finding]:
    """Return lines for people on Event Management."""
    place = client.settings.instance
    allowed = _remedy(client.settings).allowed(client.settings.tls_min)
    rows = await client.search("em_event", "ORDERBYDESCsys_created_on", "sys_id", 1, _SECONDS)
    hidden = isinstance(rows, Refused) and rows.status == _FORBIDDEN  # who may send need not be allowed to read
    if not isinstance(rows, Rows) and not hidden:
        return [(False, f"{place}: {_advice(rows, 'em_event', client.settings)}"), *allowed]
    lines: list[Finding] = [(True, f"{place}: reached, credentials taken, Event Management is there"), *allowed]
    lines.append((None, "the right to send cannot be seen without sending: the user needs " + roles_of("em_event")))
    return lines + client.clocks()


async def _batches(client: Client, table: str) -> Finding:
    """Return a line on the Batch API; without it everything works, one by one."""
    most = client.settings.batch
    if most == 1:
        return True, ""
    found = await client.batches(table, _SECONDS)
    if found == _OK:
        return True, f"up to {most} requests that wait at the same time share a call"
    why = f"answers {found}" if isinstance(found, int) else found.reason
    return (
        True,
        f"the Batch API cannot be used ({why}), requests go one by one: a role is missing, or SERVICENOW_BATCH=1",
    )


async def _dictionary(client: Client, table: str, wanted: Iterable[str]) -> set[str]:
    """Return the fields that the dictionary has for the table or its parent `task`."""
    names = ",".join(sorted(wanted))
    rows = await client.search("sys_dictionary", f"nameIN{table},task^elementIN{names}", "name,element", 200, _SECONDS)
    found = rows.rows if isinstance(rows, Rows) else ()
    return {row.get("element", "") for row in found if row.get("name") in {table, "task"}}


async def check_named(client: Client, table: str, column: str, word: str, name: str) -> Finding:
    """Return a line on what a setting names by its name or sys_id; an empty one where it names nothing."""
    if not name:
        return True, ""
    rows = await client.search(table, f"{column}={name}^ORsys_id={name}", f"sys_id,{column}", 5, _SECONDS)
    if not isinstance(rows, Rows):
        return False, f"the {word} cannot be looked up: {_advice(rows, table, client.settings)}"
    there = any(name in {row.get(column), row.get("sys_id")} for row in rows.rows)
    return there, f"the {word} {name!r} is {'there' if there else 'not there'}"


def _advice(failure: Failure, table: str, settings: ServiceNowSettings) -> str:
    remedy = _remedy(settings)
    if "credentials" in failure.reason:
        return f"{remedy.to(failure.reason)}, and whether SERVICENOW_INSTANCE is where they belong"
    if not isinstance(failure, Refused):
        return f"cannot be asked: {remedy.to(failure.reason)}"
    if failure.reason == FOREIGN:
        return failure.reason
    hint = _PLUGINS.get(table, "check SERVICENOW_TABLE and SERVICENOW_TABLE_MAPPING")
    if failure.reason.startswith(NO_TABLE):
        return f"there is no table {table}: {hint}"
    installed = f"; {hint}" if table in _PLUGINS else ""
    allowed = f"the user must be allowed to read {table} over REST, as with the role {roles_of(table)}"
    return f"{failure.reason}: {allowed}{installed}"


def roles_of(table: str) -> str:
    """Return which role lets a user work on a table."""
    return _ROLES.get(table, _TICKETS)


def _remedy(settings: ServiceNowSettings) -> Remedy:
    return Remedy("SERVICENOW_INSTANCE", "SERVICENOW_CA_FILE", "SERVICENOW_TLS_MIN", _credentials(settings))


def _credentials(settings: ServiceNowSettings) -> str:
    """Return the settings that say who we are."""
    if settings.client_id:
        return "SERVICENOW_CLIENT_ID and _CLIENT_SECRET"
    if settings.username:
        return "SERVICENOW_USERNAME and _PASSWORD"
    return "SERVICENOW_TOKEN" if settings.token is not None else "SERVICENOW_API_KEY"
