"""The parts of the benchmark by name. Each measures for itself and returns its rows."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from tests.bench.measure import Effort, Row

Part = Callable[[Effort], list[Row]]

_PLACES = {
    "start": "tests.bench.starts",
    "hosts": "tests.bench.hosts",
    "rss": "tests.bench.starts",
    "event": "tests.bench.in_process",
    "explain": "tests.bench.explaining",
    "judgement": "tests.bench.judgement",
    "week": "tests.bench.week",
    "http": "tests.bench.over_http",
    "intake": "tests.bench.taking",
    "destinations": "tests.bench.destinations",
    "up": "tests.bench.embedded",
    "bus": "tests.bench.buses",
    "stores": "tests.bench.stores",
    "correlator": "tests.bench.correlator",
    "scale": "tests.bench.scale",
}
NAMES = tuple(name for name, place in _PLACES.items() if find_spec(place) is not None)


def part(name: str) -> Part:
    """Return a part: the function of that name in its module, which only now is imported. Raises KeyError."""
    found: Part = getattr(import_module(_PLACES[name]), name)
    return found
