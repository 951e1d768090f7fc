"""Clients of Elasticsearch and documents for tests."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import orjson

from shared.destinations.elastic.client import ElasticClient
from shared.destinations.elastic.record import Document, written
from shared.destinations.elastic.settings import ElasticSettings
from shared.local.standins import elastic
from shared.settings.environment import read
from shared.telemetry.metrics import Metrics

T = TypeVar("T")
INDEX = "logs-k8s.events-default"
KEY = elastic.ACCOUNTS[0].encoded


def line(name: str, index: str = INDEX, **members: Any) -> bytes:
    """Return one document as the client is given it."""
    source = {"@timestamp": "2026-03-01T12:00:00.250Z", "event": {"id": name}, **members}
    made = written(Document({"create": {"_index": index, "_id": name}}, source))
    assert isinstance(made, bytes)
    return made


def with_elastic(
    url: str,
    use: Callable[[ElasticClient], Awaitable[T]],
    *,
    metrics: Metrics | None = None,
    seconds: float = 3.0,
    **settings: str,
) -> T:
    """Run `use` with a client of the cluster at `url`; `settings` are environment variables, an empty one is none."""
    environ = {"ELASTIC_URL": url, "ELASTIC_API_KEY": KEY, "ELASTIC_TIMEOUT": str(seconds), **settings}

    async def run() -> T:
        given = {name: text for name, text in environ.items() if text}
        client = ElasticClient(read(ElasticSettings, given), metrics or Metrics())
        try:
            return await use(client)
        finally:
            await client.close()

    return asyncio.run(run())


def ids_in(body: str) -> list[str]:
    """Return the `_id` of each action of a logged bulk body."""
    found = [orjson.loads(one) for one in body.splitlines() if one.startswith('{"create"')]
    return [one["create"]["_id"] for one in found]
