"""Who may send to a function that is served for real."""

import subprocess
import sys
from pathlib import Path

import kubernetes
import yaml

from shared.runtime.asgi import SENDER, Receive, Scope, Send, answer_json
from shared.runtime.hosts import behind_gate, gate_of
from shared.telemetry.metrics import Metrics
from tests.contract.test_serve_rooms import started
from tests.support.functions import serving
from tests.support.sending import BODY, curl, failures, post
from tests.support.servers import new_certificate, serve

TOKEN = "0123456789abcdef-token"  # noqa: S105 -- made up
GATE = ("shared.runtime.auth", "shared.runtime.tls", "jwt", "cryptography")


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


def test_a_function_that_asks_nobody_loads_nothing_of_the_gate() -> None:
    assert [name for name in started()["classifier"].modules if name.startswith(GATE)] == []


def test_a_gate_loads_what_reads_tokens_with_the_first_token(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom shared.runtime.hosts import gate_of\nfrom shared.telemetry.metrics import Metrics\n"
        "settings = {'AUTH': 'oidc', 'AUTH_OIDC_AUDIENCE': 'x', 'AUTH_ALLOW': '*'}\n"
        "assert gate_of(settings, Metrics(), 'x')\n"
        "sys.exit(len({'jwt', 'cryptography', 'httpx2'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=tmp_path).returncode == 0
