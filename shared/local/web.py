"""The one port of the embedded system: ingress, functions, stand-ins, health, metrics and the API by their paths."""

from typing import TYPE_CHECKING, Any

from shared.local.api import PREFIX, VIEWS, answer_api
from shared.local.openapi import document
from shared.runtime.asgi import App, Receive, Scope, Send, answer, answer_error, answer_json, flat_headers
from shared.runtime.ingress import ingest

if TYPE_CHECKING:
    from shared.local.system import System

_LIVENESS = frozenset({"/health", "/health/liveness"})
_READINESS = frozenset({"/ready", "/health/readiness"})
_FUNCTIONS = "/functions/"
_LOOKING = frozenset({"GET", "HEAD"})


def new_web(system: "System") -> App:
    """Return the ASGI app of the embedded system."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await _http(system, scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1003})

    return app


def new_standins(system: "System") -> App:
    """Return the ASGI app of the stand-ins alone, for the functions of this very process."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            if not await _standin(system, scope, receive, send):
                await answer_error(send, 404, "there is no such stand-in")
        else:
            await send({"type": "websocket.close", "code": 1003})

    return app


async def _standin(system: "System", scope: Scope, receive: Receive, send: Send) -> bool:
    """Return True where a stand-in answered."""
    path: str = scope["path"]
    for prefix, app in system.standins.mounted().items():
        if path == prefix or path.startswith(prefix + "/"):
            await app(_below(scope, prefix), receive, send)
            return True
    return False


async def _lifespan(receive: Receive, send: Send) -> None:
    """Say yes to both: the system starts and stops what it serves itself."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def _http(system: "System", scope: Scope, receive: Receive, send: Send) -> None:
    path: str = scope["path"]
    if path == "/" and scope["method"] == "POST" and system.ready:  # what comes most often is looked at first
        await ingest(scope, receive, send, broker=system.broker, metrics=system.metrics)
        return
    if await _standin(system, scope, receive, send):
        return
    if path in _LIVENESS:
        await answer_json(send, 200, {"status": "up"})
    elif not system.ready:
        await answer_error(send, 503, "starting", [("retry-after", "1")])
    elif path.startswith(_FUNCTIONS):
        await _function(system, path, scope, receive, send)
    elif system.edges["intake"].takes(scope["method"], path):
        await system.edges["intake"](scope, receive, send)
    elif scope["method"] not in _LOOKING:
        await answer_error(send, 405, "nothing is taken at this path; /openapi.json says where")
    else:
        await _get(system, path, scope, send)


async def _function(system: "System", path: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve what a Broker would: `POST /functions/NAME`, and what there is to look at below it.

    Producers' paths are there once, at the root: below another name they would not go by their own settings.
    """
    name, _, below = path.removeprefix(_FUNCTIONS).partition("/")
    edge = system.edges.get(name.replace("-", "_"))
    if edge is None:
        await answer_error(send, 404, "there is no such function")
    elif below and scope["method"] not in _LOOKING:
        await answer_error(send, 405, "a function takes events at /functions/NAME alone")
    else:
        await edge(_below(scope, _FUNCTIONS + name), receive, send)


async def _get(system: "System", path: str, scope: Scope, send: Send) -> None:
    if path in _READINESS:
        problems = [problem for function in system.functions.values() for problem in function.readiness().problems]
        await answer_json(send, 503 if problems else 200, {"ready": not problems, "problems": problems})
    elif path == "/metrics":
        body, content_type = system.metrics.render(flat_headers(scope).get("accept", ""))
        await answer(send, 200, [("content-type", content_type)], body)
    elif path == "/openapi.json":
        await answer_json(send, 200, document())
    elif path in {"/", PREFIX, PREFIX.rstrip("/")}:
        await answer_json(send, 200, _index(system))
    elif path.startswith(PREFIX):
        await answer_api(scope, send, path.removeprefix(PREFIX), system)
    else:
        await answer_error(send, 404, "there is nothing at this path; /openapi.json says what there is")


def _index(system: "System") -> dict[str, Any]:
    """Return what there is to look at."""
    return {
        "lists": [PREFIX + name for name in VIEWS],
        "functions": [_FUNCTIONS + name for name in system.functions],
        "stand_ins": [path + "/" for path in system.standins.mounted()],
        "more": ["/ready", "/metrics", "/openapi.json"],
    }


def _below(scope: Scope, prefix: str) -> Scope:
    """Return the scope of an app that is mounted below a prefix (ASGI: path keeps it, root_path names it)."""
    path = scope["path"] if scope["path"] != prefix else prefix + "/"
    return {**scope, "path": path, "root_path": scope.get("root_path", "") + prefix}
