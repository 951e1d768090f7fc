"""The benchmark measures what it says: in turns, with warm-up, on events that are all new."""

import json

import pytest

from shared.events.cloudevent import CloudEvent
from shared.events.codec import decode
from tests.bench.events import posts
from tests.bench.load import send
from tests.bench.measure import Row, in_turns, table
from tests.support.servers import serve


def test_both_sides_take_turns_after_a_warm_up() -> None:
    turns: list[str] = []

    def measured(name: str, value: float) -> float:
        turns.append(name)
        return value

    row = in_turns("x", "y", "ms", lambda: measured("a", 6.0), lambda: measured("b", 3.0), rounds=3)
    assert turns == ["a", "b", "a", "b", "b", "a", "a", "b"]
    assert row.ours == [6.0] * 3
    assert row.ratios == [2.0] * 3


def test_the_report_has_medians_spread_and_ratio() -> None:
    text = table([Row("ours", "theirs", "ms", [100.0, 110.0, 300.0], [50.0, 50.0, 50.0])])
    assert text.splitlines()[1].split("  ")[0] == "ours"
    assert "110 (100-300)" in text
    assert "2.20 (2.00-6.00)" in text


def test_every_event_that_is_sent_is_new_and_real() -> None:
    sample = posts(1500, "m")
    events = [decode(headers, body) for headers, body in sample]
    assert all(isinstance(event, CloudEvent) for event in events)
    assert len({json.loads(body)["metadata"]["uid"] for _, body in sample}) == 1500
    assert len({headers["ce-id"] for headers, _ in sample}) == 1500


@pytest.mark.parametrize("status", [202, 503])
def test_the_load_generator_counts_each_answer_once(status: int) -> None:
    async def app(scope: dict[str, str], receive: object, send: object) -> None:
        if scope["type"] == "http":
            while (await receive()).get("more_body"):  # type: ignore[operator] # ASGI's own callables
                pass
            body = b"{}" if status == 503 else b""
            headers = [(b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": status, "headers": headers})  # type: ignore[operator]
            await send({"type": "http.response.body", "body": body})  # type: ignore[operator]

    with serve(app) as url:
        load = send(int(url.rsplit(":", 1)[1]), posts(100), connections=4)
    assert load.statuses == {status: 100}
    assert load.rate > 0
