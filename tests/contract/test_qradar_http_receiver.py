"""qradar_forwarder and an HTTP Receiver: the same lines, and an answer."""

import asyncio
from typing import Any

from shared.events.outcome import Done, Rejected, Retry
from shared.local.standins import qradar
from shared.local.standins.faults import Rule
from shared.telemetry.metrics import Metrics
from tests.support.qradar import Played
from tests.support.records import classified
from tests.support.rigs.place import Delivering
from tests.support.servers import serve


def posted(url: str, *names: str, **settings: str) -> tuple[list[Any], Metrics]:
    one = Played({"QRADAR_ADDRESS": url, **settings})

    async def main(deliver: Delivering) -> list[Any]:
        results = await asyncio.gather(*(deliver(classified(name)) for name in names))
        return [result.outcome for result in results]

    return one.run(main), one.metrics


def test_the_http_receiver_gets_the_same_lines_and_answers() -> None:
    app = qradar.new_app()
    try:
        with serve(app) as url:
            outcomes, _ = posted(url, "a", "b", "c")
            assert outcomes == [Done()] * 3
            assert app.identities() == ["a", "b", "c"]
            found = Played({"QRADAR_ADDRESS": url}).run(lambda one: one.function.check())
            assert [good for good, _ in found] == [True, None, True]
            for rule, wanted in (
                (Rule(do="status", status=503, headers={"retry-after": "7"}), Retry("the receiver is busy", 7.0)),
                (Rule(do="html"), Retry("the answer is not an HTTP Receiver's: check QRADAR_ADDRESS")),
                (Rule(do="status", status=404), Retry("the answer is not an HTTP Receiver's: check QRADAR_ADDRESS")),
                (Rule(do="status", status=400), Rejected("qradar", "the receiver does not take the event")),
                (Rule(do="reset"), Retry("the connection broke (ReadError)")),
            ):
                app.faults.set([rule])
                assert posted(url, "d")[0] == [wanted]
            app.faults.set([Rule(do="status", status=302, headers={"location": "http://elsewhere.example/"})])
            assert isinstance(posted(url, "d")[0][0], Rejected)
            assert "d" not in app.identities()
    finally:
        app.close()


def test_f58_an_event_that_the_http_receiver_refuses_goes_alone() -> None:
    """F58: one poison event in a bulk call shared by several requests: it alone is rejected."""

    async def picky(_scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        status = 400 if b"eventId=poison\t" in body else 200
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    names = [f"id-{number}" for number in range(20)]
    with serve(picky) as url:
        outcomes, _ = posted(url, *names[:7], "poison", *names[7:])
    rejected = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
    assert len(rejected) == 1
    assert outcomes[7] is rejected[0]
    assert outcomes.count(Done()) == 20


def test_f08_while_the_http_receiver_wants_to_be_left_alone_nothing_is_sent_and_the_wait_is_handed_on() -> None:
    """F08: sink 429 + Retry-After 30: wait only if inside request deadline, else 503 + Retry-After."""
    app = qradar.new_app()
    try:
        with serve(app) as url:
            app.faults.set([Rule(do="status", status=429, headers={"retry-after": "30"})])
            one = Played({"QRADAR_ADDRESS": url})

            async def main(deliver: Delivering) -> list[Any]:
                return [(await deliver(classified(name))).outcome for name in ("a", "b")]

            first, second = one.run(main)
            assert first == Retry("the receiver is busy", 30.0)
            assert isinstance(second, Retry)
            assert second.after is not None
            assert 25 < second.after <= 30
            assert len(app.faults.requests) == 1
    finally:
        app.close()
