"""What is posted to the broker by K_SINK: with the token that a SinkBinding mounts, where it mounts one."""

import asyncio
from pathlib import Path

import pytest

from shared.events.cloudevent import CloudEvent
from shared.runtime.asgi import Receive, Scope, Send, answer
from shared.runtime.sink import HttpPublisher
from tests.support.servers import serve

EVENT = CloudEvent("1", "tidings/correlator", "dev.tidings.problem.opened.v1", data={})


class Ingress:
    """A broker's ingress that accepts everything and remembers who sent it."""

    def __init__(self) -> None:
        self.senders: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.senders.append(dict(scope["headers"]).get(b"authorization", b"nobody").decode())
            await receive()
            await answer(send, 202)


def put(token: Path, content: str | None) -> None:
    """Replace the file at once, as a mounted volume does."""
    token.unlink(missing_ok=True)
    if content is not None:
        token.with_name("next").write_text(content)
        token.with_name("next").replace(token)


def publish(token: Path, *changes: str | None) -> tuple[list[bool], list[str]]:
    """Publish one event after each change of the token's file; None takes it away."""
    ingress = Ingress()

    async def play(url: str) -> list[bool]:
        publisher = HttpPublisher(url, seconds=5.0, token=token)
        accepted = []
        for content in changes:
            put(token, content)
            accepted.append(await publisher.publish(EVENT))
        await publisher.close()
        return accepted

    with serve(ingress) as url:
        return asyncio.run(play(url)), ingress.senders


def test_the_brokers_token_goes_with_each_event_and_is_followed(tmp_path: Path) -> None:
    accepted, senders = publish(tmp_path / "token", "one.two.three", "four.five.six\n")
    assert accepted == [True, True]
    assert senders == ["Bearer one.two.three", "Bearer four.five.six"]


def test_without_a_token_none_is_sent(tmp_path: Path) -> None:
    assert publish(tmp_path / "token", None) == ([True], ["nobody"])


@pytest.mark.parametrize("content", ["", "two words", "t\N{LATIN SMALL LETTER O WITH DIAERESIS}ken"])
def test_what_is_no_token_sends_nothing_so_that_the_event_comes_again(tmp_path: Path, content: str) -> None:
    assert publish(tmp_path / "token", content) == ([False], [])
