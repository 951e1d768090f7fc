"""`tidings serve FUNCTION` as its container runs it: a process, a port, signals and exit codes.

Every function is a process of its own, and so is a start that is refused, once; what else is refused is called here.
"""

import json
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from shared.events.codec import decode_reply, encode_binary
from shared.events.model import Classified
from shared.local.standins import splunk
from shared.local.standins.faults import Rule
from shared.runtime.registry import FUNCTIONS
from tests.support.called import Ended, called
from tests.support.functions import TIDINGS, Served, environment, serving
from tests.support.records import classified, classified_event
from tests.support.servers import serve

EVENT: dict[str, Any] = {
    "kind": "Event",
    "apiVersion": "v1",
    "metadata": {"uid": "e-1", "name": "web.1", "namespace": "shop", "resourceVersion": "9"},
    "involvedObject": {"kind": "Pod", "name": "web", "namespace": "shop", "uid": "p-1"},
    "reason": "BackOff",
    "message": "Back-off restarting failed container",
    "type": "Warning",
    "count": 7,
    "lastTimestamp": "2026-11-23T20:59:00Z",
    "source": {"component": "kubelet", "host": "worker-3"},
}
HEADERS = {
    "ce-specversion": "1.0",
    "ce-id": "a-1",
    "ce-source": "https://10.0.0.1:443",
    "ce-type": "dev.knative.apiserver.resource.add",
    "content-type": "application/json",
}
SETTINGS: dict[str, dict[str, str]] = {
    "classifier": {"CLUSTER": "prod"},
    "changes": {},
    "correlator": {},
    **{name: dict(one.destination.example) for name, one in FUNCTIONS.items() if one.destination is not None},
    "archive": {"BUS": "nats", "NATS_URL": "nats://127.0.0.1:9"},
    "intake": {},
    "remediate": {"REMEDIATE": "on", "KUBERNETES_SERVICE_HOST": "127.0.0.1", "CLUSTER": "prod"},
    "watch": {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "K_SINK": "http://127.0.0.1:9"},
    "reconcile": {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "K_SINK": "http://127.0.0.1:9"},
} | {
    name: dict(one.destination.example)
    for name, one in FUNCTIONS.items()
    if one.destination is not None and one.destination.component
}


def refused(*arguments: str, settings: Mapping[str, str] | None = None) -> Ended:
    return called("serve", *arguments, environ=environment(settings or {}))


def run(*arguments: str, settings: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    command = [str(TIDINGS), "serve", *arguments]
    return subprocess.run(
        command, env=environment(settings or {}), capture_output=True, text=True, timeout=20, check=False
    )


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    log = tmp_path_factory.mktemp("classifier") / "log"
    with serving("classifier", log, SETTINGS["classifier"]) as served:
        yield served


def test_every_function_that_is_registered_is_served_here() -> None:
    assert SETTINGS.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_answers_as_soon_as_it_listens_and_ends_by_sigterm_with_zero(name: str, tmp_path: Path) -> None:
    spoken = name.replace("_", "-")
    with serving(spoken, tmp_path / "log", SETTINGS[name]) as served:
        status, _, body = served.request("GET", "/health/liveness")
        assert (status, json.loads(body)["function"]) == (200, name)
        status, _, body = served.request("GET", "/health/readiness")
        readiness = json.loads(body)
        assert status == (200 if readiness["ready"] else 503)
        if name in {"changes", "correlator", "intake"}:
            assert all("K_SINK" in problem for problem in readiness["problems"])
        elif name == "watch":
            assert all(problem.startswith("unknown: v1/Event") for problem in readiness["problems"])
            assert not readiness["ready"]
        else:
            notes = {"notes": ["nothing is done: there are no hooks"]} if name == "remediate" else {}
            assert readiness == {"ready": True, "problems": [], **notes}
        assert served.terminate() == 0
        assert {line["level"] for line in served.lines()} <= {"info", "warning"}


@pytest.mark.parametrize(
    ("arguments", "idle"),
    [
        (("--filter", "severity = 'high'"), "--filter"),
        (("--topics", "a", "--group", "b", "--path", "/c"), "--topics, --group, --path"),
        (("--retry", "3", "--backoff", "1", "--tick", "10"), "--retry, --backoff, --tick"),
    ],
)
def test_what_is_only_for_events_of_a_bus_is_refused_without_one(arguments: tuple[str, ...], idle: str) -> None:
    ended = run("classifier", *arguments)
    assert ended.returncode == 2
    assert f"error: {idle}: only for events of a bus: name it by --source\n" in ended.stderr


def test_an_event_in_is_its_verdict_out(classifier: Served) -> None:
    status, headers, body = classifier.request("POST", "/", HEADERS, json.dumps(EVENT).encode())
    assert status == 200
    reply = decode_reply(headers, body)
    found = Classified.model_validate(getattr(reply, "data", None))
    assert (found.observation.cluster, found.observation.reason) == ("prod", "BackOff")
    assert (found.verdict.phase, found.verdict.known) == ("problem", True)
    assert getattr(reply, "type", "") == "dev.tidings.infrastructure.v1"


def test_what_is_no_event_is_refused_and_the_next_one_is_served(classifier: Served) -> None:
    assert classifier.request("POST", "/", HEADERS, b'{"kind": ')[0] in {400, 422}
    assert classifier.request("POST", "/", {"content-type": "text/plain"}, b"hello")[0] in {400, 415}
    assert classifier.request("POST", "/", HEADERS, json.dumps(EVENT).encode())[0] == 200


def test_a_scrape_shows_what_was_counted(classifier: Served) -> None:
    classifier.request("POST", "/", HEADERS, json.dumps(EVENT).encode())
    status, headers, body = classifier.request("GET", "/metrics")
    assert (status, headers["content-type"].split(";")[0]) == (200, "text/plain")
    assert b'tidings_events_total{function="classifier",outcome="done"}' in body


def test_an_unknown_function_is_wrong_usage_and_the_names_are_told() -> None:
    ended = run("clasifier")
    assert ended.returncode == 2
    for name in FUNCTIONS:
        assert name in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        ([], {}),
        (["classifier", "--port", "many"], {}),
        (["classifier", "--port", "70000"], {}),
        (["classifier"], {"PORT": "many"}),
        (["classifier", "-x"], {}),
    ],
)
def test_wrong_usage_ends_with_two_and_no_traceback(arguments: list[str], settings: dict[str, str]) -> None:
    ended = refused(*arguments, settings=settings)
    assert ended.returncode == 2
    assert "usage: tidings serve" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_missing_settings_are_told_all_at_once() -> None:
    ended = run("siem-forwarder")
    assert ended.returncode == 1
    lines = ended.stderr.splitlines()
    assert [line.split(" is not set")[0] for line in lines] == [
        "tidings serve: SPLUNK_HEC_URL",
        "tidings serve: SPLUNK_TOKEN",
    ]
    assert all("_FILE" in line for line in lines)


