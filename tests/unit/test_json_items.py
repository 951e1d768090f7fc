"""Cutting a stream of JSON into items: the same items wherever the pieces are cut, and bounded memory."""

import re
import tracemalloc
from hashlib import sha256
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import json_items
from shared.events.json_items import Cutter, Item, Lines

MOST = 256 * 1024
EVENT_LIST = b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[%s],"after":{"z":["]}"]}}'
FRAME = {"apiVersion": "audit.k8s.io/v1", "kind": "Event"}


def cut(body: bytes, size: int = 1 << 30, most: int = MOST, *, lines: bool = False) -> tuple[list[Item], bool]:
    cutter = Lines(most) if lines else Cutter(most)
    items: list[Item] = []
    for at in range(0, len(body), size):
        items += cutter.feed(body[at : at + size])
    items += cutter.end()
    return items, cutter.broken


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": 1}', [b'{"a": 1}']),
        (b'[{"a":1},\n {"b":[1,{}]}]', [b'{"a":1}', b'{"b":[1,{}]}']),
        (b'{"a":1}\n{"b":2}\n\n', [b'{"a":1}', b'{"b":2}']),
        (b'{"a":1}{"b":2}[{"c":3}]', [b'{"a":1}', b'{"b":2}', b'{"c":3}']),
        (b'\x1e{"a":1}\n\x1e{"b":2}\n', [b'{"a":1}', b'{"b":2}']),
        (EVENT_LIST % b'{"x":"}\\""},{"items":[1]}', [b'{"x":"}\\""}', b'{"items":[1]}']),
        (b'[{"items" : [{"q":1}], "kind":"List"}, {"w":2}]', [b'{"q":1}', b'{"w":2}']),
        (b'{"spec":{"items":[1]}}', [b'{"spec":{"items":[1]}}']),
        (b'"{\\"double\\": 1}"', [b'"{\\"double\\": 1}"']),
        (b'[1, null, "x"] 12', [b"1", b"null", b'"x"', b"12"]),
        (b'garbage {"a":1}', [b"garbage", b'{"a":1}']),
        (b'\xef\xbb\xbf{"a":1}', [b'{"a":1}']),
        (b'\xef\xbb\xbf[{"a":1}]\n\xef\xbb\xbf{"b":2}', [b'{"a":1}', b'{"b":2}']),
        (b"\xef\xbb\xbf", []),
        (b"\xef\xbb", [b"\xef\xbb"]),
        (b"[]", []),
        (b"  ", []),
    ],
)
def test_a_body_is_cut_into_its_items_wherever_its_pieces_end(body: bytes, expected: list[bytes]) -> None:
    for size in (1, 2, 3, 7, len(body)):
        items, broken = cut(body, size)
        assert ([item.body for item in items], broken) == (expected, False)


@pytest.mark.parametrize("head", [b'"x":"%s",' % (b"y" * 40), b'"kind":#Event,"x":"%s",' % (b"y" * 40)])
def test_a_list_whose_head_is_too_large_is_one_item_wherever_its_pieces_end(head: bytes) -> None:
    body = b'{%s"items":[{"a":1}]}' % head
    found = {size: cut(body, size, most=32) for size in (1, 7, 33, len(body))}
    assert all(each == found[1] for each in found.values())
    (item,), broken = found[1]
    assert (item.too_large, broken) == (True, False)


def test_a_mark_of_utf_8_spoils_no_line() -> None:
    """Some programs begin a file with it, and its first Event would be lost."""
    items, broken = cut(b'\xef\xbb\xbf{"a":1}\r\n{"b":2}\r\n', lines=True)
    assert ([item.body for item in items], broken) == ([b'{"a":1}', b'{"b":2}'], False)


def test_the_items_of_a_list_of_one_kind_know_that_kind() -> None:
    items, _ = cut(EVENT_LIST % b'{"a":1},{"b":1}')
    assert [item.frame for item in items] == [FRAME, FRAME]
    plain, _ = cut(b'{"kind":"List","items":[{"kind":"Pod"}]}')
    assert plain[0].frame == {}


