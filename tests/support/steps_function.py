"""servicenow_incident as `tidings serve` runs it, with a store that stops at chosen steps and says so.

    python -m tests.support.steps_function FOLDER SECONDS

`FOLDER/stops.json` maps episode ids to the step at which their delivery stops, for ever or until the file
`FOLDER/go` is there; `FOLDER/steps.jsonl` gets a line for each step that was reached and for each write of a claim.
SECONDS is what a request may take, shorter than the shipped value so that leases run out while a test waits.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from shared.runtime import serve
from shared.runtime.edge import Edge, EdgeSettings
from shared.runtime.registry import load
from shared.stores.protocol import Entry, Store
from shared.stores.registry import open_store
from shared.telemetry import logs
from shared.telemetry.metrics import Metrics

BEFORE_CLAIM, AFTER_CLAIM = "before claim", "after claim"
BEFORE_COMPLETE, AFTER_COMPLETE = "before complete", "after complete"


class SteppedStore:
    """The real store. What it was asked to write is written even where the asker went away meanwhile, as in SQLite."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self._stops: dict[str, str] = json.loads((folder / "stops.json").read_text())
        self._writing: set[asyncio.Task[int | None]] = set()

    async def get(self, key: str) -> Entry | None:
        return await self._store.get(key)

    async def put(self, key: str, value: bytes, *, expected: int, ttl: float | None = None) -> int | None:
        task = asyncio.create_task(self._put(key, value, expected, ttl))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return await asyncio.shield(task)

    async def delete(self, key: str, *, expected: int) -> bool:
        return await self._store.delete(key, expected=expected)

    def scan(self, prefix: str, *, after: str = "", before: str = "", limit: int = 1000) -> AsyncIterator[Entry]:
        return self._store.scan(prefix, after=after, before=before, limit=limit)

    async def close(self) -> None:
        await self._store.close()

    async def _put(self, key: str, value: bytes, expected: int, ttl: float | None) -> int | None:
        episode = key.rpartition(".")[2]
        record: dict[str, Any] = json.loads(value)
        step = "claim" if record["phase"] == "held" else "complete"
        await self._pause(episode, f"before {step}")
        written = await self._store.put(key, value, expected=expected, ttl=ttl)
        self._say(episode=episode, write=record["phase"], refused=written is None)
        await self._pause(episode, f"after {step}")
        return written

    async def _pause(self, episode: str, step: str) -> None:
        if self._stops.get(episode) != step:
            return
        self._say(episode=episode, reached=step)
        while not (self._folder / "go").exists():  # noqa: ASYNC110 -- the test is another process
            await asyncio.sleep(0.01)

    def _say(self, **what: object) -> None:
        with (self._folder / "steps.jsonl").open("a") as file:
            file.write(json.dumps(what) + "\n")


def main(folder: Path, seconds: float) -> int:
    """Serve until SIGTERM; return the exit code."""
    logs.setup("info")
    metrics = Metrics()
    store = SteppedStore(open_store(os.environ["STORE_URL"], os.environ), folder)
    function = load("servicenow_incident", os.environ, metrics, store=store)
    edge = Edge(function, metrics, EdgeSettings(seconds=seconds))
    serve._Server(serve.config(edge, "127.0.0.1", 0)).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2])))
