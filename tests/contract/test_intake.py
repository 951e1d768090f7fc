"""`intake` over real HTTP: what producers post by their paths, and what the broker is given."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.intake.paths import PATHS
from shared.events.cloudevent import OBSERVED, UNREAD, CloudEvent
from shared.events.codec import encode_batch, encode_binary
from shared.local.openapi import document
from shared.sources.registry import decode
from tests.support.functions import Served, serving
from tests.support.servers import serve
from tests.support.sinks import Sink
from tests.support.specimens import RECEIVED

JSON = {"content-type": "application/json"}


def event(number: int = 0, **changes: Any) -> dict[str, Any]:
    """Return an Event as an exporter without `clusterName` sends it."""
    return {
        "metadata": {"name": f"web.{number}", "namespace": "shop", "uid": f"e-{number}"},
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web"},
        "reason": "BackOff",
        "message": "Back-off restarting failed container",
        "count": 1,
        **changes,
    }


NONE_READ = {"error": "no item of the request could be read; each is a dead letter that says why"}
UNKNOWN = {"clusterName": "prod", "password": "hunter2sEnTiNeL"}


class Taking:
    """An intake and the sink behind it."""

    def __init__(self, served: Served, sink: Sink) -> None:
        self.served = served
        self.sink = sink

    def post(self, path: str, body: Any, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Post a value, or bytes as they are; the sink forgets what came before."""
        self.sink.clear()
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.served.request("POST", path, {**JSON, **{k.replace("_", "-"): v for k, v in headers.items()}}, raw)

    def status(self, path: str, body: Any, **headers: str) -> int:
        """Post, and return the status alone."""
        return self.post(path, body, **headers)[0]

    def counted(self, result: str, path: str) -> float:
        """Return how many items were counted."""
        text = self.served.request("GET", "/metrics")[2].decode()
        start = f'tidings_intake_items_total{{path="{path}",result="{result}"}} '
        return sum(float(line.removeprefix(start)) for line in text.splitlines() if line.startswith(start))


LAYOUT = """
paths:
  /events:
    kind: who.kind
    name: who.name
    namespace: who.ns
    message: text
    reason: why
    count: times
    time: at
    cluster: where
    id: key
"""


@pytest.fixture(scope="module")
def taking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taking]:
    folder = tmp_path_factory.mktemp("intake")
    (folder / "layouts.yaml").write_text(LAYOUT, encoding="utf-8")
    sink = Sink()
    with serve(sink) as url:
        settings = {"K_SINK": url, "CLUSTER": "by-setting", "INTAKE_LAYOUTS": str(folder / "layouts.yaml")}
        with serving("intake", folder / "log", settings) as served:
            yield Taking(served, sink)


@pytest.fixture
def filled(taking: Taking) -> Iterator[Taking]:
    """A sink whose answer a test sets; as before afterwards."""
    before = taking.sink.status
    yield taking
    taking.sink.status = before


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("secret", ["", "/s3cr3t"])
def test_every_path_takes_its_item_and_answers_as_its_sender_wants(taking: Taking, path: str, secret: str) -> None:
    status, _, body = taking.post(f"{path}{secret}", event())
    assert (status, body) == (200 if path == "/botkube" else 202, b"")
    (seen,) = taking.sink.observed
    assert (seen["object"]["name"], seen["reason"], seen["cluster"]) == ("web", "BackOff", "by-setting")


@pytest.mark.parametrize("path", ["/nowhere", "/webhook/a/b", "/webhook/"])
def test_what_is_below_no_path_is_not_taken(taking: Taking, path: str) -> None:
    assert taking.status(path, event()) == 405


def test_only_posts_are_taken(taking: Taking) -> None:
    assert taking.served.request("GET", "/webhook")[0] == 405
    assert taking.served.request("PUT", "/falco", JSON, json.dumps(event()).encode())[0] == 202


BODIES = {
    "one": json.dumps(event(0)).encode(),
    "a list": json.dumps([event(0), event(1), event(2)]).encode(),
    "JSON lines": b"".join(json.dumps(event(number)).encode() + b"\n" for number in range(3)),
    "one after the other": b"".join(json.dumps(event(number)).encode() for number in range(3)),
    "a List": json.dumps({"kind": "EventList", "apiVersion": "v1", "items": [event(0), event(1), event(2)]}).encode(),
    "encoded twice": json.dumps(json.dumps(event(0))).encode(),
}


