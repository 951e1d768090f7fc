"""Parts `start` and `rss`: from the start of a process to its first answer, and what it holds while idle."""

import time
from collections.abc import Callable, Mapping, Sequence

from tests.bench.measure import MOST, Effort, Row, Wanted, in_turns
from tests.bench.processes import BARE, free_port, running, tidings

TICKETS = ("servicenow_incident", "correlator", "siem_forwarder")
_BASELINE = "uvicorn + pydantic, bare app"
_SETTINGS = {
    "SERVICENOW_INSTANCE": "https://acme.service-now.com",
    "SERVICENOW_USERNAME": "tidings",
    "SERVICENOW_PASSWORD": "secret",
    "SPLUNK_HEC_URL": "https://splunk.example:8088",
    "SPLUNK_TOKEN": "token",
    "ELASTIC_URL": "https://elastic.example:9200",
    "ELASTIC_API_KEY": "id:key",
    "STORE_URL": "memory:",
    "K_SINK": "http://broker.example",
}
_OF = {
    "classifier": ("CLASSIFIER_",),
    "servicenow_incident": ("SERVICENOW_", "STORE_"),
    "changes": ("STORE_", "K_SINK"),
    "correlator": ("STORE_", "K_SINK"),
    "siem_forwarder": ("SPLUNK_",),
    "elastic_forwarder": ("ELASTIC_",),
}
_SETTLED = 1.0


def settings_of(function: str) -> dict[str, str]:
    """Return settings with which a function becomes ready; nothing is sent to where they point."""
    return {name: value for name, value in _SETTINGS.items() if name.startswith(_OF[function])}


def milliseconds(command: Sequence[str], settings: Mapping[str, str]) -> Callable[[], float]:
    """Return a measurement: start the server on a free port, ask until it is ready, end it."""

    def measure() -> float:
        port = free_port()
        with running((*command, "--port", str(port)), port, **settings) as server:
            return server.seconds * 1000

    return measure


def mebibytes(command: Sequence[str], settings: Mapping[str, str]) -> Callable[[], float]:
    """Return a measurement: the resident memory of a server that was started and asked nothing but its readiness."""

    def measure() -> float:
        port = free_port()
        with running((*command, "--port", str(port)), port, **settings) as server:
            time.sleep(_SETTLED)
            return server.rss()

    return measure


def start(effort: Effort) -> list[Row]:
    """Process start to first answer, byte code compiled, against uvicorn on an app that imports pydantic."""
    return [
        in_turns(
            f"start of {name}",
            _BASELINE,
            "ms",
            milliseconds(tidings("serve", name), settings_of(name)),
            milliseconds(BARE, {}),
            rounds=effort.turns(15),
            wanted=Wanted(MOST, bound),
        )
        for name, bound in (("classifier", 1.15), *((name, 1.4) for name in TICKETS))
    ]


def rss(effort: Effort) -> list[Row]:
    """Resident memory while idle, against the same bare app."""
    rows: list[Row] = []
    for name, bound in (("classifier", 1.8), *((name, 2.2) for name in TICKETS)):
        row = in_turns(
            f"idle memory of {name}",
            _BASELINE,
            "MiB",
            mebibytes(tidings("serve", name), settings_of(name)),
            mebibytes(BARE, {}),
            rounds=effort.turns(3),
            warm_up=0,
            wanted=Wanted(MOST, bound),
        )
        rows.append(row)
    largest = max((max(row.ours) for row in rows), default=0.0)
    return [*rows, Row("idle memory, the largest of them", "", "MiB", [largest], wanted=Wanted(MOST, 64, "ours"))]
