"""A store's content as JSON lines: all of it, in an order that suits a live store; nothing that was tampered with."""

import asyncio
import io
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.stores.dump import VERSION, DumpError, Loaded, lines, load, verify
from shared.stores.memory import MemoryStore
from shared.stores.nats_keys import ALPHABET
from shared.stores.protocol import ABSENT, Entry, Store

NOW = 1_800_000_000.0
KEYS = st.text(ALPHABET, min_size=1, max_size=30)
CONTENTS = st.dictionaries(KEYS, st.tuples(st.binary(max_size=50), st.none() | st.integers(1, 10**7)), max_size=30)


def clock() -> float:
    return NOW


async def filled(contents: dict[str, tuple[bytes, int | None]]) -> MemoryStore:
    store = MemoryStore(clock)
    for key, (value, ttl) in contents.items():
        assert await store.put(key, value, expected=ABSENT, ttl=ttl) is not None
    return store


async def exported(store: Store) -> bytes:
    return b"".join([line async for _, line in lines(store, "now", "due.")])


async def loaded(store: Store, data: bytes, now: float = NOW) -> Loaded:
    *_, done = [step async for step in load(store, io.BytesIO(data), now)]
    return done


async def contents_of(store: Store) -> dict[str, tuple[bytes, float | None]]:
    return {entry.key: (entry.value, entry.expires) async for entry in store.scan("", limit=10_000)}


@given(CONTENTS)
def test_whatever_a_store_holds_comes_back_with_the_time_that_it_has_left(
    contents: dict[str, tuple[bytes, int | None]],
) -> None:
    async def main() -> None:
        source = await filled(contents)
        data = await exported(source)
        assert verify(io.BytesIO(data)) == len(contents)
        target = MemoryStore(clock)
        done = await loaded(target, data)
        assert done.written.total() == len(contents)
        assert await contents_of(target) == await contents_of(source)

    asyncio.run(main())


def test_the_index_comes_after_the_records_that_it_leads_to() -> None:
    """A record that is written in between is then found by its entry, which was written before it."""

    async def main() -> None:
        keys = ("claim.x", "due", "due.1.a", "due.2.b", "namespace.n", "thing.a", "zz")
        data = await exported(await filled(dict.fromkeys(keys, (b"{}", None))))
        found = [json.loads(line).get("key") for line in data.splitlines()][1:-1]
        assert found == ["claim.x", "due", "namespace.n", "thing.a", "zz", "due.1.a", "due.2.b"]

    asyncio.run(main())


def test_what_is_there_stays_and_what_is_over_is_left_out_and_both_are_counted() -> None:
    async def main() -> None:
        data = await exported(await filled({"claim.a": (b"1", None), "claim.b": (b"1", 5), "thing.c": (b"1", 50)}))
        target = await filled({"claim.a": (b"other", None)})
        done = await loaded(target, data, NOW + 10)
        assert (done.written, done.kept, done.expired) == (
            Counter({"thing": 1}),
            Counter({"claim": 1}),
            Counter({"claim": 1}),
        )
        assert await target.get("claim.a") == Entry("claim.a", b"other", 1)

    asyncio.run(main())


def _whole() -> bytes:
    return asyncio.run(_make())


async def _make() -> bytes:
    return await exported(await filled({"claim.a": (b"one", None), "thing.b": (b"\xff\x00", 60)}))


WHOLE = _whole()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it is empty"),
        (WHOLE[: WHOLE.rindex(b'{"entries"')], "ends too early"),
        (WHOLE[:-5], "line 4 is no line"),
        (WHOLE.replace(b"one", b"two"), "its checksum differs"),
        (WHOLE + b"\n", "line 5: something follows"),
        (WHOLE.replace(b'"version": 1', b'"version": 9'), f"version 9, this Tidings reads {VERSION}"),
        (WHOLE.replace(b"tidings.state", b"others.state"), "no export of `tidings state export`"),
        (WHOLE.replace(b"claim.a", b"CLAIM/a"), "line 2 holds no entry"),
        (WHOLE.replace(b'"value": "one"', b'"value": 1'), "line 2 holds no entry"),
        (WHOLE.replace(b'"base64": "', b'"base64": "?'), "line 3 holds no entry"),
        (b"[1]\n", "line 1 is no line"),
        (b"{" * 100_000, "line 1 is no line"),
        (b'{"format": "tidings.state", "version": 1}\n{"sha256": 7}\n', "its checksum differs"),
    ],
)
def test_a_file_that_is_not_whole_or_not_ours_is_not_read(data: bytes, says: str) -> None:
    with pytest.raises(DumpError, match=says):
        verify(io.BytesIO(data))


@given(st.data())
def test_no_file_of_which_a_byte_was_changed_is_read(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(WHOLE) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != WHOLE[place]))
    with pytest.raises(DumpError):
        verify(io.BytesIO(WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :]))