@pytest.mark.parametrize("body", [b'{"a":', b'[{"a":1}', b"]", b"}", b'{"a":1}}', EVENT_LIST[:-1] % b"{}"])
def test_what_is_not_complete_is_told_and_the_items_before_it_are_there(body: bytes) -> None:
    for size in (1, 5, len(body)):
        items, broken = cut(body, size)
        assert broken
        assert [item.body for item in items] in ([], [b'{"a":1}'], [b"{}"])


def test_an_item_that_is_too_large_is_dropped_and_the_next_one_is_not() -> None:
    large = b'{"a":"%s","b":{"c":["\\\\\\""]},"d":"%s"}' % (b"x\\" + b'"' * 0 + b"\\y" * 900, b"z" * 90)
    for size in (1, 3, 50, 501, 10_000):
        items, broken = cut(b"[%s,{}]" % large, size, most=100)
        assert ([item.too_large for item in items], items[1].body, broken) == ([True, False], b"{}", False)


def test_an_item_of_a_list_that_is_too_large_is_the_same_wherever_its_pieces_end() -> None:
    for size in (7, 1000):
        items, _ = cut(EVENT_LIST % b'{"a":"%s"},{}' % (b"x" * 100), size, most=100)
        assert [item[:2] for item in items] == [(b"", {}), (b"{}", FRAME)]


@pytest.mark.parametrize("body", [b"1" * 101, b'"%s" 1' % (b"x" * 99), b"[%s, 1]" % (b"1" * 101)])
def test_a_value_that_is_no_object_and_too_large_breaks_the_body(body: bytes) -> None:
    for size in (1, 7, 1000):
        assert cut(body, size, most=100) == ([], True)


def test_a_line_that_is_broken_spoils_no_other() -> None:
    body = b'{"a":1}\n{"b": \n[{"c":1},{"d":2}]\n\n%s\nnot json\n{"e":1}' % (b"x" * 200)
    for size in (1, 4, len(body)):
        items, broken = cut(body, size, most=100, lines=True)
        bodies = [item.body for item in items]
        assert bodies == [b'{"a":1}', b'{"b": ', b'{"c":1}', b'{"d":2}', b"", b"not json", b'{"e":1}']
        assert not broken


_json: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(alphabet='"\\[]{},: \n\x1eé', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='"\\]i', max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.sampled_from(["a", "items", "kind"]), _json, max_size=3)), st.integers(1, 40))
def test_the_items_are_those_that_a_parser_would_have_found(values: list[Any], size: int) -> None:
    expected = [item for value in values for item in _of(value)]
    for body in (orjson.dumps(values), b"\n".join(map(orjson.dumps, values)), b"".join(map(orjson.dumps, values))):
        items, broken = cut(body, size)
        assert not broken
        assert [orjson.loads(item.body) for item in items] == expected


def _of(value: dict[str, Any]) -> list[Any]:
    """Return the items of a value; what stands before and behind them in a List is no item."""
    return value["items"] if isinstance(value.get("items"), list) else [value]


@given(st.binary(max_size=300) | st.text(alphabet='{}[]",:\\ai1 \n').map(str.encode), st.integers(1, 50))
def test_garbage_raises_nothing_and_is_cut_the_same_wherever_the_pieces_end(body: bytes, size: int) -> None:
    for lines in (False, True):
        items, broken = cut(body, size, lines=lines)
        assert broken or cut(body, lines=lines) == (items, broken)


class _Steps(Cutter):
    """The same without the search for a whole item."""

    def _at_once(self) -> None:
        return None


_signs = st.lists(st.sampled_from(['"items":[', '{"a":', *'{}[]",:\\1 \n', "[" * 23, "]" * 23, "é"]), max_size=60).map(
    "".join
)


@given(st.binary(max_size=200) | _signs.map(str.encode), st.lists(st.integers(1, 70), min_size=1), st.integers(1, 60))
def test_an_item_that_is_found_at_once_is_the_one_that_its_steps_find(body: bytes, ends: list[int], most: int) -> None:
    for before in (b"", b"[", b'{"kind":"PodList","items":['):
        rest = before + body
        at_once, by_steps = Cutter(most), _Steps(most)
        for end in (*ends, len(rest)):
            assert [*at_once.feed(rest[:end])] == [*by_steps.feed(rest[:end])]
            rest = rest[end:]
        assert [*at_once.end()] == [*by_steps.end()]
        assert at_once.broken == by_steps.broken


