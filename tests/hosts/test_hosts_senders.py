"""Who may send, asked in the same way by every host, whatever of the request its server hands on."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.host_requests import BINARY, EVENT, post
from tests.support.hosts import HOSTS, Process, ask, at_once, hosting_all
from tests.support.senders import webhook

TOKEN, KEY = "token-0123456789abcdef", "key-0123456789abcdef"
BODY = json.dumps(EVENT).encode()
SETTINGS = {
    "AUTH": "token,hmac,mtls",
    "AUTH_TOKEN": f"watch:{TOKEN}",
    "AUTH_HMAC": f"shop:{KEY}",
    "AUTH_PROXIES": "127.0.0.0/8",
    "AUTH_ALLOW": f"watch source={BINARY['ce-source']}; shop; spiffe://cluster.local/*",
}


@pytest.fixture(scope="module")
def asking(folder: Path) -> Iterator[dict[str, Process]]:
    with hosting_all("classifier", folder, dict.fromkeys(HOSTS, SETTINGS)) as hosted:
        yield hosted


def statuses(hosted: dict[str, Process], *pieces: bytes) -> dict[str, int]:
    return {host: answer.status for host, answer in at_once(hosted, pieces).items()}


def everywhere(status: int) -> dict[str, int]:
    return dict.fromkeys(HOSTS, status)


def test_f49_every_host_refuses_a_stranger_in_the_same_words(asking: dict[str, Process]) -> None:
    """F49: unauthenticated POST straight to ksvc: 401/403; counted; no body read beyond limit."""
    answers = at_once(asking, [post(BINARY, BODY)])
    assert {(answer.status, answer.body) for answer in answers.values()} == {(401, b'{"error":"not authenticated"}\n')}
    assert {answer.headers["www-authenticate"] for answer in answers.values()} == {"Bearer"}
    for process in asking.values():
        metrics = process.send(ask("/metrics")).body
        assert b'tidings_auth_failures_total{destination="",function="classifier",reason="missing"} 1.0' in metrics


def test_f49_no_host_waits_for_a_strangers_body(asking: dict[str, Process]) -> None:
    """F49: unauthenticated POST straight to ksvc: 401/403; counted; no body read beyond limit."""
    assert statuses(asking, post({**BINARY, "content-length": "900000000"}, b"x" * 1000)) == everywhere(401)


def test_f51_every_host_knows_a_sender_by_its_token_and_holds_it_to_its_source(asking: dict[str, Process]) -> None:
    """F51: spoofed `ce-source`/`ce-type` from allowed sender: source allow-list per trigger; EventPolicy documented."""
    known = {**BINARY, "authorization": f"Bearer {TOKEN}"}
    assert statuses(asking, post(known, BODY)) == everywhere(200)
    assert statuses(asking, post({**known, "ce-source": "https://10.0.0.2:443"}, BODY)) == everywhere(403)


def test_every_host_knows_a_sender_by_its_signature(asking: dict[str, Process]) -> None:
    assert statuses(asking, post({**BINARY, **webhook(KEY.encode(), BODY)}, BODY)) == everywhere(200)
    assert statuses(asking, post({**BINARY, **webhook(KEY.encode(), BODY + b" ", "2")}, BODY)) == everywhere(401)


def test_every_host_tells_the_address_of_a_proxy_that_is_trusted(asking: dict[str, Process]) -> None:
    for name, status in (("spiffe://cluster.local/ns/x/sa/y", 200), ("spiffe://elsewhere/y", 403)):
        assert statuses(asking, post({**BINARY, "x-forwarded-client-cert": f"URI={name}"}, BODY)) == everywhere(status)


def test_every_host_lets_probes_pass(asking: dict[str, Process]) -> None:
    assert statuses(asking, ask("/health/readiness")) == everywhere(200)
