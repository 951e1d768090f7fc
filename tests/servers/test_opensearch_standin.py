"""The stand-in answers as a real OpenSearch does: the same requests to both, the same statuses and kinds of error."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from shared.local.standins import elastic
from shared.local.standins.elastic import Options
from tests.support.documents import INDEX
from tests.support.opensearch.server import OpenSearch
from tests.support.opensearch.setup import put_templates
from tests.support.servers import serve

STREAM = "logs-k8s.compared-default"
GOOD: dict[str, Any] = {"@timestamp": "2026-03-01T12:00:00Z", "message": "a"}


@pytest.fixture(scope="module")
def both(opensearch: OpenSearch) -> Iterator[tuple[httpx2.Client, httpx2.Client]]:
    app = elastic.new_app(options=Options(product="opensearch"))
    with serve(app) as url:
        for place in (url, opensearch.url):
            put_templates(place)
        login = ("elastic", "changeme")
        with httpx2.Client(base_url=url, auth=login) as ours, httpx2.Client(base_url=opensearch.url) as theirs:
            yield ours, theirs
    app.close()


def lines(*parts: Any) -> bytes:
    return b"".join((part if isinstance(part, bytes) else json.dumps(part).encode()) + b"\n" for part in parts)


def create(name: str | None, source: Any = GOOD, index: str = STREAM, action: str = "create") -> bytes:
    told = {"_index": index} | ({} if name is None else {"_id": name})
    return lines({action: told}, source)


def essence(answer: httpx2.Response) -> Any:
    """Return what a client can go by: statuses, ids and kinds of error."""
    body = answer.json()
    if answer.status_code != 200 or "items" not in body:
        return answer.status_code, body.get("error", {}).get("type")
    items = [
        (action, told["_id"], told["status"], told.get("error", {}).get("type"), told.get("result"))
        for item in body["items"]
        for action, told in item.items()
    ]
    return body["errors"], items


BODIES = {
    "made": create("a") + create("b"),
    "there already": create("a") + create("c") + create("a"),
    "twice in one request": create("d") + create("d"),
    "no time": create("e", {"message": "a"}),
    "a time that is none": create("f", {"@timestamp": "yesterday"}),
    "a time that is an object": create("g", {"@timestamp": {}}),
    "a value where an object is": create("h", {**GOOD, "orchestrator": "x"}),
    "a number that is none": create("i", {**GOOD, "event": {"severity": "x"}}),
    "an address that is none": create("j", {**GOOD, "source": {"ip": "x"}}),
    "an object where a text is": create("k", {**GOOD, "event": {"kind": {"a": 1}}}),
    "no JSON": lines({"create": {"_index": STREAM, "_id": "l"}}, b"{nonsense"),
    "no create": create("m", action="index"),
    "a name in capitals": create("n", index="Logs-K8s"),
    "a name that begins with a dash": create("o", index="-logs"),
    "a plain index": create("p", index="plain")
    + create("p", index="plain", action="index")
    + create("p", index="plain"),
    "an id that is too long": create("q") + create("x" * 513) + create("r"),
    "an unknown action": lines({"make": {"_index": STREAM}}, GOOD),
    "an action that is no object": lines(b"[]", GOOD),
    "an action without a source": lines({"create": {"_index": STREAM, "_id": "s"}}),
    "no index": lines({"create": {"_id": "t"}}, GOOD),
    "nothing": b"",
    "no end of line": create("u")[:-1],
}


@pytest.mark.parametrize("name", BODIES)
def test_a_bulk_request_is_answered_alike(both: tuple[httpx2.Client, httpx2.Client], name: str) -> None:
    head = {"content-type": "application/x-ndjson"}
    ours, theirs = (client.post("/_bulk", content=BODIES[name], headers=head) for client in both)
    assert essence(ours) == essence(theirs), theirs.text[:500]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/_data_stream/logs-k8s.nowhere-default"),
        ("GET", "/_index_template/nothing"),
        ("GET", "/_index_template/tidings"),
        ("GET", "/_component_template/tidings-mappings"),
        ("POST", "/_security/user/_has_privileges"),
        ("HEAD", "/nothing"),
        ("POST", f"/{INDEX}-nowhere/_rollover"),
        ("GET", f"/{STREAM}/_count"),
    ],
)
def test_a_question_is_answered_with_the_same_status(
    both: tuple[httpx2.Client, httpx2.Client], method: str, path: str
) -> None:
    both[1].post("/_refresh")
    content = b'{"index":[]}' if "privileges" in path else None
    head = {"content-type": "application/json"} if content else {}
    ours, theirs = (client.request(method, path, content=content, headers=head) for client in both)
    assert ours.status_code == theirs.status_code, theirs.text[:300]
    if path.endswith("_count"):
        assert ours.json()["count"] == theirs.json()["count"] > 5
    if "tidings" in path:
        (mine,), (real,) = ours.json().values(), theirs.json().values()
        assert mine[0]["name"] == real[0]["name"]


def test_an_answer_is_filtered_alike_and_an_error_never(both: tuple[httpx2.Client, httpx2.Client]) -> None:
    head = {"content-type": "application/x-ndjson"}
    path = "/_bulk?filter_path=errors,items.create._id,items.*.status,items.**.type"
    bodies = (create("filtered") + create("filtered"), create("x" * 513))
    for body in bodies:
        ours, theirs = (client.post(path, content=body, headers=head).json() for client in both)
        if "items" in theirs:
            assert ours == theirs
        else:
            assert ours["error"]["type"] == theirs["error"]["type"]
