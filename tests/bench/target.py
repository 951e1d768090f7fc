"""A foreign system that costs next to nothing: it answers each call after a set latency and counts the events in it.

    python -m tests.bench.target --port PORT

The stand-ins check, store and index what they get, at several times the cost of sending it: behind one of them a
forwarder would be measured by the stand-in. This one believes everything: a HEC call, a `_bulk` call, or (at any other
path) one event of a webhook. Below `/_target/` it is told what to do: `PUT latency/0.05`, `PUT down/10` (503 to
everything for so many seconds), `GET counts`.
"""

import argparse
import asyncio
import gzip
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Self

import uvloop

_CONTROL = "/_target/"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_GZIP = re.compile(rb"\r\ncontent-encoding: *gzip", re.IGNORECASE)
_HEC_ID = re.compile(rb'"event_id":"([^"]+)"')
_BULK_ID = re.compile(rb'^\{"create":\{.*?"_id":"([^"]+)"', re.MULTILINE)
_KEY = re.compile(rb"\r\n(?:idempotency-key|webhook-id): *([^\r]+)", re.IGNORECASE)
_ITEM = b'{"create":{"_id":"%s","status":201}}'
_MOST = 100_000  # identities that are told apart: those of a short run with losses


@dataclass(slots=True)
class Counts:
    """How many events came, and how many identities those of the first calls had."""

    events: int = 0
    distinct: int = 0

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Return what a control path answered."""
        return cls(**json.loads(content))


class Target:
    """What the target was told and what it has counted."""

    def __init__(self) -> None:
        self.latency = 0.0
        self._down_until = 0.0
        self._counts = Counts()
        self._identities: set[bytes] = set()

    def answer(self, method: str, path: str, head: bytes, body: bytes) -> tuple[int, bytes]:
        """Return status and body of the answer to one call of a client."""
        if method == "GET":
            return 200, b"{}"
        if asyncio.get_running_loop().time() < self._down_until:
            return 503, b'{"text":"Server is busy","code":9}'
        if path.startswith("/services/collector"):
            self._count(body.count(b"\n") + 1, _HEC_ID.findall(body))
            return 200, b'{"text":"Success","code":0}'
        if path.partition("?")[0].endswith("/_bulk"):
            identities = _BULK_ID.findall(body)
            self._count(len(identities), identities)
            return 200, b'{"errors":false,"took":1,"items":[%s]}' % b",".join(_ITEM % one for one in identities)
        self._count(1, _KEY.findall(head))
        return 200, b"{}"

    def told(self, what: str) -> bytes:
        """Do what a control path says and return the counts."""
        name, _, value = what.partition("/")
        if name == "latency":
            self.latency = float(value)
        elif name == "down":
            self._down_until = asyncio.get_running_loop().time() + float(value)
        self._counts.distinct = len(self._identities)
        return json.dumps(asdict(self._counts)).encode()

    def _count(self, events: int, identities: list[bytes]) -> None:
        self._counts.events += events
        if len(self._identities) < _MOST:
            self._identities.update(identities)


class _Connection(asyncio.Protocol):
    """HTTP/1.1 as far as our clients speak it: one request at a time, its length said."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._data = b""
        self._write: Callable[[bytes], None]
        self._closing: Callable[[], bool]

    def connection_made(self, transport: Any) -> None:
        self._write = transport.write
        self._closing = transport.is_closing

    def data_received(self, data: bytes) -> None:
        self._data += data
        end = self._data.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        found = _LENGTH.search(self._data, 0, end)
        length = int(found[1]) if found else 0
        if len(self._data) < end + length:
            return
        head, body = self._data[:end], self._data[end : end + length]
        self._data = self._data[end + length :]
        method, path = head.split(b" ", 2)[:2]
        self._serve(method.decode(), path.decode(), head, gzip.decompress(body) if _GZIP.search(head) else body)

    def _serve(self, method: str, path: str, head: bytes, body: bytes) -> None:
        if path.startswith(_CONTROL):
            self._answer(200, self._target.told(path.removeprefix(_CONTROL)))
            return
        status, answer = self._target.answer(method, path, head, body)
        if self._target.latency:
            asyncio.get_running_loop().call_later(self._target.latency, self._answer, status, answer)
        else:
            self._answer(status, answer)

    def _answer(self, status: int, body: bytes) -> None:
        if not self._closing():
            head = "HTTP/1.1 {} -\r\nContent-Type: application/json\r\nX-Elastic-Product: Elasticsearch\r\n"
            self._write(head.format(status).encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)


async def _serve(port: int) -> None:
    target = Target()
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(target), "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    """Serve until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(port))


if __name__ == "__main__":
    main()
