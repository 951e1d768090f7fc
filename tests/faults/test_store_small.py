"""A NATS that takes less than a record may have: that one object waits, and everybody else goes on."""

import asyncio
from pathlib import Path

import pytest

from functions.correlator.handler import new
from shared.events.identity import problem_key
from shared.events.model import Classified, ObjectRef
from shared.events.outcome import Done, Retry
from shared.runtime.function import Function
from shared.stores.protocol import ABSENT, ValueTooLargeError
from shared.stores.registry import open_store
from tests.contract.test_store_nats import bucket, stream
from tests.support.correlator import AT_ONCE, POD, Rig, problem, told
from tests.support.nats import nats

OTHER = ObjectRef(kind="Pod", namespace="other", name="api-0")


class Correlating(Rig):
    """One correlator on the store that a URL names."""

    def build(self) -> Function:
        return new(self.environ, self.metrics, publisher=self.sink, rules=AT_ONCE)


def wordy(number: int) -> Classified:
    """Return a problem of a part of its own that has a long text; all of them expire at the same time."""
    part, text = f"part-{number}", "word " * 300
    key = problem_key("c", POD, "image", part)
    return problem(0, part=part, source_uid=part, identity=part, problem_key=key, expires=60, message=text)


def test_one_record_that_the_server_does_not_take_holds_up_nobody_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(rig: Correlating) -> None:
        outcomes = [(await rig.send(wordy(number))).outcome for number in range(40)]
        assert outcomes[0] == Done()
        assert outcomes[-1] == Retry("the record of this object is full")
        assert "set max_payload to 2MB" in caplog.text
        assert rig.function.readiness().ready, "the store can be asked"
        key = problem_key("c", OTHER, "crash-loop")
        other = told(await rig.send(problem(1, object=OTHER, problem_key=key, identity="o", expires=60)))
        assert (await rig.tick(100)).outcome == Done()
        assert (other.id, "resolved") in {(event.data["id"], event.data["state"]) for event in rig.sink.events}
        assert rig.metrics.value("tidings_records_set_aside_total") == 1

    async def run(url: str) -> None:
        rig = Correlating(STORE_URL=url)
        await rig.function.start()
        await work(rig)
        await rig.function.stop()

    with nats(tmp_path, max_payload="64KB") as server:
        asyncio.run(run(server.url()))


def test_a_bucket_with_a_limit_of_its_own_is_said_as_such(tmp_path: Path) -> None:
    async def run(url: str) -> None:
        store = open_store(url, {})
        with pytest.raises(ValueTooLargeError, match="--max-msg-size=-1"):
            await store.put("k", b"x" * 5000, expected=ABSENT)
        assert await store.put("k", b"x", expected=ABSENT) is not None
        await store.close()

    with nats(tmp_path) as server:
        asyncio.run(stream(server, **bucket("small", max_msg_size=4096)))
        asyncio.run(run(server.url("small")))
