"""What a host says where its function cannot be served, which functions it finds, and what is in its environment."""

import json
import subprocess
from pathlib import Path

import pytest

from shared.runtime.registry import FUNCTIONS
from tests.support.functions import environment
from tests.support.host_requests import SERVICENOW, SPLUNK, of
from tests.support.hosts import HOSTS, ask, hosting, python_of
from tests.support.records import classified, classified_event
from tests.support.servers import ROOT

BOTH = [host for host in HOSTS if host != "serve"]


def ended(host: str, folder: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Start a host that must end by itself."""
    python = python_of(host)
    local = {"HOST": "127.0.0.1", "PORT": "0", "LISTEN_ADDRESS": "127.0.0.1:0", "PYTHONPATH": str(folder / "lib")}
    command = [str(python.parent / "functions-framework")] if host == "framework" else [str(python), "service/main.py"]
    cwd = ROOT if host == "framework" else folder
    environ = environment({"FUNCTION_TARGET": "classifier", **local, **settings})
    return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("host", BOTH)
def test_an_unknown_function_ends_the_start_and_the_names_are_told(host: str, folder: Path) -> None:
    process = ended(host, folder, FUNCTION_TARGET="clasifier")
    assert process.returncode == 2
    assert "there is no function 'clasifier'; there are: classifier, changes, correlator" in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("host", BOTH)
def test_no_function_named_ends_the_start(host: str, folder: Path) -> None:
    process = ended(host, folder, FUNCTION_TARGET="")
    assert process.returncode == 2
    assert "FUNCTION_TARGET is not set" in process.stderr or "Missing option '--target'" in process.stderr


@pytest.mark.parametrize("host", BOTH)
def test_missing_settings_end_the_start_and_are_told_all_at_once(host: str, folder: Path) -> None:
    process = ended(host, folder, FUNCTION_TARGET="siem_forwarder")
    assert process.returncode == 1
    told = [line.split(" is not set")[0] for line in process.stderr.splitlines() if " is not set" in line]
    assert told == ["tidings: SPLUNK_HEC_URL", "tidings: SPLUNK_TOKEN"]


@pytest.mark.parametrize(
    ("host", "settings"),
    [
        ("framework", {"HOST": "0.0.0.0"}),  # noqa: S104 -- refusing it is what is tested
        ("knfunc", {"LISTEN_ADDRESS": "127.0.0.1:0,0.0.0.0:0"}),
        ("knfunc", {"LISTEN_ADDRESS": "[::]:0"}),
    ],
)
def test_an_address_open_to_others_is_refused_without_auth(host: str, settings: dict[str, str], folder: Path) -> None:
    process = ended(host, folder, **settings)
    assert process.returncode == 1
    assert "AUTH=none" in process.stderr


@pytest.mark.parametrize("port", ["70000", "many", ""])
def test_an_address_without_a_port_ends_the_start_without_a_traceback(port: str, folder: Path) -> None:
    process = ended("knfunc", folder, LISTEN_ADDRESS=f"127.0.0.1:{port}")
    assert process.returncode == 1
    assert process.stderr == f"tidings: LISTEN_ADDRESS: {port!r} is no port\n"


@pytest.mark.parametrize("host", BOTH)
def test_more_workers_than_one_are_refused(host: str, folder: Path) -> None:
    process = ended(host, folder, WORKERS="4")
    assert process.returncode == 1
    assert "WORKERS must be 1" in process.stderr


@pytest.mark.parametrize("host", HOSTS)
def test_a_function_is_found_by_its_name_with_hyphens(host: str, folder: Path) -> None:
    settings = {"SPLUNK_HEC_URL": "https://splunk.example:8088", **SPLUNK}
    with hosting(host, "siem-forwarder", folder, settings) as process:
        assert b'"function":"siem_forwarder"' in process.send(ask("/health")).body


@pytest.mark.parametrize("host", BOTH)
def test_a_function_that_cannot_start_takes_nothing_and_is_not_alive(host: str, folder: Path, tmp_path: Path) -> None:
    """`tidings serve` ends with 1 then; these two hosts have no way to, so the kubelet must do it."""
    wrong = tmp_path / "ca.pem"
    wrong.write_text("no certificate")
    settings = {"SPLUNK_HEC_URL": "https://splunk.example:8088", "SPLUNK_CA_FILE": str(wrong), **SPLUNK}
    with hosting(host, "siem_forwarder", folder, settings) as process:
        for path in ("/health", "/ready"):
            assert process.send(ask(path)).status == 503
        refused = process.send(of(classified_event(classified())))
        assert (refused.status, refused.body) == (503, b'{"error":"the function did not start"}\n')
        for path in ("/health/liveness", "/health/readiness"):
            assert process.send(ask(path)).status in {500, 503}


SETTINGS = {
    "classifier": {},
    "changes": {"STORE_URL": "memory:"},
    "correlator": {"STORE_URL": "memory:"},
    "servicenow_incident": {"SERVICENOW_INSTANCE": "https://dev.service-now.example", **SERVICENOW},
    "siem_forwarder": {"SPLUNK_HEC_URL": "https://splunk.example:8088", **SPLUNK},
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
BUILDS = {
    "framework": "import functions_framework as host; host.create_app(sys.argv[1], 'main.py')",
    "knfunc": "import func_python.http, function; function.new()",
}
ABSENT = {"typer", "rich", "prometheus_client", "kubernetes", "nats", "aiokafka"}


@pytest.mark.parametrize("function", SETTINGS)
@pytest.mark.parametrize("host", BOTH)
def test_a_host_loads_the_room_of_its_function_alone(host: str, function: str, folder: Path) -> None:
    """Up to where the function is built; what `start` loads is the same as in `tidings serve`, and tested there."""
    program = f"import json, sys; {BUILDS[host]}; print(json.dumps(sorted(sys.modules)))"
    settings = {"FUNCTION_TARGET": function, "AUTH": "none", "PYTHONPATH": str(folder / "lib"), **SETTINGS[function]}
    command = [str(python_of(host)), "-c", program, function]
    cwd = ROOT if host == "framework" else folder
    found = subprocess.run(
        command, cwd=cwd, env=environment(settings), capture_output=True, text=True, timeout=30, check=True
    )
    loaded = set(json.loads(found.stdout))
    rooms = {name.split(".")[1] for name in loaded if name.startswith("functions.")}
    assert rooms == {function}
    assert not {name for name in loaded if name.startswith(("shared.local", "shared.cli"))}
    assert not loaded & ABSENT
    assert SETTINGS.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize(("host", "major"), [("serve", "2"), ("framework", "1"), ("knfunc", "2")])
def test_each_host_has_the_cloudevents_sdk_that_it_wants_and_we_need_none(host: str, major: str, folder: Path) -> None:
    """The environment of these tests holds the SDK as another party to compare with; no function imports it."""
    program = (
        "import importlib.metadata, sys\n"
        "import shared.runtime.edge, functions.classifier.handler, functions.correlator.handler\n"
        "import functions.servicenow_incident.handler, functions.siem_forwarder.handler\n"
        "assert not any(name.split('.')[0] == 'cloudevents' for name in sys.modules)\n"
        "print(importlib.metadata.version('cloudevents'))"
    )
    environ = environment({"PYTHONPATH": str(folder / "lib")})
    command = [str(python_of(host)), "-c", program]
    found = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=30, check=True)
    assert found.stdout.split(".")[0] == major


@pytest.mark.parametrize("host", BOTH)
def test_each_environment_is_what_its_locked_file_says(host: str) -> None:
    program = (
        "import importlib.metadata as m\nfor one in m.distributions(): print(one.metadata['Name'].lower(), one.version)"
    )
    listed = subprocess.run([str(python_of(host)), "-c", program], capture_output=True, text=True, check=True)
    installed = dict(line.split() for line in listed.stdout.replace("_", "-").splitlines())
    text = (ROOT / "requirements" / f"{host}.txt").read_text(encoding="utf-8")
    locked = dict(line.split()[0].split("==") for line in text.splitlines() if line[:1].isalnum())
    assert installed.items() <= locked.items()
    assert {"pydantic", "uvicorn", "httpx2"} <= installed.keys()


def test_the_wheel_holds_what_func_imports_and_no_main(folder: Path) -> None:
    found = {path.name for path in (folder / "lib").iterdir()}
    assert {"function.py", "functions", "shared"} <= found
    assert not {"main.py", "tests", "hatch_build.py"} & found
    assert (folder / "lib" / "functions" / "classifier" / "_compiled.bin").exists()
