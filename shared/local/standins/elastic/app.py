"""The Elasticsearch and OpenSearch stand-in: bulk, data streams, templates, privileges and simple searches.

From reference/destinations.md §4. Documents are durable and found at once: there is no refresh to wait for.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from shared.local.standins.elastic import page
from shared.local.standins.elastic.access import ACCOUNTS, Account, authenticate, error, forbidden, restored
from shared.local.standins.elastic.admin import Admin
from shared.local.standins.elastic.bulk import BulkError, Item, items
from shared.local.standins.elastic.search import SHARDS, QueryError, answer, filtered, found
from shared.local.standins.elastic.store import Kept, Store
from shared.local.standins.elastic.templates import KEY
from shared.local.standins.elastic.writing import Writer
from shared.local.standins.faults import Faults
from shared.local.standins.frame import Frame, Request, Response, inflate, json_response
from shared.runtime.asgi import Receive, Scope, Send

_PATH: Final = re.compile(r"(?:/(?P<target>[^/_][^/]*))?/(?P<what>_[a-z_]+)(?:/(?P<rest>.+))?")
_MEDIA: Final = re.compile(r"application/(vnd\.elasticsearch\+)?(x-nd)?json\b")
_SHOWN: Final = 200
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Options:
    """How this cluster is set up; may be replaced while it runs.

    `max_content_length` is in bytes before compression, as the original counts them; a bulk request of more than
    `pressure` bytes is refused whole with 429. With `shuffled` the items of an answer come in another order, as an
    ingest pipeline makes them come.
    """

    product: Literal["elasticsearch", "opensearch"] = "elasticsearch"
    max_content_length: int = 104_857_600
    pressure: int = 104_857_600
    shuffled: bool = False


class Elastic:
    """One cluster: an ASGI app, and what it has stored. `failures` are statuses of items by their `_id`."""

    def __init__(self, store: Store, accounts: tuple[Account, ...], options: Options, faults: Faults) -> None:
        self.options = options
        self.faults = faults
        self.failures: dict[str, list[int]] = {}
        self._store = store
        self._accounts = accounts
        self._frame = Frame(self._handle, self._control, operation, faults)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        await self._frame(scope, receive, send)

    def documents(self) -> list[Kept]:
        """Return the stored documents, oldest first."""
        return self._store.documents()

    def ids(self) -> list[str]:
        """Return the `_id` of every document, oldest first; after a rollover one may be there twice."""
        return self._store.ids()

    def streams(self) -> list[str]:
        """Return the names of the data streams."""
        return self._store.streams()

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    @property
    def _opensearch(self) -> bool:
        return self.options.product == "opensearch"

    def _handle(self, request: Request) -> Response:
        if request.path == "/" and "text/html" in request.headers.get("accept", ""):
            return page.documents_page(self._store.latest(_SHOWN), self._store.count())
        told = self._answered(request)
        headers = dict(told.headers) if self._opensearch else {**told.headers, "X-Elastic-Product": "Elasticsearch"}
        body = told.body
        if body and "filter_path" in request.query and told.status == _OK:  # an error is never filtered
            body = orjson.dumps(filtered(orjson.loads(body), request.query["filter_path"]) or {})
        asked = request.headers.get("accept", "")
        media = "application/vnd.elasticsearch+json;compatible-with=" if "vnd.elasticsearch" in asked else ""
        media = f"{media}{asked.rpartition('=')[2][:1]}" if media else "application/json; charset=UTF-8"
        return Response(told.status, b"" if request.method == "HEAD" else body, media, headers)

    def _answered(self, request: Request) -> Response:
        account = self._admitted(request)
        if isinstance(account, Response):
            return account
        if request.path == "/":
            return self._info() if account.monitor else forbidden("cluster:monitor/main", account)
        admin = Admin(self._store, opensearch=self._opensearch)
        parts = _PATH.fullmatch(request.path)
        if parts is None:
            return admin.index(request, account)
        target, what, rest = parts["target"] or "", parts["what"], parts["rest"] or ""
        serve: Callable[[Request, Account, str, str], Response] | None = {
            "_bulk": self._bulk,
            "_create": self._single,
            "_doc": self._single,
            "_search": self._search,
            "_count": self._search,
            "_refresh": lambda *_: json_response(200, {"_shards": SHARDS}),
        }.get(what)
        return (
            serve(request, account, target, rest) if serve else admin.answer(request, account, target, f"{what}/{rest}")
        )

    def _admitted(self, request: Request) -> Account | Response:
        account = authenticate(request, (*self._accounts, *self._made_keys()))
        if isinstance(account, Response):
            return account
        if len(request.body) > self.options.max_content_length:
            return _too_long()
        if request.body and _MEDIA.match(request.headers.get("content-type", "")) is None:
            return error(406, "media_type_header_exception", "Invalid media-type value on headers [Content-Type]")
        return account

    def _made_keys(self) -> list[Account]:
        return [restored(key) for key in self._store.things(KEY).values()]

    def _info(self) -> Response:
        version = {"number": "8.17.0", "build_flavor": "default", "lucene_version": "9.12.0"}
        info: dict[str, Any] = {"name": "stand-in", "cluster_name": "stand-in", "cluster_uuid": "stand-in"}
        if self._opensearch:
            version = {"distribution": "opensearch", "number": "2.19.6", "lucene_version": "9.12.3"}
            return json_response(200, {**info, "version": version, "tagline": "The OpenSearch Project"})
        return json_response(200, {**info, "version": version, "tagline": "You Know, for Search"})

    def _bulk(self, request: Request, account: Account, target: str, _rest: str) -> Response:
        if request.method not in {"POST", "PUT"}:
            return error(405, "method_not_allowed", "allowed: [POST, PUT]")
        body = self._inflated(request)
        if isinstance(body, Response):
            return body
        if len(body) > self.options.pressure:
            return error(429, "es_rejected_execution_exception", "rejected execution of coordinating operation")
        try:
            wanted = list(items(body, target))
        except BulkError as wrong:
            return error(400, wrong.kind, wrong.reason)
        if not wanted:
            return error(400, "action_request_validation_exception", "Validation Failed: 1: no requests added;")
        answers = Writer(self._store, opensearch=self._opensearch, failures=self.failures).write(wanted, account)
        errors = any("error" in told for one in answers for told in one.values())
        shown = answers[::-1] if self.options.shuffled else answers
        return json_response(200, {"took": 1, "errors": errors, "items": shown})

    def _inflated(self, request: Request) -> bytes | Response:
        gzipped = request.headers.get("content-encoding", "").lower() == "gzip"
        body = inflate(request.body) if gzipped else request.body
        if body is None:
            return error(400, "not_x_content_exception", "not in GZIP format")
        return body if len(body) <= self.options.max_content_length else _too_long()

    def _single(self, request: Request, account: Account, target: str, rest: str) -> Response:
        if request.method == "GET":
            kept = [one for one in self._within(target) if one.id == rest]
            found_one = {"_index": target, "_id": rest, "found": bool(kept)}
            return json_response(200 if kept else 404, found_one | ({"_source": kept[-1].source} if kept else {}))
        create = "/_create/" in request.path or request.query.get("op_type") == "create"
        try:
            source = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            source = None
        readable = source if isinstance(source, dict) else None
        item = Item("create" if create else "index", target, rest, orjson.dumps(readable or {}), readable)
        (told,) = Writer(self._store, opensearch=self._opensearch, failures=self.failures).write([item], account)
        ((_, one),) = told.items()
        return json_response(one["status"], one)

    def _search(self, request: Request, account: Account, target: str, _rest: str) -> Response:
        if not account.may("read", target or "*"):
            return forbidden("indices:data/read/search", account)
        try:
            body = orjson.loads(request.body) if request.body else {}
            documents = self._within(target)
            if request.path.endswith("_count"):
                return json_response(200, {"count": len(found(documents, body)), "_shards": SHARDS})
            return json_response(200, answer(documents, body, request.query))
        except (QueryError, ValueError) as wrong:
            return error(400, "parsing_exception", str(wrong))

    def _within(self, target: str) -> list[Kept]:
        return self._store.documents(self._store.backing(target) or [target] if target else None)

    def _control(self, request: Request) -> Response:
        if request.method == "PUT" and request.path == "/_standin/failures":
            self.failures = dict(orjson.loads(request.body))
            return Response(204)
        if request.method == "GET" and request.path == "/_standin/ids":
            return json_response(200, {"count": self._store.count(), "ids": self.ids()})
        return json_response(404, {"error": "no such control path"})


def new_app(
    database: str = ":memory:",
    *,
    accounts: tuple[Account, ...] = ACCOUNTS,
    options: Options | None = None,
    faults: Faults | None = None,
) -> Elastic:
    """Build a cluster on a database file or `:memory:`."""
    return Elastic(Store(database), accounts, options or Options(), faults or Faults())


def _too_long() -> Response:
    return error(413, "content_too_long_exception", "entity content is too long")


def operation(request: Request) -> str:
    """Return what a request does, for fault rules and the log."""
    found_path = _PATH.fullmatch(request.path)
    return "info" if request.path == "/" else "other" if found_path is None else found_path["what"].lstrip("_")
