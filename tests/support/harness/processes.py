"""The system as processes that can each be killed by itself: broker, functions, foreign systems."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from shared.local.standins import servicenow, splunk
from shared.local.standins.splunk.store import Store
from tests.bench.processes import clean_environment, free_port
from tests.support.at_once import AT_ONCE
from tests.support.functions import TIDINGS
from tests.support.harness.judge import Record, read
from tests.support.servers import ROOT

BROKER, SERVICENOW, SPLUNK, CLAIMS = "broker", "servicenow", "splunk", "servicenow_incident"
FUNCTIONS = ("classifier", "correlator", "servicenow_incident", "siem_forwarder")
NAMES = (BROKER, SERVICENOW, SPLUNK, *FUNCTIONS)


_SHOWN = 4000
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient everything is: a function's deadline in seconds (0: as it is shipped), settings, and `delivery`.

    `slow` is what makes ServiceNow answer as slowly as a real one, as a fault of the stand-in.
    """

    deadline: float = 0.0
    slow: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    delivery: Mapping[str, Any] = field(default_factory=dict)


SHIPPED = Pace()
SMALL = Pace(
    deadline=3.0,  # a lease lasts two seconds longer
    # A record is there some hundred milliseconds before anybody hears of it: whoever dies then leaves a doubt.
    slow={"do": "commit-then-delay", "operation": "create", "count": 0, "seconds": 0.4},
    settings={"SERVICENOW_TIMEOUT": "1.5", "SERVICENOW_CONNECTIONS": "16"},
    delivery={"retry": 200, "backoffPolicy": "linear", "backoffDelay": "PT0.2S", "timeout": "PT5S"},
)


class Process:
    """One program that is started again and again on the same port and the same files."""

    def __init__(self, command: tuple[str, ...], environment: Mapping[str, str], log: Path) -> None:
        self._command = command
        self._environment = environment
        self._log = log
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it listens a little later."""
        with self._log.open("ab") as log:
            self._running = subprocess.Popen(
                self._command, cwd=ROOT, env=dict(self._environment), stdout=subprocess.DEVNULL, stderr=log
            )

    def kill(self) -> None:
        """End it as a crash does."""
        if self._running is not None:
            self._running.kill()
            self._running.wait(10)
            self._running = None

    def freeze(self) -> None:
        """Stop it where it is; its connections stay open."""
        if self._running is not None:
            self._running.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        if self._running is not None:
            self._running.send_signal(signal.SIGCONT)

    @property
    def ended(self) -> int | None:
        """Return the exit code of one that ended by itself, None for one that runs or was killed."""
        return None if self._running is None else self._running.poll()


class Topology:
    """All processes over one folder. `hosted`: the broker hosts the functions, as `tidings up` does by default."""

    def __init__(self, folder: Path, pace: Pace, *, hosted: bool = False) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.ports = {name: free_port() for name in NAMES}
        environment = {**self._settings(), **pace.settings}
        processes = {
            BROKER: Process(self._broker(hosted=hosted, pace=pace), self._environment(environment), self._log(BROKER))
        }
        for name in (SERVICENOW, SPLUNK):
            processes[name] = Process(self._standin(name, pace), clean_environment(), self._log(name))
        for name in () if hosted else FUNCTIONS:
            own = {**environment, "STORE_URL": f"sqlite://{folder / name}.store", "K_SINK": self.url(BROKER)}
            processes[name] = Process(self._function(name, pace), self._environment(own), self._log(name))
        self.processes = processes

    def url(self, name: str) -> str:
        """Return where a process listens."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def tracebacks(self) -> list[str]:
        """Return what the processes' logs say of mistakes of ours: the last lines of each that has a traceback."""
        texts = {name: self._log(name).read_text() for name in self.processes}
        return [f"{name}: {text[-_SHOWN:]}" for name, text in texts.items() if "Traceback" in text]

    def lose_claims(self) -> None:
        """Delete the store of the function that makes tickets; its process must be dead."""
        for file in self.folder.glob(f"{CLAIMS}.store*"):
            file.unlink()

    def records(self) -> list[Record]:
        """Return what the SIEM has stored, in order; its process must be dead."""
        store, found = Store(str(self.folder / SPLUNK)), list[Record]()
        with contextlib.closing(store):
            while page := store.page(len(found), _PAGE):
                found += map(read, page)
        return found

    def tickets(self) -> list[dict[str, str]]:
        """Return the incidents as they are stored; its process must be dead."""
        with contextlib.closing(servicenow.new_app(str(self.folder / SERVICENOW))) as app:
            return app.records("incident")

    def _settings(self) -> dict[str, str]:
        user = servicenow.USERS[0]
        return {
            "SERVICENOW_INSTANCE": self.url(SERVICENOW),
            "SERVICENOW_USERNAME": user.name,
            "SERVICENOW_PASSWORD": user.password,
            "SPLUNK_HEC_URL": self.url(SPLUNK),
            "SPLUNK_TOKEN": splunk.TOKENS[0].value,
        }

    def _environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        # At `debug` a process that dies of a mistake of ours says where; it says little else.
        return clean_environment(**{"LOG_LEVEL": "debug", **AT_ONCE, **settings})

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _standin(self, name: str, pace: Pace) -> tuple[str, ...]:
        module = (sys.executable, "-m", "shared.local.standins", name, "--port", str(self.ports[name]))
        faults = [dict(pace.slow)] if pace.slow and name == SERVICENOW else []
        return (*module, "--database", str(self.folder / name), "--faults", json.dumps(faults))

    def _function(self, name: str, pace: Pace) -> tuple[str, ...]:
        port = str(self.ports[name])
        if not pace.deadline:
            return (str(TIDINGS), "serve", name, "--port", port)
        return (sys.executable, "-m", "tests.support.harness.worker", name, port, str(pace.deadline))

    def _broker(self, *, hosted: bool, pace: Pace) -> tuple[str, ...]:
        knative = ROOT / "knative" if hosted else self._knative(pace)
        address = ("--listen", f"127.0.0.1:{self.ports[BROKER]}", "--data", str(self.folder / "data"))
        return (str(TIDINGS), "up", "--feed", "none", *address, "--knative", str(knative), "--output", "json")

    def _knative(self, pace: Pace) -> Path:
        """Write the shipped Broker and Triggers, with URLs as subscribers and the pace's delivery."""
        folder = self.folder / "knative"
        folder.mkdir()
        shipped = ROOT / "knative"
        (folder / "broker.yaml").write_text((shipped / "base" / "broker.yaml").read_text())
        for file in (shipped / "triggers").glob("*.yaml"):
            trigger = yaml.safe_load(file.read_text())
            if trigger["kind"] != "Trigger":
                continue
            function = trigger["spec"]["subscriber"]["ref"]["name"].replace("-", "_")
            if function in FUNCTIONS:  # the others have nothing to do with what is posted
                trigger["spec"]["subscriber"] = {"uri": self.url(function) + "/"}
                trigger["spec"]["delivery"] |= pace.delivery
                (folder / file.name).write_text(yaml.safe_dump(trigger))
        return folder


@contextmanager
def running(topology: Topology) -> Iterator[Topology]:
    """Start all processes, and end them however it goes."""
    try:
        for process in topology.processes.values():
            process.start()
        yield topology
    finally:
        for process in topology.processes.values():
            process.kill()
