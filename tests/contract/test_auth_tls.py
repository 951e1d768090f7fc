"""TLS of our own port, and senders that are known by their certificates."""

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509

from tests.support.functions import Served, serving
from tests.support.senders import Authority
from tests.support.sending import curl, post


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder)


@pytest.fixture(scope="module")
def mtls(authority: Authority, folder: Path) -> Iterator[Served]:
    settings = {"AUTH": "mtls", "AUTH_ALLOW": "falco.example; spiffe://cluster.local/ns/shop/sa/*"}
    arguments = ["--tls-cert", str(authority.for_loopback()), "--client-ca", str(authority.file)]
    with serving("classifier", folder / "log", settings, arguments) as served:
        yield served


def client_of(authority: Authority, certificate: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.file)
    if certificate is not None:
        context.load_cert_chain(certificate)
    return context


def test_a_client_certificate_lets_its_sender_in(mtls: Served, authority: Authority) -> None:
    assert mtls.url.startswith("https://")
    falco = client_of(authority, authority.issue("falco", x509.DNSName("falco.example")))
    assert post(mtls, {}, falco) == 200
    pod = x509.UniformResourceIdentifier("spiffe://cluster.local/ns/shop/sa/watch")
    assert post(mtls, {}, client_of(authority, authority.issue("watch", pod))) == 200


def test_falcos_library_shows_its_certificate(mtls: Served, authority: Authority) -> None:
    """Falco hands `client_cert`, `client_key` and `ca_cert` to libcurl (its userspace/falco/outputs_http.cpp)."""
    certificate = str(authority.issue("falco-3", x509.DNSName("falco.example")))
    ours = ["--cacert", str(authority.file), mtls.url]
    assert curl("--cert", certificate, "--key", certificate, *ours) == "200"
    assert curl(*ours) == "401"


def test_probes_need_no_certificate_and_senders_do(mtls: Served, authority: Authority) -> None:
    nobody = client_of(authority)
    assert mtls.request("GET", "/health/liveness", tls=nobody)[0] == 200
    assert post(mtls, {}, nobody) == 401
    assert post(mtls, {"x-forwarded-client-cert": "DNS=falco.example"}, nobody) == 401, "no proxy's word is taken"


def test_a_good_certificate_of_somebody_else_is_forbidden(mtls: Served, authority: Authority) -> None:
    assert post(mtls, {}, client_of(authority, authority.issue("mallory", x509.DNSName("mallory.example")))) == 403


@pytest.mark.parametrize("days", [1, -1])
def test_a_certificate_of_another_authority_or_of_yesterday_makes_no_connection(
    mtls: Served, authority: Authority, tmp_path: Path, days: int
) -> None:
    signer = authority if days < 0 else Authority(tmp_path, "other")
    context = client_of(authority, signer.issue("expired", x509.DNSName("falco.example"), days=days))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        post(mtls, {}, context)


def test_many_connections_keep_their_own_certificates(mtls: Served, authority: Authority) -> None:
    falco = client_of(authority, authority.issue("falco-2", x509.DNSName("falco.example")))
    nobody = client_of(authority)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda number: post(mtls, {}, falco if number % 2 else nobody), range(32)))
    assert statuses == [401, 200] * 16


def test_a_renewed_certificate_is_taken_without_a_restart(tmp_path: Path) -> None:
    old, new = Authority(tmp_path, "old"), Authority(tmp_path, "new")
    file = tmp_path / "served.pem"
    file.write_bytes(old.for_loopback().read_bytes())
    with serving("classifier", tmp_path / "log", {"TLS_CERT_FILE": str(file)}) as served:
        assert served.request("GET", "/health", tls=client_of(old))[0] == 200
        renewed = new.for_loopback()
        renewed.replace(file)
        assert served.request("GET", "/health", tls=client_of(new))[0] == 200
        file.write_text("half a certificate")
        assert served.request("GET", "/health", tls=client_of(new))[0] == 200, "the one that it has goes on"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"TLS_CERT_FILE": "/nowhere.pem"}, "TLS_CERT_FILE: /nowhere.pem cannot be used (No such file or directory)"),
        ({"TLS_CERT_FILE": __file__}, "holds nothing that fits: it must be PEM, and a key must fit"),
        ({"TLS_CLIENT_CA_FILE": "x"}, "TLS_CERT_FILE is not set: TLS_CLIENT_CA_FILE cannot do without it"),
    ],
)
def test_tls_that_cannot_be_ends_the_start(settings: dict[str, str], told: str, tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="does not listen"),
        serving("classifier", tmp_path / "log", settings),
    ):
        pass
    text = (tmp_path / "log").read_text()
    assert told in text
    assert "Traceback" not in text
