"""Configuration items of what a ticket is about: by uid, else by name and namespace, else the node's server (§1.8, §8).

What the mapping says of them is a group of texts, all of them optional: `k8s_uid`, `name`, `namespace`, `kind`,
`cluster`, `owner_uid`, `owner_name`, `owner_kind` and `node`. Pods are seldom in a CMDB, so their owner is looked for
as well.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from shared.delivery.failure import Refused
from shared.destinations.servicenow.answers import Rows
from shared.destinations.servicenow.client import Client
from shared.destinations.servicenow.references import KEEP, Named, Reference, Remembered, is_safe

_MOST: Final = 50
_FIELDS: Final = "sys_id,name,namespace,k8s_uid,sys_class_name,install_status,cluster.name"
_SERVER_FIELDS: Final = "sys_id,name,fqdn,install_status"
_GONE: Final = frozenset({"7", "100"})  # retired, absent
_CLASS: Final = "cmdb_ci_kubernetes_"
_GENERIC: Final = frozenset({"component", "components", "workload"})


@dataclass(frozen=True, slots=True)
class _Thing:
    uid: str
    name: str
    namespace: str
    kind: str
    cluster: str


class Items:
    """The configuration items of one instance. `table` holds those of Kubernetes, `servers` the nodes' machines."""

    def __init__(self, client: Client, table: str, servers: str, default: str) -> None:
        self._client = client
        self._table = table
        self._servers = servers
        self._default = default
        self._named = Named(client, "cmdb_ci", ("name",), "configuration item", default)
        self._remembered = Remembered()
        self._hidden: dict[str, float] = {}  # tables that are not there or not to be read: until when

    async def resolve(self, wanted: str, seconds: float) -> Reference:
        """Return the item of a group of texts as JSON, or of a name or sys_id; else the default, else none."""
        texts = _texts(wanted)
        if texts is None:
            return await self._named.resolve(wanted, seconds)
        sys_id = await self._remembered.ask(wanted, lambda: self._ask(texts, seconds / 3))
        return Reference(sys_id) if sys_id else await self._named.resolve("", seconds / 3)

    async def _ask(self, wanted: Mapping[str, Any], seconds: float) -> str | None:
        texts = {name: text for name, text in wanted.items() if isinstance(text, str) and is_safe(text)}
        things = [thing for thing in _things(texts) if thing.uid or thing.name]
        found = await self._search(self._table, _query(things), _FIELDS, seconds) if things else ()
        for thing in things if found else ():
            sys_id = _best(thing, found or ())
            if sys_id:
                return sys_id
        node = texts.get("node", "")
        servers = await self._search(self._servers, _server_query(node), _SERVER_FIELDS, seconds) if node else ()
        if found is None or servers is None:
            return None
        return next((row.get("sys_id", "") for row in servers if _is_server(row, node)), "")

    async def _search(
        self, table: str, query: str, fields: str, seconds: float
    ) -> tuple[Mapping[str, str], ...] | None:
        """Return rows in use, none where the table is hidden or not there, None where there was no answer."""
        now = asyncio.get_running_loop().time()
        if now < self._hidden.get(table, 0.0):
            return ()
        found = await self._client.search(table, query, fields, _MOST, seconds)
        if isinstance(found, Refused):
            self._hidden[table] = now + KEEP
            return ()
        rows = found.rows if isinstance(found, Rows) else None
        return None if rows is None else tuple(row for row in rows if row.get("install_status") not in _GONE)


def _texts(wanted: str) -> Mapping[str, Any] | None:
    """Return a group of texts, None for a name: one may begin as JSON does."""
    if not wanted.startswith("{"):
        return None
    try:
        return dict(orjson.loads(wanted))
    except orjson.JSONDecodeError:
        return None


def _things(texts: Mapping[str, str]) -> Iterator[_Thing]:
    place = (texts.get("namespace", ""), texts.get("kind", ""), texts.get("cluster", ""))
    yield _Thing(texts.get("k8s_uid", ""), texts.get("name", ""), *place)
    owner = (texts.get("namespace", ""), texts.get("owner_kind", ""), texts.get("cluster", ""))
    yield _Thing(texts.get("owner_uid", ""), texts.get("owner_name", ""), *owner)


def _query(things: Sequence[_Thing]) -> str:
    uids = ",".join(thing.uid for thing in things if thing.uid)
    names = ",".join(thing.name for thing in things if thing.name)
    namespace = things[0].namespace
    where = f"namespace={namespace}" if namespace else "namespaceISEMPTY"
    parts = [f"k8s_uidIN{uids}" if uids else "", f"nameIN{names}^{where}" if names else ""]
    return "^NQ".join(part for part in parts if part)


def _best(thing: _Thing, rows: Sequence[Mapping[str, str]]) -> str:
    """Return the row of a thing: its uid's, else the one of its name in its namespace, kind and cluster.

    Rows are compared again: an invalid part of a query is ignored over there. A name may stand in several clusters.
    """
    for row in rows:
        if thing.uid and row.get("k8s_uid") == thing.uid:
            return row.get("sys_id", "")
    same = [row for row in rows if thing.name and _is_named(thing, row)]
    exact = [row for row in same if row.get("cluster.name", "").lower() == thing.cluster.lower()]
    unsaid = [row for row in same if not row.get("cluster.name")]
    chosen = exact or unsaid
    return chosen[0].get("sys_id", "") if len(chosen) == 1 else ""


def _is_named(thing: _Thing, row: Mapping[str, str]) -> bool:
    kind = row.get("sys_class_name", "").removeprefix(_CLASS)
    fits = kind in _GENERIC or not thing.kind or kind == thing.kind.lower()
    return fits and row.get("name") == thing.name and row.get("namespace", "") == thing.namespace


def _server_query(node: str) -> str:
    return f"nameIN{node},{node.partition('.')[0]}^ORfqdn={node}"


def _is_server(row: Mapping[str, str], node: str) -> bool:
    name = row.get("name", "").lower()
    return name in {node.lower(), node.partition(".")[0].lower()} or row.get("fqdn", "").lower() == node.lower()
