"""Senders that are known by tokens: an issuer is asked for its keys as the API server would be."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.functions import Served, serving
from tests.support.senders import AUDIENCE, SUBJECT, Authority, Issuer
from tests.support.sending import BODY, HEADERS, failures, post
from tests.support.servers import serve


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder)


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer(token="the-token-of-our-own-account")  # noqa: S106 -- made up


@pytest.fixture(scope="module")
def oidc(issuer: Issuer, authority: Authority, folder: Path) -> Iterator[Served]:
    """A function whose issuer answers as the API server does, by TLS, and only to whom it knows."""
    (folder / "own-token").write_text(issuer.token)
    with serve(issuer, authority.for_loopback()) as url:
        settings = {
            "AUTH": "oidc",
            "AUTH_OIDC_ISSUER": url,
            "AUTH_OIDC_AUDIENCE": AUDIENCE,
            "AUTH_OIDC_CA_FILE": str(authority.file),
            "AUTH_OIDC_TOKEN_FILE": str(folder / "own-token"),
            "AUTH_ALLOW": "system:serviceaccount:tidings:*-oidc-eventing.knative.dev-trigger",
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        }
        with serving("classifier", folder / "oidc-log", settings) as served:
            yield served


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_a_trigger_with_its_token_is_let_in_and_the_issuer_is_asked_once(oidc: Served, issuer: Issuer) -> None:
    issuer.asked.clear()
    barrier = threading.Barrier(8)

    def send(_number: int) -> int:
        barrier.wait(10)
        return post(oidc, bearer(issuer.sign()))

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(send, range(8))) == {200}
    assert issuer.asked == ["/.well-known/openid-configuration", "/openid/v1/jwks"]
    assert SUBJECT not in oidc.log.read_text()


def test_f50_every_other_token_is_refused(oidc: Served, issuer: Issuer) -> None:
    """F50: valid JWT, wrong audience / other namespace's SA / expired / alg=none: 401/403."""
    assert post(oidc, bearer(issuer.sign())) == 200
    assert post(oidc, bearer(issuer.sign(aud=["https://kubernetes.default.svc"]))) == 401
    assert post(oidc, bearer(issuer.sign(sub=SUBJECT.replace(":tidings:", ":other:")))) == 403
    assert post(oidc, bearer(issuer.sign(exp=1_600_000_000))) == 401
    head, body, _ = issuer.sign().split(".")
    assert post(oidc, bearer(f"eyJhbGciOiJub25lIn0.{body}.")) == 401
    assert post(oidc, bearer(f"{head}.{body}.AAAA")) == 401
    assert post(oidc, {}) == 401
    assert failures(oidc) == {"audience": 1, "sender": 1, "expired": 1, "malformed": 1, "wrong": 1, "missing": 1}


def test_an_issuer_that_is_down_makes_the_broker_come_again(tmp_path: Path, authority: Authority) -> None:
    issuer = Issuer(down=True)
    with serve(issuer, authority.for_loopback()) as url:
        settings = {
            "AUTH": "oidc", "AUTH_OIDC_ISSUER": url, "AUTH_OIDC_AUDIENCE": AUDIENCE, "AUTH_ALLOW": "*",
            "AUTH_OIDC_CA_FILE": str(authority.file),
        }  # fmt: skip
        with serving("classifier", tmp_path / "log", settings) as served:
            issuer.url = url
            status, headers, _ = served.request("POST", "/", {**HEADERS, **bearer(issuer.sign())}, BODY)
            assert (status, headers["retry-after"]) == (503, "1")
            assert failures(served) == {"unavailable": 1}
            assert "the issuer's keys cannot be had: it answers 500" in served.log.read_text()


def test_an_issuer_that_calls_itself_otherwise_is_not_believed(tmp_path: Path, authority: Authority) -> None:
    issuer = Issuer(url="https://somebody.example")
    with serve(issuer, authority.for_loopback()) as url:
        settings = {
            "AUTH": "oidc", "AUTH_OIDC_ISSUER": url, "AUTH_OIDC_AUDIENCE": AUDIENCE, "AUTH_ALLOW": "*",
            "AUTH_OIDC_CA_FILE": str(authority.file),
        }  # fmt: skip
        with serving("classifier", tmp_path / "log", settings) as served:
            assert post(served, bearer(issuer.sign())) == 503
            assert "it names another issuer" in served.log.read_text()