def test_a_storm_of_one_event_is_taken_however_small_gzip_makes_it(taking: Taking) -> None:
    """Who sends it tries for ever what is refused, or gives up what matters most."""
    many = [event(1, count=number, lastTimestamp=f"2026-08-20T09:41:{number % 60:02}Z") for number in range(1, 900)]
    body = json.dumps(many).encode()
    packed = gzip.compress(body)
    assert len(body) > 40 * len(packed)
    assert taking.status("/events", packed, content_encoding="gzip") == 202
    assert len(taking.sink.observed) == len(many)


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("coding", ["", "gzip", "gzip in two members"])
def test_a_body_is_taken_in_each_form_that_senders_have(taking: Taking, name: str, coding: str) -> None:
    body = BODIES[name]
    headers = {"content_encoding": "gzip"} if coding else {}
    packed = {"": body, "gzip": gzip.compress(body)}.get(coding, gzip.compress(body[:9]) + gzip.compress(body[9:]))
    assert taking.status("/logs", packed, **headers) == 202
    found = sorted(seen["source_uid"] for seen in taking.sink.observed)
    assert found == (["e-0"] if name in {"one", "encoded twice"} else ["e-0", "e-1", "e-2"])


def test_the_same_item_is_the_same_event_by_whatever_path_it_comes(taking: Taking) -> None:
    ids = set()
    for path, body in (("/events", event()), ("/webhook", [event()]), ("/logs", event())):
        assert taking.status(path, body) == 202
        ids |= {item.id for item in taking.sink.got}
    assert len(ids) == 1
    assert taking.status("/events", event(count=2)) == 202
    assert {item.id for item in taking.sink.got} != ids


def test_what_is_handed_over_is_what_the_classifier_reads(taking: Taking) -> None:
    taking.post("/events", event(clusterName="prod"))
    (item,) = taking.sink.got
    assert (item.type, item.extensions["cluster"]) == (OBSERVED, "prod")
    found = decode(item, cluster="other", now=RECEIVED)
    assert isinstance(found, list)
    assert found[0].model_dump(mode="json") == item.data


def test_a_cluster_is_named_by_the_address_before_the_payload_before_the_setting(taking: Taking) -> None:
    named = event(clusterName="by-payload")
    for path, body, expected in (
        ("/events?cluster=by-address", named, "by-address"),
        ("/events", named, "by-payload"),
        ("/events?cluster=", event(), "by-setting"),
    ):
        taking.post(path, body)
        assert [seen["cluster"] for seen in taking.sink.observed] == [expected]


def test_a_batch_is_taken_by_item_and_what_nobody_reads_becomes_a_dead_letter(taking: Taking) -> None:
    before = taking.counted("refused", "/webhook"), taking.counted("read", "/webhook")
    assert taking.status("/webhook", [event(1), UNKNOWN, 7, event(2)]) == 202
    assert [seen["source_uid"] for seen in taking.sink.observed] == ["e-1", "e-2"]
    letters = [item for item in taking.sink.got if item.type == UNREAD]
    assert [item.data["payload"] for item in letters] == [{**UNKNOWN, "password": "[masked]"}, None]
    assert {item.subject for item in letters} == {"/webhook"}
    after = taking.counted("refused", "/webhook"), taking.counted("read", "/webhook")
    assert (after[0] - before[0], after[1] - before[1]) == (2, 2)
    refusal = decode(letters[0], cluster="c", now=RECEIVED)
    assert "closest is event-exporter" in getattr(refusal, "reason", "")


def test_where_no_item_can_be_read_the_sender_is_told_and_the_letter_is_there(taking: Taking) -> None:
    status, headers, body = taking.post("/webhook", UNKNOWN)
    assert (status, json.loads(body)) == (422, NONE_READ)
    assert "retry-after" not in headers
    assert len(taking.sink.unread) == 1


