"""What doctor says of who may send."""

import asyncio
from pathlib import Path

import pytest

from shared.cli.senders import senders
from tests.support.senders import Authority, Issuer
from tests.support.servers import serve

TOKEN = {"AUTH_TOKEN": "falco:0123456789abcdef"}


def rows(**environ: str) -> list[tuple[str, str]]:
    return [(row["state"], row["finding"]) for row in asyncio.run(senders(environ))]


def test_it_says_what_is_open_and_to_whom() -> None:
    alone = "every path is open to this machine alone: AUTH is not set, so only a loopback address is served"
    assert rows() == [("absent", alone)]
    assert rows(AUTH="none") == [("absent", "every path is open: AUTH=none, the network decides who may send")]


def test_it_says_what_each_path_asks_for() -> None:
    found = rows(
        AUTH="token,mtls", AUTH_LOGS="none", AUTH_API="token", AUTH_PROXIES="10.0.0.0/8", AUTH_ALLOW="*", **TOKEN
    )
    assert found == [
        ("good", "every other path asks for token or mtls"),
        ("absent", "/logs is open to everybody"),
        ("good", "the API asks for token"),
    ]


def test_it_says_that_senders_are_held_to_nothing() -> None:
    found = rows(AUTH="token", **TOKEN)
    assert found[1:] == [("absent", "whoever is known may send any source and type: AUTH_ALLOW is not set")]


def test_settings_that_cannot_be_are_told_elsewhere() -> None:
    assert rows(AUTH="token") == []


@pytest.mark.parametrize(
    ("down", "expected"),
    [(False, ("good", "https://kubernetes.default.svc.cluster.local has 2 keys")), (True, ("bad", "does not show"))],
)
def test_it_asks_the_issuer(
    down: bool,  # noqa: FBT001 - both are tried
    expected: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    authority = Authority(tmp_path)
    with serve(Issuer(down=down), authority.for_loopback()) as url:
        settings = {"AUTH": "oidc", "AUTH_OIDC_AUDIENCE": "x", "AUTH_ALLOW": "*", "AUTH_OIDC_ISSUER": url}
        state, finding = rows(**settings, AUTH_OIDC_CA_FILE=str(authority.file))[-1]
    assert (state, expected[1] in finding) == (expected[0], True)
