"""Measures what the simulator needs of single functions, each a process with 50 requests in flight, as a Trigger has.

What an event costs is CPU time: in a cluster a pod has its core, here it shares two with the load, the store and the
foreign system. How much longer its work took for want of a core the kernel knows, and what is compared with the model
is stretched by that.
"""

import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from statistics import median

from tests.bench.correlator import bare, serving
from tests.bench.events import stream
from tests.bench.load import flat_out, steady
from tests.bench.measure import Effort, percentile
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
RATE = 400.0
"""Events a second at which the forwarder's waits are looked at: a tenth of what it can do."""
_FEW = 8
_TAKEN = (200, 204)
_MARKS = count()


@dataclass(slots=True)
class Point:
    """What the real forwarder did where its target answers after `latency` ms: flat out, and each wait at RATE.

    `stretches` are how many times longer than its work it took, for want of a core, in each turn flat out.
    """

    latency: int
    rates: list[float] = field(default_factory=list)
    stretches: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Return events a second, of several turns the one in the middle."""
        return median(self.rates)

    @property
    def stretch(self) -> float:
        """Return the stretch, of several turns the one in the middle."""
        return median(self.stretches)

    def wait(self, percent: float) -> float:
        """Return a percentile of the waits, in seconds."""
        return percentile(self.waits, percent)


def measured(effort: Effort, traffic: Traffic) -> tuple[Figures, list[Point]]:
    """Measure all; return what the simulator needs, and what it is compared with."""
    with telling(SUBJECTS[0]) as ours:
        cpu, bulk = _costs(effort, ours)
        points = [Point(latency) for latency in LATENCIES]
        for _ in range(effort.turns(3)):
            for point in points:
                _turn(effort, ours, point)
    functions = {"siem-forwarder": Each(cpu), "classifier": _classifier(effort), **_with_nats(effort, traffic)}
    starts = [milliseconds(tidings("serve", "classifier"), settings_of("classifier"))() for _ in range(effort.turns(3))]
    return Figures(functions, bulk, median(starts) / 1000), points


# --- the forwarder ---


def _costs(effort: Effort, ours: Telling) -> tuple[float, float]:
    """Return the seconds of a core that an event takes, and those of a call: from few events in a call, and many."""
    few, many = ([_cpu(ours, in_flight, effort.seconds(1.5)) for _ in range(3)] for in_flight in (_FEW, IN_FLIGHT))
    (few_cpu, few_share), (many_cpu, many_share) = (
        (median(cpu for cpu, _ in turns), median(share for _, share in turns)) for turns in (few, many)
    )
    call = max(0.0, (few_cpu - many_cpu) / (few_share - many_share))
    return max(1e-6, many_cpu - call * many_share), call


def _cpu(ours: Telling, in_flight: int, seconds: float) -> tuple[float, float]:
    """Return the seconds of a core for each event, and how much of a call each had."""
    used, before = ours.process.cpu(), _calls(ours.port)
    load = flat_out(ours.port, SUBJECTS[0].told(), connections=in_flight, seconds=seconds).only(*_TAKEN)
    events = load.statuses.total()
    return (ours.process.cpu() - used) / events, (_calls(ours.port) - before) / events


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
    seconds = effort.seconds(1.0)
    since = ours.process.scheduled()
    point.rates.append(flat_out(ours.port, told, connections=IN_FLIGHT, seconds=seconds).only(*_TAKEN).rate)
    point.stretches.append(ours.process.scheduled().stretch(since))
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
    used = process.cpu()
    load = flat_out(port, requests, connections=in_flight).only(*_TAKEN)
    cpu = (process.cpu() - used) / load.statuses.total()
    return Each(cpu, max(0.0, in_flight / load.rate - cpu))