@pytest.mark.parametrize(
    ("body", "read", "why"),
    [
        (b"", 0, None),
        (b'{"a": ', 0, None),
        (json.dumps(event(3)).encode() + b'{"kind": "Secret", "data": {"a": "hunter2sEnTiNeL"', 1, None),
        (b"[" * 70 + b"]" * 70, 0, "limits"),
        (b"nonsense", 0, "json"),
    ],
)
def test_what_is_no_json_is_refused_and_what_came_before_it_is_taken(
    taking: Taking, body: bytes, read: int, why: str | None
) -> None:
    status, _, answer = taking.post("/webhook", body)
    assert status == 400
    assert b"hunter2" not in answer
    assert len(taking.sink.observed) == read
    assert [letter["why"] for letter in taking.sink.unread] == ([] if why is None else [why])


def test_a_line_that_is_broken_spoils_no_other_where_the_sender_says_lines(taking: Taking) -> None:
    secret = b'{"kind": "Secret", "data": {"a": "hunter2sEnTiNeL"'
    body = b"\n".join([json.dumps(event(1)).encode(), secret, json.dumps(event(2)).encode()])
    assert taking.status("/logs", body, content_type="application/x-ndjson") == 202
    assert [seen["source_uid"] for seen in taking.sink.observed] == ["e-1", "e-2"]
    assert taking.sink.unread == [{"why": "json", "payload": None}], "what cannot be redacted is not kept"


def test_letters_of_different_items_are_different_events_and_of_the_same_item_the_same(taking: Taking) -> None:
    body = b"\n".join([b'{"a": ', b'{"b": ', b'{"a": ', json.dumps(UNKNOWN).encode()])
    taking.post("/logs", body, content_type="application/x-ndjson")
    assert (len(taking.sink.got), len({item.id for item in taking.sink.got})) == (4, 3)


def test_an_empty_list_is_fine(taking: Taking) -> None:
    assert taking.status("/logs", []) == 202
    assert taking.sink.got == []


def test_f41_a_secret_leaves_no_value_by_any_path(taking: Taking) -> None:
    """F41: Secret object event, incl. last-applied annotation, nested in List/CR.

    No value leaves the process: ticket, SIEM, log, trace, metric, DLQ header; key names kept.
    """
    secret = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"key": "hunter2sEnTiNeL"}}
    for body in (
        secret,
        [secret],
        {"kind": "List", "items": [secret]},
        {"wrapped": secret},
        {**UNKNOWN, "x": [secret]},
    ):
        taking.post("/webhook", body)
        told = json.dumps([item.data for item in taking.sink.got])
        assert "hunter2" not in told
        assert "key" in told
    assert "hunter2" not in taking.served.log.read_text(encoding="utf-8")


def test_a_layout_of_ones_own_is_read_by_the_fields_of_its_path(taking: Taking) -> None:
    mine = {
        "who": {"kind": "Pod", "name": "web-0", "ns": "shop"}, "text": "no space", "why": "Odd", "times": "4",
        "at": "2026-08-20T09:41:07Z", "where": "prod", "key": "k-1",
    }  # fmt: skip
    assert taking.status("/events", mine) == 202
    (seen,) = taking.sink.observed
    assert (seen["dialect"], seen["cluster"], seen["count"], seen["reason"]) == ("mapped", "prod", 4, "Odd")
    assert (seen["object"]["namespace"], seen["time"]) == ("shop", "2026-08-20T09:41:07Z")
    assert taking.status("/webhook", mine) == 422, "on its own path only"
    assert taking.status("/events", event()) == 202
    assert taking.sink.observed[0]["dialect"] == "kubernetes-event", "a dialect goes first"


def test_cloudevents_are_passed_on_as_they_are_one_or_many(taking: Taking) -> None:
    sent = CloudEvent("1", "https://10.0.0.1", "dev.knative.apiserver.resource.add", time=RECEIVED, data=event())
    headers, body = encode_binary(sent)
    assert taking.served.request("POST", "/", dict(headers), body)[0] == 202
    assert taking.sink.got[-1]._replace(datacontenttype=sent.datacontenttype) == sent
    headers, body = encode_batch([sent, sent._replace(id="2")])
    taking.sink.clear()
    assert taking.served.request("POST", "/", dict(headers), body)[0] == 202
    assert sorted(item.id for item in taking.sink.got) == ["1", "2"]


FALCO = {
    "rule": "Terminal shell in container",
    "priority": "Notice",
    "output_fields": {},
    "time": "2026-08-20T23:59:00Z",
}


