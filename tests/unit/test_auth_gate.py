"""The gate before an app: which setting a path goes by, what is asked in which order, and what the app is told."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.intake import paths as intake_paths
from functions.intake.handler import new as new_intake
from shared.local.web import new_web
from shared.runtime.asgi import SENDER, Message, Receive, Scope, Send, answer, read_body
from shared.runtime.asgi import App as ASGIApp
from shared.runtime.auth.gate import new_gate
from shared.runtime.auth.guarded import Guarded
from shared.runtime.auth.settings import AuthSettings
from shared.runtime.edge import Edge
from shared.runtime.handover import Acceptance
from shared.runtime.hosts import behind_gate, gate_of
from shared.runtime.paths import PATHS
from shared.telemetry.metrics import Metrics
from tests.support.senders import webhook

TOKEN, SECRET, KEY = "t" * 20, "s" * 20, "k" * 20
SETTINGS = {
    "AUTH": "token",
    "AUTH_API": "basic",
    "AUTH_BOTKUBE": "secret-path",
    "AUTH_WEBHOOK": "hmac,token",
    "AUTH_LOGS": "none",
    "AUTH_TOKEN": f"falco:{TOKEN}",
    "AUTH_BASIC": f"admin:{TOKEN}",
    "AUTH_SECRET_PATH": f"botkube:{SECRET}",
    "AUTH_HMAC": KEY,
    "AUTH_ALLOW": "falco source=falco; botkube path=/botkube; hmac; admin",
}
BEARER = {"authorization": f"Bearer {TOKEN}"}


class App:
    """An app that remembers what it was asked, and reads the body."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        self.bodies.append(await read_body(receive, 1 << 20, 1.0))
        await answer(send, 202)


class Client:
    """A client of the guarded app, without a server; `read` counts the bytes of bodies that were asked for."""

    def __init__(self, settings: Mapping[str, str] = SETTINGS, served: ASGIApp | None = None) -> None:
        self.metrics = Metrics()
        self.app = App()
        gate = new_gate(settings, self.metrics, "intake")
        assert gate is not None
        self._guarded = Guarded(served or self.app, gate)
        self.read = 0
        self.answer: dict[str, str] = {}

    def send(
        self, path: str, headers: Mapping[str, str] = {}, body: bytes = b"{}", method: str = "POST", **scope: Any
    ) -> int:
        return asyncio.run(self.send_async(path, headers, body, method, **scope))

    async def send_async(
        self, path: str, headers: Mapping[str, str] = {}, body: bytes = b"{}", method: str = "POST", **scope: Any
    ) -> int:
        sent: list[Message] = []
        chunks = [body[at : at + 65536] for at in range(0, len(body), 65536)] or [b""]

        async def receive() -> Message:
            if not chunks:
                return {"type": "http.disconnect"}
            chunk = chunks.pop(0)
            self.read += len(chunk)
            return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

        async def keep(message: Message) -> None:
            sent.append(message)

        raw = [(name.encode(), value.encode("utf-8", "surrogatepass")) for name, value in headers.items()]
        await self._guarded(
            {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "headers": raw, **scope},
            receive,
            keep,
        )
        self.answer = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return int(sent[0]["status"])

    def failures(self, reason: str) -> float:
        return self.metrics.total("tidings_auth_failures_total", function="intake", reason=reason)


def test_who_is_known_comes_through_and_the_app_is_told_who_it_is() -> None:
    client = Client()
    assert client.send("/", BEARER) == 202
    assert client.app.scopes[0][SENDER].sender == "falco"
    assert client.app.bodies == [b"{}"]


def test_who_is_not_known_gets_a_constant_text_and_a_closed_connection() -> None:
    client = Client()
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic eDp5"}):
        assert client.send("/", headers) == 401
        assert client.answer["connection"] == "close"
        assert client.answer["www-authenticate"] == "Bearer"
    assert client.app.scopes == []
    assert (client.failures("missing"), client.failures("wrong")) == (2, 1)


def test_a_path_of_intake_goes_by_its_own_setting_or_the_default() -> None:
    client = Client()
    assert client.send("/falco", BEARER) == 202
    assert client.send("/botkube", BEARER) == 401, "botkube wants its secret path and nothing else"
    assert client.send("/logs") == 202, "none, since it is said"
    assert client.send("/kyverno") == 401


def test_a_secret_path_is_taken_off_before_anybody_sees_it() -> None:
    client = Client()
    assert client.send(f"/botkube/{SECRET}") == 202
    scope = client.app.scopes[0]
    assert (scope["path"], scope["raw_path"]) == ("/botkube", b"/botkube")
    assert SECRET not in repr(scope)
    assert scope[SENDER].sender == "botkube"


