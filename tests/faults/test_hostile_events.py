"""What anybody who may post can post: nothing of it may stop what comes after, show a secret, or end in silence."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from shared.events import attributes
from shared.events.cloudevent import DELIVERY, CloudEvent
from shared.events.codec import NotAnEvent, decode, encode_binary
from shared.local.api import VIEWS
from shared.local.settings import UpSettings
from shared.local.shown import shown
from shared.local.snapshot import look
from shared.local.system import System
from tests.support.at_once import AT_ONCE

SENTINEL = "hunter2sEcReT"
_HEADERS = {
    "ce-specversion": "1.0",
    "ce-type": "dev.knative.apiserver.resource.add",
    "ce-source": "test",
    "ce-cluster": "prod",
    "content-type": "application/json",
}


@asynccontextmanager
async def _up(root: Path, folder: Path) -> AsyncIterator[tuple[System, httpx2.AsyncClient]]:
    system = System(UpSettings(data=folder, knative=root / "knative", port=0, feed="none", environ=AT_ONCE))
    await system.start()
    try:
        async with httpx2.AsyncClient(base_url=system.address) as client:
            yield system, client
    finally:
        await system.stop()


async def _post(client: httpx2.AsyncClient, data: Any, **headers: str) -> int:
    named = {f"ce-{name}": value for name, value in headers.items()}
    answer = await client.post("/", headers={**_HEADERS, "ce-id": "1", **named}, content=json.dumps(data))
    return answer.status_code


def _node_event(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "kind": "Event",
        "type": "Warning",
        "reason": "NodeNotReady",
        "metadata": {"name": f"e{number}", "uid": f"uid-{number}"},
        "involvedObject": {"kind": "Node", "name": "worker-1"},
        **fields,
    }


COUNTS: list[Any] = [2**63 - 1, 2**64 - 1, -1, 10**30, "5", 1e300, None, [], True]


def test_no_count_stops_what_the_same_object_says_later(root: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with _up(root, tmp_path) as (system, client):
            for place, count in enumerate(COUNTS):
                for number in range(3):
                    thing = {"kind": "Node", "name": f"worker-{place}"}
                    event = _node_event(10 * place + number, count=count, involvedObject=thing)
                    assert await _post(client, event) == 202
            assert await system.broker.idle(10)
            shot = await look(system)
            assert shot.retried == 0
            assert shot.dead_letters == 0
            assert shot.siem_records == 3 * len(COUNTS)
            assert shot.tickets == {"open": len(COUNTS)}

    asyncio.run(run())


def test_a_count_that_no_cluster_has_is_refused_where_an_observation_is_posted_itself(
    root: Path, tmp_path: Path
) -> None:
    now = "2026-01-01T00:00:00Z"
    seen = {"dialect": "x", "cluster": "prod", "reason": "NodeNotReady", "time": now, "received": now}

    async def run() -> None:
        async with _up(root, tmp_path) as (system, client):
            for number, count in enumerate((2**64 - 1, 2**64 - 1, 1)):
                thing = {"kind": "Node", "name": "worker-1"}
                data = {**seen, "identity": f"id-{number}", "object": thing, "count": count}
                assert await _post(client, data, type="dev.tidings.observed.v1") == 202
            assert await system.broker.idle(5)
            shot = await look(system)
            assert (shot.retried, shot.dead_letters, shot.siem_records) == (0, 2, 1)

    asyncio.run(run())


def test_f46_an_object_named_with_control_characters_still_arrives_everywhere(root: Path, tmp_path: Path) -> None:
    """F46: CE attribute with CR/LF -> response/DLQ header: rejected or percent-encoded."""
    names = ["a\r\nb", "a\tb", "\x00", "\x1b[2J", "c\u2028d", "^NQactive=true", "😀" * 400, "../..", "{{7*7}}"]

    async def run() -> None:
        async with _up(root, tmp_path) as (system, client):
            for number, name in enumerate(names):
                thing = {"kind": "Node", "name": name, "namespace": name}
                assert await _post(client, _node_event(number, involvedObject=thing)) == 202
            assert await system.broker.idle(5)
            shot = await look(system)
            assert shot.dead_letters == 0
            assert shot.siem_records == len(names)
            assert shot.tickets == {"open": len(names)}

    asyncio.run(run())


OWN_TYPES = ("dev.tidings.problem.opened.v1", DELIVERY, "dev.tidings.tick.v1", "dev.tidings.security.v1")
SHAPES: list[Any] = [
    "x",
    [1],
    5,
    True,
    None,
    {"id": ["x"], "number": "[/red]\x1b[2J", "result": "done", "operation": "open"},
]


def test_events_of_our_own_types_with_any_data_end_neither_the_table_nor_the_api(root: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with _up(root, tmp_path) as (system, client):
            for data in SHAPES:
                for kind in OWN_TYPES:
                    assert await _post(client, data, type=kind, subject="%E2%80%AE[/bold]") == 202
            assert await system.broker.idle(5)
            shot = await look(system)
            assert len(shot.latest) == 1
            assert all(line.summary.isprintable() and line.number == "" for line in shot.latest)
            for view in VIEWS:
                assert (await client.get(f"/api/v1/{view}")).status_code == 200

    asyncio.run(run())


def test_f41_the_api_shows_no_secret_that_the_broker_was_sent(root: Path, tmp_path: Path) -> None:
    """F41: Secret object event, incl. last-applied annotation, `stringData`, nested in List/CR.

    no value leaves the process: ticket, SIEM, log, trace, metric, DLQ header; key names kept.
    """
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "uid": "u", "resourceVersion": "1"},
        "data": {"user": SENTINEL},
        "stringData": {"user": SENTINEL},
    }

    async def run() -> None:
        async with _up(root, tmp_path) as (system, client):
            assert await _post(client, secret, subject=f"password={SENTINEL}") == 202
            assert await _post(client, {"password": SENTINEL, "no": "dialect"}) == 202
            report = {"link": f"https://u:{SENTINEL}@host/", "number": "INC1"}
            assert await _post(client, report, type=DELIVERY) == 202
            assert await system.broker.idle(5)
            pages = [(await client.get(f"/api/v1/{view}")).text for view in VIEWS]
            assert not [page for page in pages if SENTINEL in page]
            assert '"user":"[masked]"' in pages[0]

    asyncio.run(run())


def test_no_page_of_the_api_fails_over_a_number(root: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with _up(root, tmp_path) as (_, client):
            for view in VIEWS:
                for number in ("9" * 30, "9" * 5000, "-1", "%D9%A3", "x", "1e3", "%00"):
                    assert (await client.get(f"/api/v1/{view}?limit={number}")).status_code == 400
                    assert (await client.get(f"/api/v1/{view}?cursor={number}")).status_code in {200, 400}

    asyncio.run(run())


def test_an_event_whose_attributes_no_function_takes_is_refused_before_it_is_accepted() -> None:
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": "t"}
    many = {f"x{number}": "a" for number in range(100)}
    large = {f"x{number}": "a" * 4000 for number in range(4)}
    wide = {"subject": "ü" * 4000}
    headers = {"content-type": "application/cloudevents+json"}
    for more in (many, large, wide):
        refused = decode(headers, json.dumps({**event, **more}).encode())
        assert refused == NotAnEvent(400, "the attributes are too many or too large")
    assert isinstance(decode(headers, json.dumps({**event, "x": "a" * 4000}).encode()), CloudEvent)


@pytest.mark.parametrize("kind", ["application/cloudevents+json", "Application/CloudEvents-batch+json; charset=utf-8"])
def test_an_event_within_an_event_cannot_pass_a_filter_as_another(kind: str) -> None:
    inner = {"specversion": "1.0", "id": "2", "source": "s", "type": "dev.tidings.security.v1"}
    outer = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "datacontenttype": kind, "data": inner}
    got = decode({"content-type": "application/cloudevents+json"}, json.dumps(outer).encode())
    assert isinstance(got, NotAnEvent)


def test_what_is_shown_of_an_event_about_a_secret_keeps_its_other_data() -> None:
    event = CloudEvent("1", "s", "t", extensions={"kind": "Secret"}, data={"verdict": {"rule": "r"}, "token": SENTINEL})
    assert shown(event)["data"] == {"verdict": {"rule": "r"}, "token": "[masked]"}


def test_attributes_of_any_name_fit_into_the_headers_of_a_request() -> None:
    event = CloudEvent("1", "s", "t", extensions={f"a{n}": attributes.clean("😀" * 1000) for n in range(8)})
    headers, body = encode_binary(event)
    assert isinstance(decode(dict(headers), body), CloudEvent)