def test_what_a_kafkasource_hands_to_a_path_is_read_as_the_payload_that_lay_in_kafka(taking: Taking) -> None:
    kafkas = {"ce-specversion": "1.0", "ce-id": "partition:0/offset:7", "ce-type": "dev.knative.kafka.event"}
    source = {"ce-source": "/apis/v1/namespaces/tidings/kafkasources/falco#falco", "ce-time": "2026-03-01T10:00:00Z"}
    assert taking.status("/events", event(), **kafkas, **source) == 202
    assert [one["reason"] for one in taking.sink.observed] == ["BackOff"]


def test_a_cloudevent_that_its_headers_do_not_call_one_is_found_by_what_it_says(taking: Taking) -> None:
    inside = {"specversion": "1.0", "id": "1", "source": "s", "type": "falco.rule.output.v1"}
    assert taking.status("/webhook?cluster=prod", {**inside, "data": FALCO}) == 202
    assert [(seen["cluster"], seen["dialect"]) for seen in taking.sink.observed] == [("prod", "falco")]
    assert taking.status("/webhook", {**inside, "type": "com.example.other", "data": {}}) == 422
    assert taking.status("/webhook", {**inside, "id": ""}) == 422


@pytest.mark.parametrize(
    "kind",
    ["dev.knative.apiserver.resource.add", "dev.knative.apiserver.ref.add", "dev.tidings.observed.v1", UNREAD],
)
@pytest.mark.parametrize("path", ["/falco", "/webhook"])
def test_a_cloudevent_that_no_producer_sends_is_not_read_on_a_producers_path(
    taking: Taking, path: str, kind: str
) -> None:
    inside = {"specversion": "1.0", "id": "1", "source": "s", "type": kind}
    for data in (event(), {"payload": event()}, {"kind": "Node", "apiVersion": "v1", "name": "worker-3"}):
        status, _, body = taking.post(path, {**inside, "data": data})
        assert (status, json.loads(body)) == (422, NONE_READ)
        assert taking.sink.observed == []
        assert [letter["why"] for letter in taking.sink.unread] == ["dialect"]


@pytest.mark.parametrize(("path", "status"), [("/events", 503), ("/botkube", 503), ("/audit", 429), ("/logs", 503)])
def test_a_sender_is_asked_to_come_again_while_the_broker_is_full(filled: Taking, path: str, status: int) -> None:
    filled.sink.status = lambda _: 503
    found, headers, body = filled.post(path, event())
    assert (found, headers["retry-after"]) == (status, "1")
    assert json.loads(body) == {"error": "the broker cannot take it now"}
    filled.sink.status = lambda _: 202
    assert filled.status(path, event()) in {200, 202}


def test_an_event_that_the_broker_never_takes_becomes_a_letter_and_spoils_no_other(filled: Taking) -> None:
    filled.sink.status = lambda item: 413 if item.type == OBSERVED and item.data["source_uid"] == "e-1" else 202
    assert filled.status("/logs", [event(0), event(1), event(2)]) == 202
    assert {seen["source_uid"] for seen in filled.sink.observed} == {"e-0", "e-2"}
    assert filled.sink.unread == [{"why": "large", "payload": None}]


def test_without_a_broker_it_is_not_ready_and_takes_nothing(tmp_path: Path) -> None:
    with serving("intake", tmp_path / "log", {}) as served:
        assert served.request("GET", "/ready")[0] == 503
        status, headers, _ = served.request("POST", "/audit", JSON, json.dumps(event()).encode())
        assert (status, headers["retry-after"]) == (429, "1")


def test_layouts_that_cannot_be_read_end_the_start(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("paths:\n  /event:\n    kind: a\n", encoding="utf-8")
    wrong = serving("intake", tmp_path / "log", {"INTAKE_LAYOUTS": str(tmp_path / "wrong.yaml")})
    with pytest.raises(RuntimeError, match=r'wrong.yaml:2: .*did you mean \\?"/events'), wrong:
        pass


def test_the_openapi_document_names_every_path_with_its_answers() -> None:
    described = document()["paths"]
    for path in PATHS.values():
        for name in (path.name, f"{path.name}/{{secret}}"):
            assert {str(path.accepted), str(path.full), "400", "413", "422"} <= described[name]["post"][
                "responses"
            ].keys()
