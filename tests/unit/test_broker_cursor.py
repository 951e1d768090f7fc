"""The cursor: whatever order events end in, a restart asks again for exactly what had not ended durably."""

from hypothesis import given
from hypothesis import strategies as st

from shared.events.cloudevent import CloudEvent
from shared.local.broker.cursor import Cursor, restore
from shared.local.broker.records import Stored
from shared.local.broker.window import Window

STEPS = st.lists(
    st.one_of(
        st.just(("skip", 0)),
        st.just(("begin", 0)),
        st.tuples(st.just("end"), st.integers(0, 49)),
        st.tuples(st.just("crash"), st.booleans().map(int)),
    ),
    max_size=120,
)


@given(STEPS)
def test_nothing_that_did_not_end_is_forgotten_and_nothing_that_ended_comes_again(
    steps: list[tuple[str, int]],
) -> None:
    cursor = Cursor("t", -1, 1)
    wanted: set[int] = set()
    ended: set[int] = set()
    for step, number in steps:
        if step == "skip":
            cursor.skip(cursor.next)
        elif step == "begin" and len(cursor.open) < 50:
            wanted.add(cursor.next)
            cursor.begin(cursor.next)
        elif step == "end" and cursor.open:
            offset = sorted(cursor.open)[number % len(cursor.open)]
            ended.add(offset)
            cursor.end([offset])
        elif step == "crash":
            # Either the ending of one event is in the very transaction that the snapshot belongs to, or not.
            ending = sorted(cursor.open)[:1] if number else []
            ended.update(ending)
            cursor = restore("t", -1, cursor.snapshot(ending))
    assert cursor.open == wanted - ended
    assert cursor.low() == min(wanted - ended, default=cursor.next)
    assert all(offset < cursor.next for offset in cursor.open)


def test_a_snapshot_stays_small_however_far_the_log_went() -> None:
    cursor = Cursor("t", -1, 1)
    cursor.begin(1)
    for offset in range(2, 100_000):
        cursor.begin(offset)
        cursor.end([offset])
    assert len(cursor.snapshot()) < 20


def stored(offset: int, size: int = 10) -> Stored:
    return Stored(offset, CloudEvent(id=str(offset), source="s", type="t"), 0.0, size)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=60), st.integers(1, 30))
def test_the_window_gives_only_consecutive_events_from_where_one_asks(sizes: list[int], most: int) -> None:
    window = Window(max_events=most, max_bytes=10**9)
    first = 1
    for size in sizes:
        window.add([stored(offset) for offset in range(first, first + size)])
        first += size
        assert window.events <= max(most, size), "one run is always kept, whatever its size"
    for offset in range(1, first):
        found = window.read(offset)
        assert [item.offset for item in found] == list(range(offset, offset + len(found)))
    assert window.read(first - 1), "the newest is there"
    assert window.read(first) == []


def test_the_window_is_bounded_in_bytes() -> None:
    window = Window(max_events=1000, max_bytes=100)
    for offset in range(1, 50):
        window.add([stored(offset, 30)])
    assert window.bytes <= 100
    assert window.events == 3