def test_settings_that_belong_together_are_named_together() -> None:
    ended = refused("servicenow-incident", settings={"SERVICENOW_INSTANCE": "https://dev.service-now.example"})
    assert ended.returncode == 1
    assert ended.stderr.startswith("tidings serve: set exactly one of SERVICENOW_USERNAME")


def test_a_wrong_setting_is_told_without_its_value() -> None:
    ended = refused(
        "siem-forwarder", settings={"SPLUNK_HEC_URL": "https://me:hunter2@splunk.example", "SPLUNK_TOKEN": "t"}
    )
    assert ended.returncode == 1
    assert "SPLUNK_HEC_URL" in ended.stderr
    assert "hunter2" not in ended.stderr


def test_everything_that_is_wrong_with_a_start_is_told_at_once() -> None:
    ended = refused("classifier", settings={"LOG_LEVEL": "loud", "MASK_ENTROPY": "x", "AUTH": "hunter2"})
    assert ended.returncode == 1
    assert [line.split(": ", 1)[1] for line in ended.stderr.splitlines()] == [
        "LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'",
        "AUTH: takes none alone, or one or more, apart by commas, of oidc, hmac, basic, token, mtls",
        "MASK_ENTROPY: Input should be a valid number, unable to parse string as a number",
    ]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.org"])  # noqa: S104 -- refusing it is what is tested
def test_an_address_open_to_others_is_refused_without_auth(host: str) -> None:
    for ended in (refused("classifier", "--host", host), refused("classifier", settings={"HOST": host})):
        assert ended.returncode == 1
        assert host in ended.stderr
        assert "AUTH=none" in ended.stderr


def test_an_auth_that_is_not_known_is_refused_rather_than_ignored() -> None:
    ended = refused("classifier", settings={"AUTH": "open"})
    assert ended.returncode == 1
    assert ended.stderr.startswith("tidings serve: AUTH: takes none alone")


def test_a_method_without_what_it_needs_ends_the_start() -> None:
    ended = refused("classifier", settings={"AUTH": "oidc,token", "AUTH_FALCO": "mtls"})
    assert ended.returncode == 1
    assert ended.stderr == (
        "tidings serve: of who may send: token needs AUTH_TOKEN or AUTH_TOKEN_FILE; mtls needs TLS_CLIENT_CA_FILE, or "
        "AUTH_PROXIES behind a mesh; oidc needs AUTH_OIDC_AUDIENCE and AUTH_ALLOW\n"
    )


def test_auth_none_opens_it(tmp_path: Path) -> None:
    with serving("classifier", tmp_path / "log", {"AUTH": "none", "HOST": "0.0.0.0"}) as served:  # noqa: S104
        assert served.request("GET", "/health")[0] == 200


def test_a_port_in_use_ends_the_start_without_a_traceback(classifier: Served) -> None:
    ended = run("classifier", "--port", classifier.url.rsplit(":", 1)[1])
    assert ended.returncode == 1
    assert "address already in use" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_f06_sigterm_finishes_what_is_in_flight_and_exits_with_zero(tmp_path: Path) -> None:
    """F06: SIGTERM under load (scale to zero): stops accepting, finishes in-flight, 0 errors, exit 0."""
    app = splunk.new_app()
    app.faults.add(Rule("delay", operation="event", seconds=1.5))
    headers, body = encode_binary(classified_event(classified()))
    statuses: list[int] = []
    with serve(app) as url:
        settings = {"SPLUNK_HEC_URL": url, "SPLUNK_TOKEN": "tidings-hec-token"}
        with serving("siem-forwarder", tmp_path / "log", settings) as served:
            sender = threading.Thread(
                target=lambda: statuses.append(served.request("POST", "/", dict(headers), body)[0]), daemon=True
            )
            sender.start()
            end = time.monotonic() + 10
            while not app.faults.count(operation="event") and time.monotonic() < end:
                time.sleep(0.01)
            assert not statuses, "the request is still in flight"
            assert served.terminate() == 0
            sender.join(10)
            assert statuses == [204]
            assert app.event_ids() == ["id-1"]
            assert {line["level"] for line in served.lines()} == {"info"}
            with pytest.raises(ConnectionRefusedError):
                served.request("GET", "/health")
    app.close()
