"""NATS with accounts that an operator signs: a `.creds` file lets us in, and one that nobody signed does not."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import nkeys
import pytest

from shared.bus.protocol import BusUnavailableError, Kept, Published, Topic
from shared.bus.registry import open_bus
from tests.support.buses.use import event, run
from tests.support.nats import nats

_LIMITS = ("subs", "data", "payload", "imports", "exports", "conn", "leaf")
_STORAGE = ("mem_storage", "disk_storage", "streams", "consumer")
_CREDS = """\
-----BEGIN NATS USER JWT-----
{token}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
{seed}
------END USER NKEY SEED------
"""


def pair(prefix: int, number: int) -> Any:
    return nkeys.from_seed(nkeys.encode_seed(bytes([number]) * 32, prefix))


def public(one: Any) -> str:
    return str(one.public_key.decode())


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(issuer: Any, subject: Any, kind: str, **claims: Any) -> str:
    """Return a JWT as NATS has them (ADR-14 of NATS): signed by the issuer's nkey, about the subject's."""
    body: dict[str, Any] = {"iat": 1_700_000_000, "iss": public(issuer), "sub": public(subject), "name": kind}
    body["nats"] = {**claims, "type": kind, "version": 2}
    body["jti"] = base64.b32encode(hashlib.sha256(json.dumps(body).encode()).digest()).rstrip(b"=").decode()
    header = {"typ": "JWT", "alg": "ed25519-nkey"}
    signed = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(body).encode())}"
    return f"{signed}.{_part(issuer.sign(signed.encode()))}"


def account(operator: Any, subject: Any, storage: int) -> str:
    limits = {**dict.fromkeys(_LIMITS, -1), **dict.fromkeys(_STORAGE, storage), "wildcards": True}
    return token(operator, subject, "account", limits=limits)


async def published(settings: dict[str, str]) -> Published:
    bus = open_bus("nats", settings)
    try:
        await bus.ensure(Topic("topic"))
        return await bus.publish("topic", event(1))
    finally:
        await bus.close()


def test_a_creds_file_lets_us_in_and_one_of_another_account_does_not(tmp_path: Path) -> None:
    operator = pair(nkeys.PREFIX_BYTE_OPERATOR, 1)
    ours, system, strangers = (pair(nkeys.PREFIX_BYTE_ACCOUNT, number) for number in (2, 3, 4))
    user = pair(nkeys.PREFIX_BYTE_USER, 5)
    accounts = {public(ours): account(operator, ours, -1), public(system): account(operator, system, 0)}
    more = (
        f"operator: {token(operator, operator, 'operator', system_account=public(system))}\n"
        f"system_account: {public(system)}\n"
        "resolver: MEMORY\n"
        f"resolver_preload: {{ {', '.join(f'{name}: {text}' for name, text in accounts.items())} }}\n"
    )
    with nats(tmp_path, more=more) as server:
        file = tmp_path / "creds"
        settings = {"NATS_URL": f"nats://127.0.0.1:{server.port}", "NATS_CREDS_FILE": str(file)}
        for issuer, is_in in ((ours, True), (strangers, False)):
            mine = token(issuer, user, "user", pub={}, sub={}, **dict.fromkeys(_LIMITS[:3], -1))
            file.write_text(_CREDS.format(token=mine, seed=user.seed.decode()), encoding="utf-8")
            if is_in:
                assert isinstance(run(published(settings)), Kept)
            else:
                with pytest.raises(BusUnavailableError, match="credentials"):
                    run(published(settings))


SEED = nkeys.encode_seed(bytes(32), nkeys.PREFIX_BYTE_USER).decode()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"NATS_NKEY": "s3cret"}, "NATS_NKEY is not the seed of an NKey"),
        ({"NATS_CREDS": "s3cret"}, "NATS_CREDS is not what"),
        ({"NATS_CREDS": f"-----BEGIN USER NKEY SEED-----\n{SEED}\n"}, "NATS_CREDS is not what"),
        ({"NATS_CREDS": "-----BEGIN NATS USER JWT-----\ns3cret\n"}, "NATS_CREDS is not what"),
        ({"NATS_CREDS": _CREDS.format_map({"token": "t", "seed": "s3cret"})}, "NATS_CREDS is not what"),
    ],
)
def test_what_is_no_key_is_said_by_its_setting_and_hangs_nothing(
    settings: dict[str, str], says: str, tmp_path: Path
) -> None:
    with nats(tmp_path) as server:
        where = {"NATS_URL": f"nats://127.0.0.1:{server.port}", **settings}
        with pytest.raises(BusUnavailableError, match=says) as refused:
            run(published(where), 10)
    assert "s3cret" not in str(refused.value)
    assert SEED not in str(refused.value)
