"""Post a payload to a path of a function of this very process, as its producer would over HTTP."""

from typing import Any

from shared.local.broker.answer import Answer
from shared.runtime.asgi import App


class Poster:
    """Posts to one path of an ASGI app."""

    def __init__(self, app: App, path: str) -> None:
        self._app = app
        self._path = path

    async def post(self, body: bytes) -> Answer:
        """Return what the app answers to these bytes."""
        status, parts = 500, list[bytes]()
        end = {"type": "http.request", "body": b"", "more_body": False}
        waiting = [end, {"type": "http.request", "body": body, "more_body": True}]

        async def receive() -> dict[str, Any]:
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                parts.append(message.get("body", b""))

        await self._app(_scope(self._path, len(body)), receive, send)  # type: ignore[arg-type]
        return Answer(status, body=b"".join(parts))


def _scope(path: str, length: int) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "path": path,
        "root_path": "",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"content-length", str(length).encode())],
    }
