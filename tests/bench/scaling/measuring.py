"""Measures what the simulator needs of single functions, each a process with 50 requests in flight, as a Trigger has.

What an event costs is CPU time: in a cluster a pod has its core, here it shares two with the load, the store and the
foreign system. How much longer its work took for want of a core the kernel knows, and what is compared with the model
is stretched by that.
"""

import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from statistics import median

from tests.bench.correlator import bare, serving
from tests.bench.events import stream
from tests.bench.images import image
from tests.bench.load import flat_out, steady
from tests.bench.measure import Effort
from tests.bench.observed import observed, request_of, ticking
from tests.bench.outgoing import SUBJECTS, Telling, episodes, telling
from tests.bench.processes import Running, free_port, running, tidings
from tests.bench.scaling.figures import Each, Figures
from tests.bench.scaling.traffic import Traffic
from tests.bench.scaling.trigger import IN_FLIGHT
from tests.bench.starts import milliseconds, settings_of
from tests.bench.upped import settings_of_standins
from tests.support.nats import Nats, nats
from tests.support.servers import standin

LATENCIES = (0, 5, 50)
"""Milliseconds after which the forwarder's target answers."""
RATE = 390.0
"""Events a second at which the forwarder's waits are looked at: a tenth of what it can do, out of step with the 40 ms
for which it waits for company."""
_FEW = 8
_TAKEN = (200, 204)
_MARKS = count()


@dataclass(slots=True)
class Point:
    """What the real forwarder did where its target answers after `latency` ms: flat out, and each wait at RATE.

    Of each turn flat out `stretches` are how many times longer than its work it took, for want of a core, `targets` the
    seconds of a core that the target took for a call, and `clients` those that the load took for a request.
    """

    latency: int
    rates: list[float] = field(default_factory=list)
    stretches: list[float] = field(default_factory=list)
    targets: list[float] = field(default_factory=list)
    clients: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)


def measured(effort: Effort, traffic: Traffic) -> tuple[Figures, list[Point]]:
    """Measure all; return what the simulator needs, and what it is compared with."""
    few, many, points = _Costs(_FEW), _Costs(IN_FLIGHT), [Point(latency) for latency in LATENCIES]
    with telling(SUBJECTS[0]) as ours:
        for _ in range(effort.turns(5)):  # in turns, for the speed of a machine drifts
            ours.foreign.answers_after(0)
            for costs in (few, many):
                _note_costs(effort, ours, costs)
            for point in points:
                _turn(effort, ours, point)
    call = max(0.0, (few.cpu - many.cpu) / (few.share - many.share))
    functions = {
        "siem-forwarder": Each(max(1e-6, many.cpu - call * many.share)),
        "classifier": _classifier(effort),
        **_with_nats(effort, traffic),
    }
    with image() as layer:
        start = layer.of("classifier", settings_of("classifier")).measured(milliseconds)
        starts = [start() for _ in range(effort.turns(3))]
    return Figures(functions, call, median(starts) / 1000), points


# --- the forwarder ---


@dataclass(slots=True)
class _Costs:
    """What an event cost with so many in flight, turn by turn: seconds of a core, and how much of a call it had.

    From few events in a call and from many together follows what an event and what a call costs.
    """

    in_flight: int
    cpus: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)

    @property
    def cpu(self) -> float:
        """Return the seconds of a core, of several turns those in the middle."""
        return median(self.cpus)

    @property
    def share(self) -> float:
        """Return how much of a call, of several turns the one in the middle."""
        return median(self.shares)


def _note_costs(effort: Effort, ours: Telling, costs: _Costs) -> None:
    used, before = ours.process.scheduled().ran, _calls(ours.port)
    told = SUBJECTS[0].told()
    load = flat_out(ours.port, told, connections=costs.in_flight, seconds=effort.seconds(0.7)).only(*_TAKEN)
    events = load.statuses.total()
    costs.cpus.append((ours.process.scheduled().ran - used) / events)
    costs.shares.append((_calls(ours.port) - before) / events)


