"""What a record refers to, looked up together: groups, people and configuration items, by the names of their fields."""

import asyncio
from collections.abc import Iterable, Mapping

from shared.destinations.servicenow.client import Client
from shared.destinations.servicenow.items import Items
from shared.destinations.servicenow.references import Named
from shared.destinations.servicenow.settings import LookupSettings


class Lookups:
    """The references of one kind of record. Belongs to one event loop."""

    def __init__(self, by_field: Mapping[str, Named | Items]) -> None:
        self.fields = frozenset(by_field)
        self._by_field = by_field

    async def resolve(self, named: Mapping[str, str], seconds: float) -> tuple[dict[str, str], list[str]]:
        """Return the sys_id of each reference that was found, by field, and what people are told of the others."""
        asked = [self._by_field[name].resolve(text, seconds) for name, text in named.items()]
        found = dict(zip(named, await asyncio.gather(*asked), strict=True))
        sys_ids = {name: one.sys_id for name, one in found.items() if one.sys_id}
        return sys_ids, [one.note for one in found.values() if one.note]

    def of(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return what is said of each reference, nothing where nothing is: then the last resort is taken."""
        return {name: values.get(name, "") for name in self._by_field}

    def taken_from(self, values: dict[str, str]) -> dict[str, str]:
        """Take the references out of values, and return them."""
        return {name: values.pop(name) for name in self._by_field if name in values}


def groups_and_items(client: Client, settings: LookupSettings) -> dict[str, Named | Items]:
    """Return the references that every record has."""
    return {
        "assignment_group": Named(client, "sys_user_group", ("name",), "assignment group", settings.group),
        "cmdb_ci": Items(client, settings.ci_table, settings.server_table, settings.default_ci),
    }


def people(client: Client, word: str, fallback: str) -> Named:
    """Return the reference to a user, by user name, mail address or name."""
    return Named(client, "sys_user", ("user_name", "email", "name"), word, fallback)


def sent_as_they_are(values: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return what is said of references without looking anything up, for previews."""
    return {name: text for name in names if (text := values.get(name, ""))}
