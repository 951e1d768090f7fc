"""A Trigger whose subscriber is a URL: the embedded broker calls a function in another process as a cluster's does."""

import asyncio
import socket
from pathlib import Path
from typing import Literal

import pytest

from shared.events.cloudevent import CloudEvent
from shared.local.broker.answer import Answer, Ended, Failed, judge
from shared.local.broker.http_caller import HttpCaller
from shared.local.broker.loader import load_topology
from shared.local.broker.topology import Topology
from shared.telemetry.metrics import Metrics
from tests.support.brokers import Given, Subscriber, event, replying
from tests.support.servers import serve

Told = Answer | Literal["no answer"]

_BROKER = """
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: tidings, namespace: tidings}
"""
_TRIGGER = """
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: one, namespace: tidings}
spec:
  broker: tidings
  subscriber:
    uri: URI
  delivery: {retry: 3, deadLetterSink: {ref: {apiVersion: v1, kind: KafkaSink, name: letters}}}
"""


def topology(folder: Path, uri: str) -> Topology:
    (folder / "broker.yaml").write_text(_BROKER)
    (folder / "one.yaml").write_text(_TRIGGER.replace("URI", uri))
    return load_topology(folder)


def called(url: str, *, seconds: float = 5.0) -> Told:
    return asyncio.run(_call(url, event(1, cluster="a"), seconds))


async def _call(url: str, given: CloudEvent, seconds: float = 5.0) -> Told:
    caller = HttpCaller(url, seconds, 8, Metrics())
    try:
        return await caller.call(given, "tidings")
    finally:
        await caller.close()


def test_a_trigger_may_name_its_subscriber_by_url(tmp_path: Path) -> None:
    found = topology(tmp_path, "http://127.0.0.1:8081/")
    assert found.problems == ()
    assert found.triggers[0].subscriber == "http://127.0.0.1:8081/"
    assert found.triggers[0].destination == "http://127.0.0.1:8081/"


@pytest.mark.parametrize(
    "uri",
    [
        "siem-forwarder",
        "/path",
        "ftp://host/",
        "http://",
        "'http://[1'",
        "7",
        "http://h:abc/",
        "http://u:p@h/",
        "http://kubernetes.default/",
    ],
)
def test_what_is_no_absolute_url_is_reported_with_its_line(tmp_path: Path, uri: str) -> None:
    found = topology(tmp_path, uri)
    (problem,) = found.problems
    assert (problem.line, found.triggers) == (8, ())
    assert uri.strip("'") in problem.message
    assert "absolute URL" in problem.suggestion


def test_the_event_goes_out_in_binary_mode_and_the_reply_comes_back() -> None:
    app = Subscriber(lambda got: _given(replying(event(f"r-{got.id}", "second"))))
    with serve(app) as url:
        answer = called(url)
    assert app.ids == ["1"]
    assert app.headers[0]["prefer"] == "reply"
    assert app.headers[0]["kn-namespace"] == "tidings"
    assert app.headers[0]["ce-cluster"] == "a"
    assert isinstance(answer, Answer)
    ended = judge(answer)
    assert isinstance(ended, Ended)
    assert ended.reply is not None
    assert ended.reply.id == "r-1"


def test_a_content_type_that_is_no_ascii_goes_out_encoded() -> None:
    app = Subscriber()
    odd = event(1)._replace(datacontenttype="text/plain; x=é", data="text")
    with serve(app) as url:
        answer = asyncio.run(_call(url, odd))
    assert isinstance(answer, Answer)
    assert answer.status == 204
    assert app.headers[0]["content-type"] == "text/plain; x=%C3%A9"


def test_a_connection_that_is_refused_or_breaks_is_no_answer() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert called(f"http://127.0.0.1:{unused.getsockname()[1]}/") == "no answer"


def test_a_subscriber_that_never_answers_is_given_up() -> None:
    async def never(_: CloudEvent) -> Given:
        await asyncio.sleep(60)
        return 204, {}, b""

    with serve(Subscriber(never)) as url:
        assert called(url, seconds=0.2) == "no answer"


def test_a_redirect_is_not_followed_but_refused() -> None:
    app = Subscriber(lambda _: _given((307, {"location": "http://127.0.0.1:1/"}, b"")))
    with serve(app) as url:
        answer = called(url)
    assert isinstance(answer, Answer)
    ended = judge(answer)
    assert isinstance(ended, Failed)
    assert not ended.again


async def _given(given: Given) -> Given:
    return given