@pytest.mark.parametrize("item", [b"{}", b'{"a":"%s"}' % (b"x" * 999), b'{"items":[{"a":[]}]}'])
def test_a_search_for_a_whole_item_looks_at_no_more_than_its_steps(
    item: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[int] = []
    pattern = json_items._whole()

    class Counting:
        def match(self, text: bytearray, at: int) -> Any:
            found = pattern.match(text, at)
            searched.append((len(text) if found is None else found.end()) - at)
            return found

    monkeypatch.setattr(json_items, "_whole", Counting)
    for before, after in ((b"", b""), (b"[", b"]"), (b'{"items":[', b"]}")):
        for size in (1, 100, 5000):
            searched.clear()
            items, broken = cut(before + b",".join([item] * 500) + after, size)
            assert (len(items), broken) == (500, False)
            assert sum(searched) <= 500 * len(item) + 501 * min(size, 5 * len(item))


def test_memory_holds_an_item_and_a_piece_however_long_the_body_is() -> None:
    piece = b'{"level":"Metadata","stage":"ResponseComplete","verb":"list","pad":"%s"},' % (b"x" * 2000)
    pieces = [piece * 20] * 400
    huge = b'{"a":"' + b"y" * 60_000
    tracemalloc.start()
    cutter, count = Cutter(MOST), 0
    for part in (b'{"kind":"EventList","items":[', *pieces, huge, *([b"y" * 60_000] * 200), b'"}]}'):
        count += sum(1 for _ in cutter.feed(part))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (count, cutter.broken) == (8001, False)
    assert peak < 2 << 20


def test_many_small_values_take_no_more_than_their_number() -> None:
    items, _ = cut(b"[" + b"1," * 200_000 + b"1]")
    assert len(items) == 200_001


def test_what_a_list_says_before_its_items_is_kept() -> None:
    cutter = Cutter(1000)
    body = b'{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[{"a":1}]}'
    assert [item.body for item in cutter.feed(body)] == [b'{"a":1}']
    assert (cutter.head["kind"], cutter.head["metadata"]) == ("PodList", {"resourceVersion": "7"})


@pytest.mark.parametrize("most", [4096, 1 << 20])
@pytest.mark.parametrize("form", [b'{"a":"%s","b":1}', b'{"items":[],"a":"%s"}', b'["%s"]', b"%s "])
def test_a_long_text_in_small_pieces_is_looked_at_a_few_times_in_all(
    form: bytes, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = 0
    end = json_items._end

    def counting(pattern: re.Pattern[bytes], text: bytearray, at: int) -> int:
        nonlocal looked_at
        looked_at += len(text) - at  # which it may look at: there are no brackets within a piece of a text
        return end(pattern, text, at)

    monkeypatch.setattr(json_items, "_end", counting)
    body = form % (b"x\\y" * 60_000)
    cut(body, 200, most)
    assert 0 < looked_at < 4 * len(body)


@pytest.mark.parametrize("lines", [False, True])
@given(texts=st.lists(st.text("ab", min_size=60, max_size=200), min_size=1, max_size=4), size=st.integers(1, 90))
def test_items_that_are_too_large_are_known_by_their_heads_wherever_the_pieces_end(
    texts: list[str], size: int, *, lines: bool
) -> None:
    most = 50
    body = b"\n".join(orjson.dumps({"a": text}) for text in texts)
    items, _ = cut(body, size, most, lines=lines)
    heads = [orjson.dumps({"a": text})[:most] for text in texts]
    assert items == [Item(b"", {}, sha256(head).digest()) for head in heads]


@pytest.mark.parametrize("line", [b"not json", b'{"a":1} trailing', b"Nov 29 kernel: null 5 true oops"])
def test_a_line_that_is_no_json_is_one_item_whatever_stands_in_it(line: bytes) -> None:
    items, _ = cut(b'{"x":1}\n' + line + b'\n[{"y":1},{"z":1}]\n{"v":1}{"w":1}\n', 7, 1000, lines=True)
    expected = [b'{"x":1}', line, b'{"y":1}', b'{"z":1}', b'{"v":1}', b'{"w":1}']
    assert [item.body for item in items] == expected
