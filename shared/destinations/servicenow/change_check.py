"""What `tidings doctor` says of change management, without writing anything."""

from collections.abc import Iterable
from typing import Final

from shared.destinations.finding import Finding
from shared.destinations.servicenow.change_record import CORE_FIELDS, TABLE, TEMPLATES
from shared.destinations.servicenow.check import check_lookups, check_named, check_table, roles_of
from shared.destinations.servicenow.client import Client
from shared.destinations.servicenow.settings import ChangeSettings

_GROUP: Final = "no SERVICENOW_ASSIGNMENT_GROUP is set: from Assess on a change needs one of the mapping"
_NORMAL: Final = "changes are normal ones, which wait for approval: SERVICENOW_CHANGE_TEMPLATE names a template"


async def check_changes(client: Client, settings: ChangeSettings, fields: Iterable[str]) -> list[Finding]:
    """Return lines for people, each with whether it is good. `fields` are those that the mapping can set."""
    lines = await check_table(client, TABLE, {*CORE_FIELDS, *fields})
    if not lines[0][0]:
        return lines
    lines += await check_lookups(client, settings)
    template = settings.template
    lines.append(await check_named(client, TEMPLATES, "name", "standard change template", template))
    if not template:
        lines.append((True, _NORMAL))
    if not settings.group:
        lines.append((True, _GROUP))
    lines.append((None, f"the right to write cannot be seen without writing: the user needs {roles_of(TABLE)}"))
    lines += client.clocks()
    return [line for line in lines if line[1]]