@pytest.mark.parametrize(
    "path",
    ["/botkube", "/botkube/", f"/botkube/{SECRET}/x", f"/botkube/x{SECRET}", f"//botkube/{SECRET}", f"/{SECRET}"],
)
def test_a_secret_path_that_is_nearly_right_is_wrong(path: str) -> None:
    assert Client().send(path) == 401


def test_a_secret_counts_for_the_path_that_takes_one_alone() -> None:
    settings = {**SETTINGS, "AUTH_EVENTS": "secret-path"}
    assert Client(settings).send(f"/events/{SECRET}") == 403, "AUTH_ALLOW keeps botkube to its path"
    assert Client(settings).send(f"/falco/{SECRET}") == 401


def test_an_app_below_a_mount_finds_its_path_there() -> None:
    client = Client()
    assert client.send(f"/in/botkube/{SECRET}", root_path="/in") == 202
    assert client.app.scopes[0]["path"] == "/in/botkube"


def test_health_and_metrics_are_open_to_look_at_and_the_rest_goes_by_its_own_setting() -> None:
    client = Client()
    for path in ("/health", "/ready", "/health/liveness", "/health/readiness", "/metrics"):
        assert client.send(path, method="GET") == client.send(path, method="HEAD") == 202
        assert client.send(path) == 401, "looking is not posting"
    assert client.send("/api/v1/episodes", BEARER, method="GET") == 401
    assert client.answer["www-authenticate"] == 'Basic realm="tidings", charset="UTF-8"'
    basic = {"authorization": "Basic YWRtaW46dHR0dHR0dHR0dHR0dHR0dHR0dHQ="}
    assert client.send("/api/v1/episodes", basic, method="GET") == 202
    assert client.send("/", basic) == 401


def test_the_api_goes_by_the_default_where_it_has_no_setting() -> None:
    settings = {name: value for name, value in SETTINGS.items() if name != "AUTH_API"}
    assert Client(settings).send("/api/v1/episodes", method="GET") == 401
    assert Client(settings).send("/api/v1/episodes", BEARER, method="GET") == 202


def test_of_several_methods_the_first_that_knows_the_sender_decides() -> None:
    client = Client()
    assert client.send("/webhook", BEARER) == 202
    assert client.send("/webhook", webhook(KEY.encode(), b"{}")) == 202
    assert client.app.bodies[-1] == b"{}", "the app reads the body that was read for the signature"
    assert [scope[SENDER].sender for scope in client.app.scopes] == ["falco", "hmac"]
    assert client.send("/webhook", webhook(KEY.encode(), b"{}"), b"[]") == 401
    assert client.failures("wrong") == 1


@pytest.mark.parametrize(
    ("status", "then"), [(202, 401), (400, 401), (403, 401), (422, 401), (429, 202), (500, 202), (503, 202)]
)
def test_a_signed_message_that_was_to_come_again_may_come_again_and_no_other(status: int, then: int) -> None:
    answers = [status, 202, 202]

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(receive, 1 << 20, 1.0)
        await answer(send, answers.pop(0))

    client = Client(served=app)
    message = webhook(KEY.encode(), b"{}")
    assert [client.send("/webhook", message) for _ in range(3)] == [status, then, 401]
    assert client.send("/webhook", message, b"[]") == 401


def test_a_replay_that_is_refused_does_not_let_the_message_come_again() -> None:
    client = Client()
    message = webhook(KEY.encode(), b"{}")
    assert client.send("/webhook", message) == 202
    assert [client.send("/webhook", message) for _ in range(3)] == [401] * 3
    assert client.failures("replayed") == 3


def test_a_signed_body_is_read_to_its_limit_and_no_further() -> None:
    client = Client()
    assert client.send("/webhook", webhook(KEY.encode(), b""), b"x" * (5 << 20)) == 413
    assert client.read < 3 << 20
    assert client.app.scopes == []


def test_a_body_whose_time_is_wrong_is_not_read_for_its_signature() -> None:
    client = Client()
    assert client.send("/webhook", {**webhook(KEY.encode(), b"{}", at=0), "expect": "100-continue"}) == 401
    assert client.read == 0


def test_bodies_that_wait_for_their_signature_are_few() -> None:
    client = Client()
    client._guarded._signed = 32
    assert client.send("/webhook", webhook(KEY.encode(), b"{}")) == 503
    assert client.answer["retry-after"] == "1"


def test_every_path_that_intake_takes_has_a_setting_and_no_other_has() -> None:
    assert {f"/{name}" for name in PATHS} == set(intake_paths.PATHS)
    fields = AuthSettings.model_fields.values()
    own = {field.alias for field in fields if "Who may send to `/" in (field.description or "")}
    assert own == {f"AUTH_{name.upper()}" for name in PATHS}


