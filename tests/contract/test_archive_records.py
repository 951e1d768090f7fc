"""What is exported can be sealed and read again, however long it is; what cannot is refused before it is written."""

import os
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.archive.lines import LONGEST, TooLongError
from shared.bus.protocol import OLDEST, Record, Start, State
from shared.events.codec import NotAnEvent
from tests.support.archives import TOPIC, Archive, exported

_AT = datetime(2026, 3, 1, tzinfo=UTC)


class OfOthers:
    """A bus that keeps what somebody else put there, longer than Tidings ever does; no server here takes so much."""

    def __init__(self, *bodies: bytes) -> None:
        self.bodies = bodies

    async def read(self, topic: str, start: Start = OLDEST, *, key: str = "") -> AsyncGenerator[Record, None]:
        for offset, body in enumerate(self.bodies, 1):
            if offset > start.after.get(0, 0) and not key:
                yield Record(topic, 0, offset, _AT, NotAnEvent(400, "no event"), body)

    async def describe(self, name: str) -> State | None:  # noqa: ARG002 - the protocol's
        return None

    async def close(self) -> None:
        """Do nothing."""


def test_a_long_record_is_exported_sealed_and_read_again(tmp_path: Path) -> None:
    body = os.urandom(7 * 1024 * 1024)
    archive = Archive(tmp_path)
    archive.use(lambda place: exported(OfOthers(b"short", body, b"short"), place))
    assert archive.seal() == len(archive.manifests())
    assert archive.wrong() == {}
    assert [one.body for one in archive.read()] == [b"short", body, b"short"]


def test_a_record_too_long_to_be_read_again_is_refused_and_what_came_before_it_is_kept(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    bus = OfOthers(b"short", bytes(LONGEST), b"behind")
    for _ in range(2):
        with pytest.raises(TooLongError, match=f"partition 0, position 2: a line of .* an archive takes {LONGEST}"):
            archive.use(lambda place: exported(bus, place))
        assert [(one.topic, one.body) for one in archive.read()] == [(TOPIC, b"short")]
    assert archive.seal() == 1
