"""`_search` and `_count`: the few queries that people and tests ask, and `filter_path`."""

from collections.abc import Sequence
from typing import Any, Final

from shared.local.standins.elastic.fields import leaves
from shared.local.standins.elastic.store import Kept

_DEFAULT_SIZE: Final = 10


class QueryError(Exception):
    """A query that this stand-in does not know."""


def found(documents: Sequence[Kept], body: Any) -> list[Kept]:
    """Return the documents that a request's `query` matches; all where it has none. Raises QueryError."""
    query = body.get("query", {"match_all": {}}) if isinstance(body, dict) else {"match_all": {}}
    if not isinstance(query, dict) or len(query) != 1:
        raise QueryError("query malformed, no start_object after query name")
    ((kind, told),) = query.items()
    if kind == "match_all":
        return list(documents)
    if kind == "ids" and isinstance(told, dict):
        return [one for one in documents if one.id in told.get("values", ())]
    if kind in {"term", "terms", "match"} and isinstance(told, dict) and len(told) == 1:
        ((name, wanted),) = told.items()
        wanted = wanted.get("value", wanted.get("query")) if isinstance(wanted, dict) else wanted
        accepted = wanted if isinstance(wanted, list) else [wanted]
        return [one for one in documents if any(key == name and value in accepted for key, value in _leaves(one))]
    raise QueryError(f"unknown query [{kind}]")


def answer(documents: Sequence[Kept], body: Any, query: dict[str, str]) -> dict[str, Any]:
    """Return the body of a `_search` answer. Raises QueryError."""
    matching = found(documents, body)
    told = body if isinstance(body, dict) else {}
    start = int(told.get("from", query.get("from", 0)))
    size = int(told.get("size", query.get("size", _DEFAULT_SIZE)))
    hits = [
        {"_index": one.index, "_id": one.id, "_score": 1.0, "_source": one.source}
        for one in matching[start : start + size]
    ]
    total = {"value": len(matching), "relation": "eq"}
    return {"took": 1, "timed_out": False, "_shards": SHARDS, "hits": {"total": total, "max_score": 1.0, "hits": hits}}


SHARDS: Final = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}


def filtered(value: Any, paths: str) -> Any:
    """Return what `filter_path` leaves of an answer: dotted patterns, `*` for one step and `**` for any."""
    wanted = [path.split(".") for path in paths.split(",") if path]
    return _kept(value, wanted) if wanted else value


def _kept(value: Any, paths: list[list[str]]) -> Any:
    if any(not path for path in paths):
        return value
    if isinstance(value, list):
        members = [_kept(one, paths) for one in value]
        return [one for one in members if one is not None] or None
    if not isinstance(value, dict):
        return None
    kept = {name: _kept(inner, _below(name, paths)) for name, inner in value.items()}
    return {name: inner for name, inner in kept.items() if inner is not None} or None


def _below(name: str, paths: list[list[str]]) -> list[list[str]]:
    """Return what is left of the patterns one step further down."""
    further = [path[1:] for path in paths if path[0] in {name, "*"}]
    for path in (path for path in paths if path[0] == "**"):
        further += [path, *([path[2:]] if len(path) > 1 and path[1] in {name, "*"} else [])]
    return further


def _leaves(one: Kept) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in leaves(one.source) if not isinstance(value, dict)]
