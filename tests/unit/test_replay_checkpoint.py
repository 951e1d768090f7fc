"""How far a replay is, as its file says it: never beyond what has not ended, and never of another source."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.protocol import Record
from shared.events.cloudevent import CloudEvent
from shared.runtime.replay_source import Checkpoint, CheckpointError


def record(offset: int, partition: int = 0) -> Record:
    return Record("t", partition, offset, datetime(2026, 3, 1, tzinfo=UTC), CloudEvent(f"e{offset}", "s", "t"), b"")


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(0, 1000))
def test_it_is_just_before_the_first_that_has_not_ended(ended: list[bool], first: int) -> None:
    checkpoint = Checkpoint()
    records = [record(first + place) for place in range(len(ended))]
    for one in records:
        checkpoint.begin(one)
    for one, done in reversed(list(zip(records, ended, strict=True))):
        if done:
            checkpoint.end(one)
    checkpoint.save()
    open_ones = [one.offset for one, done in zip(records, ended, strict=True) if not done]
    expected = min(open_ones, default=first + len(ended)) - 1
    assert checkpoint.after("t") == {0: expected}


def test_what_is_for_a_later_run_holds_its_partition_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    checkpoint = Checkpoint(path, "nats")
    for one in (record(5), record(9, partition=1)):
        checkpoint.begin(one)
        checkpoint.end(one)
    checkpoint.hold(record(6))
    checkpoint.hold(record(7))
    later = record(8)
    checkpoint.begin(later)
    checkpoint.end(later)
    checkpoint.save()
    assert Checkpoint(path, "nats").after("t") == {0: 5, 1: 9}
    assert Checkpoint(path, "nats").after("other") == {}


def test_a_run_that_read_nothing_keeps_what_the_file_said(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    first = Checkpoint(path, "nats")
    first.begin(record(5))
    first.end(record(5))
    first.save()
    Checkpoint(path, "nats").save()
    assert Checkpoint(path, "nats").after("t") == {0: 5}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"source": "nats", "after": {"t": {"0": "x"}}}', "\xff"])
def test_a_file_that_is_none_is_refused_and_left_alone(text: str, tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(CheckpointError):
        Checkpoint(path, "nats")
    assert path.read_bytes() == text.encode("latin-1")


def test_the_checkpoint_of_another_source_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    Checkpoint(path, "kafka").save()
    with pytest.raises(CheckpointError, match="another source: kafka"):
        Checkpoint(path, "nats")


def test_the_checkpoint_of_another_target_is_refused_and_one_that_names_none_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    Checkpoint(path, "nats", "splunk").save()
    with pytest.raises(CheckpointError, match="another target: splunk"):
        Checkpoint(path, "nats", "elastic")
    path.write_text('{"source": "nats", "after": {"t": {"0": 5}}}')  # as earlier releases wrote it
    assert Checkpoint(path, "nats", "elastic").after("t") == {0: 5}
