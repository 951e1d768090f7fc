"""The HEC receiver of the OpenTelemetry collector on a free port, and what it wrote."""

import json
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.processes import free_port
from tests.support.hec.build import binary

_SECONDS = 20.0
_HEALTHY = 17


class Arrived(NamedTuple):
    """One event as the receiver understood it; `time` is in seconds of the epoch, `fields` are those to be indexed."""

    host: str
    source: str
    sourcetype: str
    index: str
    time: float
    event: Any
    fields: dict[str, Any]


class HecReceiver:
    """One receiver over one folder; with `acknowledges` it wants a channel and promises acknowledgements."""

    def __init__(self, folder: Path, *, acknowledges: bool = False) -> None:
        self._folder = folder
        self._file = folder / "events.json"
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        receiver: dict[str, Any] = {"endpoint": f"127.0.0.1:{port}"}
        receiver |= {"ack": {"extension": "ack"}} if acknowledges else {}
        settings = {
            "extensions": {"ack": {}},
            "receivers": {"splunk_hec": receiver},
            "exporters": {"file": {"path": str(self._file), "append": True}},
            "service": {
                "extensions": ["ack"],
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {"logs": {"receivers": ["splunk_hec"], "exporters": ["file"]}},
            },
        }
        self._settings = folder / "settings.yaml"
        self._settings.write_text(json.dumps(settings), encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return once it says that it is well. Raises RuntimeError with the end of its log."""
        log = self._folder / "log"
        with log.open("wb") as stream:
            command = [str(binary()), f"--config=file:{self._settings}"]
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=stream, stderr=stream)
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/services/collector/health", timeout=5) as answer:  # noqa: S310 - ours
                    if json.loads(answer.read())["code"] == _HEALTHY:
                        return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(log.read_text(encoding="utf-8")[-3000:])

    def stop(self) -> None:
        """End it kindly, so that all of the file is written."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(_SECONDS)
            self._process = None

    def arrived(self) -> list[Arrived]:
        """Return all events in the order in which they were written, which need not be that of their arrival."""
        if not self._file.exists():
            return []
        lines = self._file.read_text(encoding="utf-8").splitlines()
        return [one for line in lines for resource in json.loads(line)["resourceLogs"] for one in _events(resource)]


def _events(resource: Any) -> Iterator[Arrived]:
    about = _members(resource["resource"].get("attributes", []))
    for scope in resource["scopeLogs"]:
        for record in scope["logRecords"]:
            places = ("host.name", "com.splunk.source", "com.splunk.sourcetype", "com.splunk.index")
            moment = int(record.get("timeUnixNano", "0")) / 1e9
            fields = _members(record.get("attributes", []))
            yield Arrived(*(about.get(name, "") for name in places), moment, _value(record["body"]), fields)


def _members(pairs: Any) -> dict[str, Any]:
    return {pair["key"]: _value(pair["value"]) for pair in pairs}


def _value(told: dict[str, Any]) -> Any:
    """Return a value of OTLP's JSON, which says of each which type it has."""
    ((kind, value),) = told.items() or (("stringValue", ""),)
    if kind == "kvlistValue":
        return _members(value.get("values", []))
    if kind == "arrayValue":
        return [_value(one) for one in value.get("values", [])]
    return int(value) if kind == "intValue" else value


@contextmanager
def running(folder: Path, *, acknowledges: bool = False) -> Iterator[HecReceiver]:
    """Run one, and end it however it goes."""
    receiver = HecReceiver(folder, acknowledges=acknowledges)
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()
