"""Parts `start` and `rss`: from the start of a process to its first answer, and what it holds while idle."""

import time

from tests.bench.images import image
from tests.bench.measure import MOST, Effort, Row, Wanted, in_turns
from tests.bench.processes import Running

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


def milliseconds(server: Running) -> float:
    """Return how long it took from the start of a server to its first answer."""
    return server.seconds * 1000


def mebibytes(server: Running) -> float:
    """Return the resident memory of a server that was started and asked nothing but its readiness."""
    time.sleep(_SETTLED)
    return server.rss()


def start(effort: Effort) -> list[Row]:
    """Process start to first answer of what the image installs, against uvicorn on an app that imports pydantic."""
    with image() as layer:
        return [
            in_turns(
                f"start of {name}",
                _BASELINE,
                "ms",
                layer.of(name, settings_of(name)).measured(milliseconds),
                layer.bare.measured(milliseconds),
                rounds=effort.turns(15),
                wanted=Wanted(MOST, bound),
            )
            for name, bound in (("classifier", 1.15), *((name, 1.4) for name in TICKETS))
        ]


def rss(effort: Effort) -> list[Row]:
    """Resident memory while idle, of the same and against the same."""
    with image() as layer:
        rows = [
            in_turns(
                f"idle memory of {name}",
                _BASELINE,
                "MiB",
                layer.of(name, settings_of(name)).measured(mebibytes),
                layer.bare.measured(mebibytes),
                rounds=effort.turns(3),
                warm_up=0,
                wanted=Wanted(MOST, bound),
            )
            for name, bound in (("classifier", 1.8), *((name, 2.2) for name in TICKETS))
        ]
    largest = max((max(row.ours) for row in rows), default=0.0)
    return [*rows, Row("idle memory, the largest of them", "", "MiB", [largest], wanted=Wanted(MOST, 64, "ours"))]
