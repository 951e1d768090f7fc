"""What becomes of each item of a bulk request, and of single documents."""

import secrets
from collections.abc import Sequence
from typing import Any, Final

from shared.local.standins.elastic.access import Account
from shared.local.standins.elastic.bulk import Item, is_name
from shared.local.standins.elastic.fields import wrong
from shared.local.standins.elastic.store import Store
from shared.local.standins.elastic.templates import Applied, applied, backing_name

_KINDS: Final = {
    400: ("document_parsing_exception", "failed to parse"),
    403: ("security_exception", "action [indices:data/write/bulk[s]] is unauthorized"),
    404: ("index_not_found_exception", "no such index"),
    409: ("version_conflict_engine_exception", "version conflict, document already exists (current version [1])"),
    429: ("es_rejected_execution_exception", "rejected execution of primary operation"),
    503: ("unavailable_shards_exception", "primary shard is not active"),
}
_OF_OPENSEARCH: Final = {
    "document_parsing_exception": "mapper_parsing_exception",
    "es_rejected_execution_exception": "rejected_execution_exception",
}
_ONLY_CREATE = "only write ops with an op_type of create are allowed in data streams"
Answer = dict[str, Any]


class Writer:
    """Writes items. `failures` are statuses with which the items of an `_id` fail, one after the other."""

    def __init__(self, store: Store, *, opensearch: bool, failures: dict[str, list[int]]) -> None:
        self._store = store
        self._opensearch = opensearch
        self._failures = failures
        self._applied: dict[str, Applied] = {}

    def write(self, items: Sequence[Item], account: Account) -> list[Answer]:
        """Write items in one transaction, and return an answer for each, in order."""
        with self._store.writing():
            return [{item.action: self._one(item, account)} for item in items]

    def _one(self, item: Item, account: Account) -> Answer:
        name = item.id or secrets.token_urlsafe(15)
        if waiting := self._failures.get(name):
            return self._failed(item.index, name, waiting.pop(0))
        if not is_name(item.index):
            return self._failed(item.index, name, 400, "invalid_index_name_exception", "Invalid index name")
        there = self._store.backing(item.index) or (item.index in self._store.indices())
        if not account.may("create_doc", item.index) or not (there or account.may("auto_configure", item.index)):
            return self._failed(item.index, name, 403)
        template = self._template(item.index)
        if not there:
            self._made(item.index, stream=template.stream)
        backing = self._store.backing(item.index)
        if backing and item.action != "create":
            return self._failed(item.index, name, 400, "illegal_argument_exception", _ONLY_CREATE)
        reason = self._unreadable(item, template, stream=bool(backing))
        if reason:
            return self._failed(item.index, name, 400, reason=reason)
        return self._stored(item, backing[-1] if backing else item.index, name)

    def _stored(self, item: Item, index: str, name: str) -> Answer:
        if item.action == "create" and not self._store.create(index, name, item.raw):
            return self._failed(index, name, 409)
        created = item.action == "create" or self._store.replace(index, name, item.raw)
        shards = {"total": 1, "successful": 1, "failed": 0}
        result, status = ("created", 201) if created else ("updated", 200)
        told = {"_index": index, "_id": name, "_version": 1, "result": result, "_shards": shards}
        return {**told, "_seq_no": self._store.count(), "_primary_term": 1, "status": status}

    def _unreadable(self, item: Item, template: Applied, *, stream: bool) -> str:
        if item.action not in {"create", "index"}:
            return f"the stand-in does not know [{item.action}]"
        if item.source is None:
            return "failed to parse"
        if stream and not isinstance(item.source.get("@timestamp"), str | int):
            return "data stream timestamp field [@timestamp] is missing"
        types = {**(template.types or {}), "@timestamp": "date"} if stream else template.types or {}
        return wrong(item.source, types, lenient=template.lenient)

    def _template(self, index: str) -> Applied:
        if index not in self._applied:  # a request's items mostly go to one place
            self._applied[index] = applied(self._store, index, built_in=not self._opensearch)
        return self._applied[index]

    def _made(self, index: str, *, stream: bool) -> None:
        if stream:
            self._store.add_index(backing_name(index, 1), index, 1)
        else:
            self._store.add_index(index)

    def _failed(self, index: str, name: str, status: int, kind: str = "", reason: str = "") -> Answer:
        known, words = _KINDS.get(status, ("exception", "failed"))
        kind = kind or known
        kind = _OF_OPENSEARCH.get(kind, kind) if self._opensearch else kind
        error = {"type": kind, "reason": f"[{name}]: {reason or words}"}
        return {"_index": index, "_id": name, "status": status, "error": error}