@pytest.mark.parametrize("path", intake_paths.PATHS.values(), ids=lambda path: path.name)
def test_trouble_of_ours_is_told_as_the_path_itself_tells_it(path: intake_paths.Path) -> None:
    client = Client({**SETTINGS, f"AUTH_{path.name[1:].upper()}": "hmac"})
    client._guarded._signed = 32
    assert client.send(path.name, webhook(KEY.encode(), b"{}")) == path.full


@pytest.mark.parametrize(("path", "status"), [("/falco", 503), ("/audit", 429)])
def test_our_own_trouble_is_told_so_that_the_sender_comes_again(path: str, status: int, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    client = Client({"AUTH": "token", "AUTH_TOKEN_FILE": str(file)})
    file.unlink()
    assert client.send(path, BEARER) == status
    assert client.answer["retry-after"] == "1"
    assert client.failures("unavailable") == 1


def test_a_sender_that_is_known_and_not_named_is_forbidden() -> None:
    client = Client({**SETTINGS, "AUTH_TOKEN": f"mallory:{TOKEN}"})
    assert client.send("/", BEARER) == 403
    assert "www-authenticate" not in client.answer
    assert client.failures("sender") == 1


def test_too_many_headers_are_refused_before_anybody_is_asked() -> None:
    client = Client()
    assert client.send("/", {**BEARER, **{f"x-{number}": "y" for number in range(200)}}) == 431


def test_what_is_no_request_passes() -> None:
    client = Client()

    async def play() -> list[Message]:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "lifespan.startup"}

        app = behind_gate(lifespan, gate_of(SETTINGS, Metrics(), "x"))
        await app({"type": "lifespan"}, receive, send)
        return sent

    async def lifespan(_scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": (await receive())["type"] + ".complete"})

    assert asyncio.run(play()) == [{"type": "lifespan.startup.complete"}]
    assert client.app.scopes == []


@pytest.mark.parametrize("settings", [{}, {"AUTH": "none"}, {"AUTH": ""}, {"AUTH": "none", "AUTH_FALCO": "none"}])
def test_where_nobody_is_asked_there_is_no_gate_at_all(settings: dict[str, str]) -> None:
    app = App()
    assert behind_gate(app, gate_of(settings, Metrics(), "classifier")) is app


@given(st.text(max_size=30) | st.sampled_from([f"/{path}/" for path in PATHS]), st.sampled_from(["GET", "POST", "PUT"]))
def test_no_path_gets_around_the_gate(path: str, method: str) -> None:
    gate = new_gate({**SETTINGS, "AUTH_LOGS": "token"}, Metrics(), "intake")
    assert gate is not None
    place = gate.place(method, path)
    if place is None:
        assert method == "GET"
        assert path in {"/health", "/ready", "/health/liveness", "/health/readiness", "/metrics"}
    else:
        assert gate._methods[place.setting]


MOUNTED = st.lists(
    st.sampled_from(["", ".", "..", "functions", "intake", "classifier", "stand-ins", "x", *PATHS]), max_size=5
).map(lambda parts: "/" + "/".join(parts))


@given(
    MOUNTED | st.sampled_from(PATHS).map("/functions/intake/{}".format), st.sampled_from(["GET", "HEAD", "POST", "PUT"])
)
def test_no_path_of_the_embedded_system_gets_around_a_producers_own_method(path: str, method: str) -> None:
    settings = {
        "AUTH": "token",
        "AUTH_TOKEN": TOKEN,
        "AUTH_BASIC": TOKEN,
        **{f"AUTH_{path.upper()}": "basic" for path in PATHS},
    }
    metrics = Metrics()
    handed_over: list[Any] = []

    class Broker:
        async def accept(self, events: Any) -> Acceptance:
            handed_over.extend(events)
            return "accepted"

    edges = {"intake": Edge(new_intake({}, metrics, handover=Broker()), metrics)}
    mounted = SimpleNamespace(mounted=dict)
    system: Any = SimpleNamespace(
        edges=edges, functions={}, standins=mounted, ready=True, broker=Broker(), metrics=metrics
    )
    client = Client(settings, new_web(system))
    event = b'{"involvedObject": {"kind": "Pod", "name": "web"}, "metadata": {"uid": "e-1"}}'
    client.send(path, BEARER, event, method, query_string=b"")
    assert handed_over == []


@given(
    st.dictionaries(st.sampled_from(["authorization", "webhook-signature", "expect"]), st.text(), max_size=3), st.text()
)
def test_no_garbage_raises_or_reaches_the_app(headers: dict[str, str], secret: str) -> None:
    client = Client()
    for path in ("/", "/webhook", f"/botkube/{secret}"):
        assert client.send(path, headers) == 401
    assert client.app.scopes == []
