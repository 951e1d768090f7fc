"""`/openapi.json`: OpenAPI 3.1 of the embedded system's HTTP surface, from the same tables that answer it."""

from typing import Any

from functions.intake.paths import PATHS, Path
from shared.local.api import FILTERS
from shared.telemetry.metrics import installed_version

_SUMMARIES = {
    "events": "Events in the broker's log, the newest first",
    "episodes": "Episodes of problems",
    "deliveries": "What destinations were told, the newest first",
    "dead-letters": "Events that no try could deliver, the oldest first",
    "destinations": "Foreign systems and what became of their deliveries",
    "functions": "Functions, whether they are ready, and what waits for them",
}


def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    paths: dict[str, Any] = {
        "/": {"post": _ingress()},
        "/metrics": _get("Metrics as Prometheus text, or OpenMetrics on Accept", {"text/plain": {}}),
        "/openapi.json": _get("This document", _JSON),
    }
    for path in ("/health", "/health/liveness"):
        paths[path] = _get("Whether the process lives", _JSON)
    for path in ("/ready", "/health/readiness"):
        paths[path] = _get(
            "Whether everything can work", _JSON, {"503": {"description": "not ready", "content": _JSON}}
        )
    for producer in PATHS.values():
        paths[producer.name] = {"post": _producer(producer)}
        paths[f"{producer.name}/{{secret}}"] = {"parameters": [_SECRET], "post": _producer(producer)}
    for name, filters in FILTERS.items():
        paths[f"/api/v1/{name}"] = _list(name, sorted(filters))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tidings, embedded", "version": installed_version(), "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {"schemas": {"Error": _ERROR, "Page": _PAGE}},
    }


_JSON = {"application/json": {"schema": {"type": "object"}}}
_ERROR = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
_PAGE = {
    "type": "object",
    "required": ["items", "cursor"],
    "properties": {
        "items": {"type": "array", "items": {"type": "object"}},
        "cursor": {"type": "string", "description": "Pass it on for the next page; empty at the end."},
    },
}
_REFUSED = {
    "description": "Refused; the text is constant",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}


def _get(summary: str, content: dict[str, Any], more: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "get": {"summary": summary, "responses": {"200": {"description": "fine", "content": content}, **(more or {})}}
    }


def _ingress() -> dict[str, Any]:
    event = {"schema": {"type": "object"}}
    return {
        "summary": "Take a CloudEvent 1.0: binary, structured or batch",
        "requestBody": {
            "content": {
                "application/json": event,
                "application/cloudevents+json": event,
                "application/cloudevents-batch+json": {"schema": {"type": "array", "items": {"type": "object"}}},
            }
        },
        "responses": {
            "202": {"description": "The event is durable"},
            **dict.fromkeys(("400", "401", "403", "413", "415", "431", "503"), _REFUSED),
        },
    }


_SECRET = {
    "name": "secret",
    "in": "path",
    "required": True,
    "description": "For senders that can set no header.",
    "schema": {"type": "string"},
}
_CLUSTER = {
    "name": "cluster",
    "in": "query",
    "required": False,
    "description": "Name of the cluster; goes before what the payload says.",
    "schema": {"type": "string"},
}


def _producer(path: Path) -> dict[str, Any]:
    limits = f"at most {path.body >> 20} MiB, each item at most {path.item >> 10} KiB; gzip"
    item = {"schema": {"oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]}}
    refused = ("400", "401", "403", "413", "415", "422", "431", str(path.full))
    return {
        "summary": f"Take what producers post: one item, a list, a List or JSON lines; {limits}",
        "parameters": [_CLUSTER],
        "requestBody": {"content": {"application/json": item, "application/x-ndjson": {"schema": {"type": "string"}}}},
        "responses": {
            str(path.accepted): {"description": "What can be read is durable; the rest is a dead letter"},
            **dict.fromkeys(refused, _REFUSED),
        },
    }


def _list(name: str, filters: list[str]) -> dict[str, Any]:
    parameters = [_parameter("limit", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100})]
    parameters += [_parameter(item, {"type": "string"}) for item in ("cursor", *filters)]
    page = {"application/json": {"schema": {"$ref": "#/components/schemas/Page"}}}
    return {
        "get": {
            "summary": _SUMMARIES[name],
            "parameters": parameters,
            "responses": {
                "200": {"description": "A page", "content": page},
                **dict.fromkeys(("400", "401", "403", "503"), _REFUSED),
            },
        }
    }


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}
