"""Templates, policies, data streams and privileges of the stand-in."""

import secrets
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

import orjson

from shared.local.standins.elastic.access import Account, created, error, forbidden
from shared.local.standins.elastic.store import Store
from shared.local.standins.elastic.templates import (
    COMPONENT,
    INDEX,
    KEY,
    POLICY,
    applied,
    backing_name,
    missing_components,
    templates,
)
from shared.local.standins.frame import Request, Response, json_response

_ACKNOWLEDGED: Final = {"acknowledged": True}


class Admin:
    """Answers what is asked of a cluster beside documents."""

    def __init__(self, store: Store, *, opensearch: bool) -> None:
        self._store = store
        self._opensearch = opensearch

    def answer(self, request: Request, account: Account, target: str, path: str) -> Response:
        """Answer a path that begins with an underscore, below an index or not."""
        what, _, name = path.rstrip("/").partition("/")
        if what == "_rollover" and request.method == "POST":
            return self._rollover(account, target)
        serve: dict[str, Callable[[Request, Account, str], Response]] = {
            "_index_template": self._templates,
            "_component_template": self._components,
            "_data_stream": self._streams,
        }
        serve |= (
            {"_plugins": self._policies} if self._opensearch else {"_ilm": self._policies, "_security": self._security}
        )
        if what in serve:
            return serve[what](request, account, name)
        return error(400, "illegal_argument_exception", f"no handler found for uri [{request.path}]")

    def index(self, request: Request, account: Account) -> Response:
        """Answer a path that is nothing but the name of an index."""
        name = request.path.strip("/")
        there = name in self._store.indices() or bool(self._store.backing(name))
        if request.method == "PUT" and not there:
            if not account.may("manage", name):
                return forbidden("indices:admin/create", account)
            self._store.add_index(name)
            return json_response(200, {**_ACKNOWLEDGED, "shards_acknowledged": True, "index": name})
        if request.method == "PUT":
            return error(400, "resource_already_exists_exception", f"index [{name}] already exists")
        if not account.may("view_index_metadata", name):
            return forbidden("indices:admin/get", account)
        return json_response(200, {name: {}}) if there else self._no_index(name)

    def _templates(self, request: Request, account: Account, name: str) -> Response:
        if not account.monitor:
            return forbidden("indices:admin/index_template", account)
        if request.method in {"PUT", "POST"}:
            body = self._body(request)
            missing = missing_components(self._store, body)
            if "index_patterns" not in body or missing:
                return error(400, "invalid_index_template_exception", f"component templates {missing} do not exist")
            self._store.put(INDEX, name, body)
            return json_response(200, _ACKNOWLEDGED)
        known = templates(self._store, built_in=not self._opensearch)
        if name and name not in known:
            return error(404, "resource_not_found_exception", f"index template matching [{name}] not found")
        listed = [{"name": one, "index_template": body} for one, body in known.items() if name in {"", one}]
        return json_response(200, {"index_templates": listed})

    def _components(self, request: Request, account: Account, name: str) -> Response:
        if not account.monitor:
            return forbidden("cluster:admin/component_template", account)
        if request.method in {"PUT", "POST"}:
            body = self._body(request)
            if not isinstance(body.get("template"), dict):
                return error(400, "x_content_parse_exception", "Required [template]")
            self._store.put(COMPONENT, name, body)
            return json_response(200, _ACKNOWLEDGED)
        known = self._store.things(COMPONENT)
        if name and name not in known:
            return error(404, "resource_not_found_exception", f"component template matching [{name}] not found")
        listed = [{"name": one, "component_template": body} for one, body in known.items() if name in {"", one}]
        return json_response(200, {"component_templates": listed})

    def _policies(self, request: Request, account: Account, name: str) -> Response:
        kind, _, name = name.rpartition("/")
        if kind != ("_ism/policies" if self._opensearch else "policy"):
            return error(400, "illegal_argument_exception", f"no handler found for uri [{request.path}]")
        if not account.monitor:
            return forbidden("cluster:admin/ilm", account)
        if request.method == "PUT":
            body = self._body(request)
            if not isinstance(body.get("policy"), dict):
                return error(400, "x_content_parse_exception", "Required [policy]")
            self._store.put(POLICY, name, body)
            return json_response(201 if self._opensearch else 200, _ACKNOWLEDGED)
        known = self._store.things(POLICY)
        return json_response(200, {name: known[name]}) if name in known else self._no_index(name)

    def _streams(self, request: Request, account: Account, name: str) -> Response:
        if name and not account.may("view_index_metadata", name):
            return forbidden("indices:admin/data_stream/get", account)
        if request.method == "PUT":
            if not applied(self._store, name, built_in=not self._opensearch).stream:
                return error(
                    400, "illegal_argument_exception", f"no matching index template found for data stream [{name}]"
                )
            self._store.add_index(backing_name(name, 1), name, 1)
            return json_response(200, _ACKNOWLEDGED)
        listed = [
            {"name": one, "timestamp_field": {"name": "@timestamp"}, "generation": len(self._store.backing(one)),
             "indices": [{"index_name": index} for index in self._store.backing(one)]}
            for one in self._store.streams()
            if name in {"", one}
        ]  # fmt: skip
        return json_response(200, {"data_streams": listed}) if listed or not name else self._no_index(name)

    def _rollover(self, account: Account, target: str) -> Response:
        backing = self._store.backing(target)
        if not backing:
            return error(400, "illegal_argument_exception", f"rollover target [{target}] does not exist")
        if not account.may("manage", target):
            return forbidden("indices:admin/rollover", account)
        new = backing_name(target, len(backing) + 1)
        self._store.add_index(new, target, len(backing) + 1)
        told = {"old_index": backing[-1], "new_index": new, "rolled_over": True, "dry_run": False}
        return json_response(200, {**_ACKNOWLEDGED, "shards_acknowledged": True, **told, "conditions": {}})

    def _security(self, request: Request, account: Account, name: str) -> Response:
        if name == "_authenticate":
            return json_response(200, {"username": account.id, "enabled": True})
        if name == "api_key" and request.method in {"POST", "PUT"}:
            return self._key(request, account)
        if name != "user/_has_privileges":
            return error(400, "illegal_argument_exception", f"no handler found for uri [{request.path}]")
        held = {
            index: {one: account.may(one, index) for one in asked.get("privileges", ())}
            for asked in self._body(request).get("index", ())
            for index in asked.get("names", ())
        }
        everything = all(value for one in held.values() for value in one.values())
        told = {"username": account.id, "has_all_requested": everything, "cluster": {}, "index": held}
        return json_response(200, {**told, "application": {}})

    def _key(self, request: Request, account: Account) -> Response:
        if not account.user:
            return forbidden("cluster:admin/xpack/security/api_key/create", account)
        body = self._body(request)
        key = created(secrets.token_urlsafe(15), body)
        self._store.put(KEY, key.id, asdict(key))
        told = {"id": key.id, "name": body.get("name", ""), "api_key": key.secret, "encoded": key.encoded}
        return json_response(200, told)

    def _no_index(self, name: str) -> Response:
        return error(404, "index_not_found_exception", f"no such index [{name}]")

    @staticmethod
    def _body(request: Request) -> dict[str, Any]:
        try:
            found = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}
