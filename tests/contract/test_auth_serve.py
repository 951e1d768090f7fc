"""Who may send to a function that is served for real: over HTTP, and over TLS with certificates of both sides."""

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import kubernetes
import pytest
import yaml
from cryptography import x509

from shared.runtime.asgi import SENDER, Receive, Scope, Send, answer_json
from shared.runtime.hosts import behind_gate, gate_of
from shared.telemetry.metrics import Metrics
from tests.contract.test_serve import EVENT, HEADERS, imported
from tests.support.functions import Served, serving
from tests.support.senders import AUDIENCE, SUBJECT, Authority, Issuer
from tests.support.servers import new_certificate, serve

BODY = json.dumps(EVENT).encode()
TOKEN = "0123456789abcdef-token"  # noqa: S105 -- made up


def post(served: Served, headers: dict[str, str], tls: ssl.SSLContext | None = None) -> int:
    return served.request("POST", "/", {**HEADERS, **headers}, BODY, tls=tls)[0]


def failures(served: Served, tls: ssl.SSLContext | None = None) -> dict[str, float]:
    text = served.request("GET", "/metrics", tls=tls)[2].decode()
    found = [line for line in text.splitlines() if line.startswith("tidings_auth_failures_total{")]
    return {line.split('reason="')[1].split('"')[0]: float(line.rsplit(" ", 1)[1]) for line in found}


def test_a_token_lets_its_sender_in_and_a_changed_file_counts_at_once(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    with serving("classifier", tmp_path / "log", {"AUTH": "token", "AUTH_TOKEN_FILE": str(file)}) as served:
        assert post(served, {}) == 401
        assert post(served, {"authorization": f"Bearer {TOKEN}x"}) == 401
        assert post(served, {"authorization": f"Bearer {TOKEN}"}) == 200
        (tmp_path / "next").write_text("another-token-0123456789")
        (tmp_path / "next").replace(file)
        assert post(served, {"authorization": f"Bearer {TOKEN}"}) == 401
        assert post(served, {"authorization": "Bearer another-token-0123456789"}) == 200
        assert served.request("GET", "/health/readiness")[0] == 200, "probes have no token"
        assert failures(served) == {"missing": 1, "wrong": 2}
        assert TOKEN not in served.log.read_text()


def test_what_a_kubeconfig_with_a_token_makes_a_client_send_is_understood(tmp_path: Path) -> None:
    """The API server reads such a file for its audit webhook; here the client of the same configuration reads it."""
    seen: list[str] = []

    async def audit(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            seen.append(f"{scope[SENDER].sender} {scope['path']}")
            await answer_json(send, 200, {})

    settings = {"AUTH_AUDIT": "token", "AUTH_TOKEN": f"apiserver:{TOKEN}", "AUTH": "none"}
    certificate = new_certificate(tmp_path)
    with serve(behind_gate(audit, gate_of(settings, Metrics(), "intake")), certificate) as url:
        for token, expected in ((TOKEN, 200), ("another-token-0123456789", 401)):
            config = {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "it", "cluster": {"server": url, "certificate-authority": str(certificate)}}],
                "users": [{"name": "audit", "user": {"token": token}}],
                "contexts": [{"name": "default", "context": {"cluster": "it", "user": "audit"}}],
                "current-context": "default",
            }  # fmt: skip
            (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
            client = kubernetes.config.new_client_from_config(str(tmp_path / "kubeconfig"))
            kind = {"Content-Type": "application/json"}
            events = {"kind": "EventList"}
            request = client.param_serialize("POST", "/audit", None, None, kind, events, auth_settings=["BearerToken"])
            assert client.call_api(*request).status == expected
    assert seen == ["apiserver /audit"]


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


def curl(*arguments: str) -> str:
    """Return the status that libcurl, with which Falco sends, is answered."""
    body = ["-H", "content-type: application/json", "-d", BODY.decode()]
    headers = [part for name, value in HEADERS.items() for part in ("-H", f"{name}: {value}")]
    command = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *headers, *body, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout


def test_falcos_library_shows_its_certificate(mtls: Served, authority: Authority) -> None:
    """Falco hands `client_cert`, `client_key` and `ca_cert` to libcurl (its userspace/falco/outputs_http.cpp)."""
    certificate = str(authority.issue("falco-3", x509.DNSName("falco.example")))
    ours = ["--cacert", str(authority.file), mtls.url]
    assert curl("--cert", certificate, "--key", certificate, *ours) == "200"
    assert curl(*ours) == "401"


def test_a_url_with_a_password_is_basic_authentication_to_those_who_can_send_no_header(tmp_path: Path) -> None:
    settings = {"AUTH": "basic", "AUTH_BASIC": "falco:0123456789abcdef"}
    with serving("classifier", tmp_path / "log", settings) as served:
        assert curl(served.url.replace("://", "://falco:0123456789abcdef@")) == "200"
        assert curl(served.url.replace("://", "://falco:fedcba9876543210@")) == "401"


def test_a_secret_behind_a_path_is_in_no_log_line_and_no_answer(tmp_path: Path) -> None:
    secret = "0123456789abcdefSECRET"  # noqa: S105 -- made up
    settings = {"AUTH": "none", "AUTH_BOTKUBE": "secret-path", "AUTH_SECRET_PATH": secret, "LOG_LEVEL": "debug"}
    with serving("classifier", tmp_path / "log", settings) as served:
        known = served.request("POST", f"/botkube/{secret}", {}, BODY)
        assert (known[0], secret.encode() in known[2]) == (405, False), "it got to the function, which has no such path"
        wrong = served.request("POST", f"/botkube/{secret}x", {}, BODY)
        assert (wrong[0], secret.encode() in wrong[2]) == (401, False)
        assert secret.encode() not in served.request("GET", "/metrics")[2]
        assert secret not in served.log.read_text()


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


GATE = ("shared.runtime.auth", "shared.runtime.tls", "jwt", "cryptography")


def test_a_function_that_asks_nobody_loads_nothing_of_the_gate() -> None:
    assert [name for name in imported("classifier") if name.startswith(GATE)] == []


def test_a_gate_loads_what_reads_tokens_with_the_first_token(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom shared.runtime.hosts import gate_of\nfrom shared.telemetry.metrics import Metrics\n"
        "settings = {'AUTH': 'oidc', 'AUTH_OIDC_AUDIENCE': 'x', 'AUTH_ALLOW': '*'}\n"
        "assert gate_of(settings, Metrics(), 'x')\n"
        "sys.exit(len({'jwt', 'cryptography', 'httpx2'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=tmp_path).returncode == 0
