"""Lines are whole, however they come."""

from hypothesis import given
from hypothesis import strategies as st

from shared.events.line_cutter import LineCutter


@given(st.lists(st.binary(max_size=9).map(lambda one: one.replace(b"\n", b"")), max_size=9), st.data())
def test_lines_are_whole_however_they_come(wanted: list[bytes], data: st.DataObject) -> None:
    rest = b"".join(one + b"\n" for one in wanted)
    cutter, found = LineCutter(), []
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        found += cutter.feed(rest[:size])
        rest = rest[size:]
    assert (found, cutter.pending) == (wanted, 0)
