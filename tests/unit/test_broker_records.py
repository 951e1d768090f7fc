"""A stored event is told by its head, and the same as if all of it were decoded at once."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.events.cloudevent import CloudEvent
from shared.events.codec import to_json
from shared.local.broker.records import UNREADABLE, Stored, event_of, head_of

_texts = st.lists(st.sampled_from([',"data":', '"', "\\", "{", "}", ",", "a", "ü"]), min_size=1, max_size=6).map(
    "".join
)
_data = st.recursive(
    st.none() | st.integers(-9, 9) | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["data", "id"]) | _texts, inner),
    max_leaves=6,
)
_events = st.builds(
    CloudEvent,
    id=_texts,
    source=_texts,
    type=_texts,
    subject=_texts,
    time=st.none(),
    datacontenttype=_texts,
    dataschema=_texts,
    extensions=st.dictionaries(st.sampled_from(["data1", "cluster"]), _texts),
    data=_data,
)


@given(_events)
def test_an_event_is_the_same_by_its_head_and_its_data_as_at_once(event: CloudEvent) -> None:
    line = to_json(event)
    head, data = head_of(line)
    assert head == event._replace(data=None)
    assert bool(data) == (event.data is not None)
    stored = Stored(1, head, 0.0, len(line), data)
    assert stored.event == event == event_of(line)
    assert stored.event is stored.head


@given(_events, st.data())
def test_a_line_that_is_damaged_gives_no_other_event(event: CloudEvent, drawn: Any) -> None:
    line = to_json(event)
    place = drawn.draw(st.integers(0, len(line)))
    signs = drawn.draw(st.sampled_from([b"", b"}", b'"', b",", b"\xff", b'"data":', b',"data":{}}']))
    damaged = line[:place] + signs + line[place + drawn.draw(st.integers(0, len(line))) :]
    head, data = head_of(damaged)
    found = Stored(1, head, 0.0, len(damaged), data).event
    assert found is UNREADABLE or found == event_of(damaged)


def test_what_is_left_of_a_line_without_its_data_is_unreadable() -> None:
    line = to_json(CloudEvent(id="1", source="s", type="t", data={"a": 1}))
    for left in range(len(line)):
        head, data = head_of(line[:left])
        assert not Stored(1, head, 0.0, left, data).readable
