"""What the NATS store does besides what every store does: its bucket, its servers' limits, signing in, many keys."""

import asyncio
import base64
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import nacl.signing
import pytest
from nats.aio.client import Client

from shared.stores.nats_bucket import stream_of
from shared.stores.protocol import ABSENT, Store, StoreUnavailableError, ValueTooLargeError
from shared.stores.registry import open_store
from tests.support.certificates import new_authority
from tests.support.nats import Nats, nats, shared_nats, store_url

PASSWORD = "hunter2-not-to-be-seen"  # noqa: S105 - what must not be shown


def play(url: str, work: Callable[[Store], Awaitable[None]], environ: Mapping[str, str] | None = None) -> None:
    async def inside() -> None:
        store = open_store(url, environ or {})
        try:
            await work(store)
        finally:
            await store.close()

    asyncio.run(inside())


async def works(store: Store) -> None:
    revision = await store.put("k", b"v", expected=ABSENT)
    assert revision is not None
    entry = await store.get("k")
    assert entry is not None
    assert await store.delete("k", expected=revision)


async def stream(server: Nats, **config: Any) -> dict[str, Any]:
    """Make a stream as an administrator may have; return its configuration."""
    client = Client()
    await client.connect(server.url("").rstrip("/"))
    try:
        answer = await client.request(f"$JS.API.STREAM.CREATE.{config['name']}", json.dumps(config).encode(), timeout=5)
        made: dict[str, Any] = json.loads(answer.data)
        assert "error" not in made, made
        return made
    finally:
        await client.close()


def bucket(name: str, **changes: Any) -> dict[str, Any]:
    """Return a bucket as NATS's own tools make it (ADR-8), with changes."""
    return {
        "name": stream_of(name), "subjects": [f"$KV.{name}.>"], "max_msgs_per_subject": 1, "discard": "new",
        "allow_direct": True, "allow_rollup_hdrs": True, "allow_msg_ttl": True, "deny_delete": True, "max_age": 0,
        "max_bytes": -1, "max_msgs": -1, "retention": "limits", "storage": "file", "num_replicas": 1, **changes,
    }  # fmt: skip


def test_a_missing_bucket_is_made_and_that_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    play(store_url("nats", tmp_path), works)
    play(store_url("nats", tmp_path), works)
    assert [record.message for record in caplog.records if "made it with replicas=1" in record.message]
    assert sum("was not there" in record.message for record in caplog.records) == 1