def _calls(port: int) -> float:
    """Return how many bulk calls the function counts."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(
        float(line.rpartition(" ")[2]) for line in lines if line.startswith("tidings_delivery_batch_events_count")
    )


def _turn(effort: Effort, ours: Telling, point: Point) -> None:
    ours.foreign.answers_after(point.latency)
    told = SUBJECTS[0].told()
    seconds = effort.seconds(0.7)
    since, target, client, calls = (
        ours.process.scheduled(),
        ours.target.scheduled(),
        time.process_time(),
        _calls(ours.port),
    )
    flat = flat_out(ours.port, told, connections=IN_FLIGHT, seconds=seconds).only(*_TAKEN)
    point.rates.append(flat.rate)
    point.clients.append((time.process_time() - client) / flat.statuses.total())
    point.stretches.append(ours.process.scheduled().stretch(since))
    point.targets.append((ours.target.scheduled().ran - target.ran) / (_calls(ours.port) - calls))
    load = steady(ours.port, told, rate=RATE, connections=IN_FLIGHT, seconds=seconds)
    point.waits += load.only(*_TAKEN).waits


# --- the others ---


def _classifier(effort: Effort) -> Each:
    port = free_port()
    with running(tidings("serve", "classifier", "--port", str(port)), port) as process:
        return _each(port, process, lambda: islice(stream(f"s{next(_MARKS)}"), 4000), effort.turns(3))


def _with_nats(effort: Effort, traffic: Traffic) -> dict[str, Each]:
    """Measure what keeps state, which is in a real NATS."""
    turns, samples = effort.turns(3), traffic.samples
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        server = opened.enter_context(nats(folder))
        sink = opened.enter_context(bare())
        with serving(server.url(), sink) as served:
            port, process = served.port, served.process
            ordinary = _each(port, process, lambda: ticking(observed(f"s{next(_MARKS)}", 1500)), turns)
            storm = _cost(port, process, ticking(map(request_of, samples["correlator"])), IN_FLIGHT)
        port = free_port()
        told = {"STORE_URL": server.url("changes"), "K_SINK": f"http://127.0.0.1:{sink}"}
        objects = map(request_of, samples["changes"])  # each once: again it would say nothing new
        with running(tidings("serve", "changes", "--port", str(port)), port, **told) as process:
            changes = _each(port, process, lambda: islice(objects, len(samples["changes"]) // (turns + 1)), turns)
        return {
            "correlator": Each(ordinary.cpu, ordinary.wait, storm.cpu),
            "changes": changes,
            "servicenow-incident": _tickets(opened, server, folder, turns),
        }


def _tickets(opened: ExitStack, server: Nats, folder: Path, turns: int) -> Each:
    """Measure new incidents at the stand-in; what waits there is none of the function's figures."""
    system = opened.enter_context(standin("servicenow", folder / "servicenow.db"))
    port = free_port()
    settings = {**settings_of_standins(system.url, ""), "STORE_URL": server.url("tickets")}
    settings = {name: value for name, value in settings.items() if not name.startswith("SPLUNK_")}
    with running(tidings("serve", "servicenow_incident", "--port", str(port)), port, **settings) as function:
        return Each(_each(port, function, lambda: islice(episodes(), 200), turns).cpu)


def _each(port: int, process: Running, requests: Callable[[], Iterator[bytes]], turns: int) -> Each:
    """Measure in turns with 50 in flight, and a few alone, whose answers take longer than the core does."""
    cpu = median(_cost(port, process, requests(), IN_FLIGHT).cpu for _ in range(turns))
    return Each(cpu, _cost(port, process, islice(requests(), 200), 1).wait)


def _cost(port: int, process: Running, requests: Iterator[bytes], in_flight: int) -> Each:
    """Return what one request cost: seconds of a core, and those beyond them where it was alone."""
    used = process.scheduled().ran
    load = flat_out(port, requests, connections=in_flight).only(*_TAKEN)
    cpu = (process.scheduled().ran - used) / load.statuses.total()
    return Each(cpu, max(0.0, in_flight / load.rate - cpu))