def test_a_bucket_that_an_administrator_made_serves_too(caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(stream(shared_nats(), **bucket("administered", max_msgs_per_subject=5)))
    play(shared_nats().url("administered") + "?replicas=3", works)
    assert "has 1 replicas, STORE_URL says 3" in caplog.text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"allow_msg_ttl": False}, "--allow-msg-ttl"),
        ({"allow_direct": False}, "--allow-direct"),
        ({"max_age": 3_600_000_000_000, "allow_msg_ttl": True}, "--max-age=-1"),
        ({"discard": "old", "max_bytes": 1_000_000}, "--discard=new"),
        ({"subjects": ["other.>"]}, "name another one in STORE_URL"),
    ],
)
def test_a_bucket_that_would_lose_state_is_refused_with_what_to_do(
    changes: dict[str, Any], says: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name = store_url("nats", tmp_path).rpartition("/")[2]
    asyncio.run(stream(shared_nats(), **bucket(name, **changes)))

    async def refused(store: Store) -> None:
        with pytest.raises(StoreUnavailableError, match=says):
            await store.get("k")
        with pytest.raises(StoreUnavailableError, match=says):
            await store.put("k", b"", expected=ABSENT)

    play(store_url("nats", tmp_path), refused)
    assert sum(says in record.message for record in caplog.records) == 1, "said once, not with every round"


def test_a_value_that_the_server_does_not_take_is_refused_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(store: Store) -> None:
        revision = await store.put("k", b"x" * 60_000, expected=ABSENT)
        assert revision is not None
        with pytest.raises(ValueTooLargeError, match="set max_payload to 2MB"):
            await store.put("k", b"x" * 65_536, expected=revision)
        assert await store.put("k", b"y", expected=revision) is not None, "the connection is still there"

    with nats(tmp_path, max_payload="64KB") as server:
        play(server.url(), work)
    assert "at most 65536 bytes" in caplog.text


def test_a_value_of_1_mib_comes_back_whole(tmp_path: Path) -> None:
    value = bytes(range(256)) * 4096

    async def work(store: Store) -> None:
        assert await store.put("k", value, expected=ABSENT) is not None
        entry = await store.get("k")
        assert entry is not None
        assert entry.value == value
        assert [one.value for one in [each async for each in store.scan("")]] == [value]

    play(store_url("nats", tmp_path), work)


def test_more_keys_than_one_answer_holds_come_in_order_from_any_key_on(tmp_path: Path) -> None:
    numbers = [f"due.{number * 7919 % 5000:012d}.t{number}" for number in range(2500)]
    names = sorted([*numbers, "due", "due.", "due.0", "due.000000000", "due-x", "dud", "duf", "a", "z_"])

    async def work(store: Store) -> None:
        for start in range(0, len(names), 500):
            puts = (store.put(key, key.encode(), expected=ABSENT) for key in reversed(names[start : start + 500]))
            assert all(await asyncio.gather(*puts))
        for prefix in ("", "due", "due.", "due.0000", "due.00000000", "x"):
            wanted = [name for name in names if name.startswith(prefix)]
            found = [entry async for entry in store.scan(prefix, limit=10_000)]
            assert [entry.key for entry in found] == wanted
            assert all(entry.value == entry.key.encode() for entry in found)
            for after in ("due", names[1234], names[1234] + "-", names[-1], "due.000000002"):
                wanted = [name for name in names if name.startswith(prefix) and name > after][:37]
                assert [entry.key async for entry in store.scan(prefix, after=after, limit=37)] == wanted
            for before in ("due", "due.0", names[2400], names[9] + "-", "e"):
                wanted = [name for name in names if name.startswith(prefix) and name < before]
                assert [entry.key async for entry in store.scan(prefix, before=before, limit=10_000)] == wanted

    play(store_url("nats", tmp_path), work)


def test_what_was_deleted_leaves_nothing_behind(tmp_path: Path) -> None:
    url = store_url("nats", tmp_path)

    async def messages() -> int:
        client = Client()
        await client.connect(shared_nats().url("").rstrip("/"))
        try:
            answer = await client.request(f"$JS.API.STREAM.INFO.{stream_of(url.rpartition('/')[2])}", b"", timeout=5)
            return int(json.loads(answer.data)["state"]["messages"])
        finally:
            await client.close()

    async def work(store: Store) -> None:
        for number in range(50):
            revision = await store.put(f"due.{number}", b"1", expected=ABSENT)
            assert revision is not None
            assert await store.delete(f"due.{number}", expected=revision)
        assert [entry async for entry in store.scan("")] == []
        assert await store.put("due.7", b"2", expected=ABSENT) is not None, "though a marker is still there"
        left, tries = 50, 0
        while left > 1 and tries < 100:
            await asyncio.sleep(0.1)
            left, tries = await messages(), tries + 1
        assert left == 1

    play(url, work)


def test_a_restart_of_the_server_keeps_what_was_written_and_what_was_to_expire(tmp_path: Path) -> None:
    async def fill(store: Store) -> None:
        puts = (store.put(f"k{number:04d}", b"v", expected=ABSENT) for number in range(300))
        assert all(await asyncio.gather(*puts))
        assert await store.put("short", b"", expected=ABSENT, ttl=1) is not None

    async def look(store: Store) -> None:
        assert len([entry async for entry in store.scan("k")]) == 300
        await asyncio.sleep(1.5)
        assert await store.get("short") is None

    with nats(tmp_path) as server:
        play(server.url(), fill)
        server.kill()
        server.start()
        play(server.url(), look)


USERS = {
    "password": (f'authorization {{ user: tidings, password: "{PASSWORD}" }}', {"NATS_USERNAME": "tidings"}),
    "token": (f'authorization {{ token: "{PASSWORD}" }}', {}),
}


@pytest.mark.parametrize("way", sorted(USERS))
def test_a_password_or_token_from_a_file_lets_in_and_a_new_one_is_read_at_the_next_connection(
    way: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    more, environ = USERS[way]
    secret = tmp_path / "secret"
    secret.write_text("wrong-" + PASSWORD)

    async def work(store: Store) -> None:
        with pytest.raises(StoreUnavailableError, match="does not let us in: check the NATS_ settings"):
            await store.get("k")
        secret.write_text(PASSWORD)
        await eventually(store)
        await works(store)

    with nats(tmp_path, more=more) as server:
        play(server.url(), work, {**environ, f"NATS_{way.upper()}_FILE": str(secret)})
    assert PASSWORD not in caplog.text


async def eventually(store: Store, seconds: float = 10.0) -> None:
    """Wait until the store can be asked."""
    until = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            await store.get("probe")
        except StoreUnavailableError:
            assert asyncio.get_running_loop().time() < until, "it does not come back"
            await asyncio.sleep(0.05)
        else:
            return


def test_an_nkey_lets_in(tmp_path: Path) -> None:
    seed, public = new_nkey()
    with nats(tmp_path, more=f"authorization {{ users: [ {{ nkey: {public} }} ] }}") as server:
        play(server.url(), works, {"NATS_NKEY": seed})
        other, _ = new_nkey()
        play(server.url(), refused_by("does not let us in"), {"NATS_NKEY": other})


def new_nkey() -> tuple[str, str]:
    """Return the seed and the public key of a new user, in the spelling of NATS."""
    key = nacl.signing.SigningKey.generate()
    user = 20 << 3
    seed = bytes([(18 << 3) | (user >> 5), (user & 31) << 3]) + bytes(key)
    return _checked(seed), _checked(bytes([user]) + bytes(key.verify_key))


def _checked(raw: bytes) -> str:
    crc = 0
    for byte in raw:
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return base64.b32encode(raw + crc.to_bytes(2, "little")).decode().rstrip("=")


def refused_by(says: str) -> Callable[[Store], Awaitable[None]]:
    async def refused(store: Store) -> None:
        with pytest.raises(StoreUnavailableError, match=says):
            await store.put("k", b"", expected=ABSENT)

    return refused


def test_tls_is_verified_and_never_left_out(tmp_path: Path) -> None:
    authority = new_authority(tmp_path)
    (tmp_path / "other").mkdir()
    other = new_authority(tmp_path / "other")
    pem = authority.issued("nats")
    more = f'tls {{ cert_file: "{pem}", key_file: "{pem}" }}\n{USERS["password"][0]}'
    who = {"NATS_USERNAME": "tidings", "NATS_PASSWORD": PASSWORD}
    with nats(tmp_path, more=more) as server:
        play(server.url(scheme="tls"), works, {**who, "NATS_CA_FILE": str(authority.file)})
        play(server.url(scheme="tls"), refused_by("check NATS_CA_FILE"), {**who, "NATS_CA_FILE": str(other.file)})
        play(server.url(scheme="tls"), refused_by("check NATS_CA_FILE"), who)


def test_a_server_without_tls_gets_no_password_where_tls_is_wanted() -> None:
    seen: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"x","version":"2.15.1","max_payload":1048576,"auth_required":true}\r\n')
        seen.append(await reader.read(1000))
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(listen, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        environ = {"NATS_USERNAME": "tidings", "NATS_PASSWORD": PASSWORD}
        store = open_store(f"tls://127.0.0.1:{port}/b", environ)
        with pytest.raises(StoreUnavailableError, match="does not offer TLS"):
            await store.get("k")
        await store.close()
        server.close()  # from Python 3.12 on, waiting for it would be waiting for connections that it never took

    asyncio.run(main())
    assert not any(PASSWORD.encode() in one for one in seen)


def test_rights_that_are_missing_are_said(tmp_path: Path) -> None:
    allowed = 'publish: ["$JS.API.STREAM.>"], subscribe: ["_INBOX.>"]'
    more = f"authorization {{ users: [ {{ user: tidings, password: x, permissions: {{ {allowed} }} }} ] }}"

    async def work(store: Store) -> None:
        with pytest.raises(StoreUnavailableError, match=r"forbids what a store needs: allow \$KV"):
            await store.put("k", b"", expected=ABSENT)

    with nats(tmp_path, more=more) as server:
        play(server.url(), work, {"NATS_USERNAME": "tidings", "NATS_PASSWORD": "x"})


def test_the_rights_that_the_documentation_names_are_enough(root: Path, tmp_path: Path) -> None:
    """docs/episodes.md, "Storage": what a user of its own needs."""
    page = (root / "docs" / "episodes.md").read_text()
    sentence = page[page.index("A user of its own needs") :].partition("_INBOX")[0]
    named = re.findall(r"`(\$[^`]+)`", sentence)
    direct = [one.removesuffix(".>") for one in named if one.endswith(".KV_BUCKET.>")]
    rights = [one.replace("BUCKET", "tidings") for one in (*named, *direct)]
    assert len(rights) == 5
    allowed = f'publish: {json.dumps(rights)}, subscribe: ["_INBOX.>"]'
    more = f"authorization {{ users: [ {{ user: tidings, password: x, permissions: {{ {allowed} }} }} ] }}"

    async def work(store: Store) -> None:
        await works(store)
        assert [entry async for entry in store.scan("")] == []

    with nats(tmp_path, more=more) as server:
        play(server.url(), work, {"NATS_USERNAME": "tidings", "NATS_PASSWORD": "x"})


def test_a_server_without_jetstream_is_said(tmp_path: Path) -> None:
    more = "accounts { A { users: [ { user: tidings, password: x } ] } }"
    with nats(tmp_path, more=more) as server:
        who = {"NATS_USERNAME": "tidings", "NATS_PASSWORD": "x"}
        play(server.url(), refused_by("JetStream"), who)


def test_nobody_there_is_said_at_once_and_in_few_words(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def work(store: Store) -> None:
        said = r"NATS cannot be reached at nats://127\.0\.0\.1:1 \(\w+\): see STORE_URL"
        with pytest.raises(StoreUnavailableError, match=said):
            await store.get("k")
        begun = asyncio.get_running_loop().time()
        for _ in range(200):
            with pytest.raises(StoreUnavailableError):
                await store.put("k", b"x", expected=ABSENT)
        assert asyncio.get_running_loop().time() - begun < 0.5, "nobody waits for a server that is away"

    play("nats://127.0.0.1:1/b", work)
    assert len(caplog.records) == 1
