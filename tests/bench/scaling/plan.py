"""What is simulated: how many clusters, what knative/ says of Services and Triggers, what foreign systems can do.

What stands here as a number is knative/'s (a test compares them) or an assumption of docs/scale.md; what was measured
is in figures.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from tests.bench.scaling.destination import Foreign
from tests.bench.scaling.figures import Figures
from tests.bench.scaling.pod import Sharing, Work
from tests.bench.scaling.service import Scale
from tests.bench.scaling.trigger import Spec

NODE: Final = 2.0
"""Seconds until a pod's process begins: scheduling, network, side-car (assumed)."""
HOP: Final = 0.005
"""Seconds from an answer until the next Trigger has what it replied: write, acknowledge, read (assumed)."""
CONNECTIONS: Final = 4
_LINGER, _ENOUGH, _BATCH = 0.04, 24, 500  # shared/runtime/forwarding.py and the forwarder's settings
_TOGETHER = 10  # SERVICENOW_BATCH

FUNCTIONS: Final = ("changes", "classifier", "correlator", "siem-forwarder", "servicenow-incident")
SHIPPED: Final[Mapping[str, tuple[int, int, int]]] = MappingProxyType(
    {
        "changes": (1, 3, 50),
        "classifier": (0, 10, 50),
        "correlator": (1, 1, 50),
        "siem-forwarder": (0, 5, 50),
        "servicenow-incident": (1, 3, 50),
    }
)
"""Fewest pods, most pods and containerConcurrency, as in knative/base."""
TRIGGERS: Final[Mapping[str, Spec]] = MappingProxyType(
    {
        "changes": Spec(100, "linear", 10.0),
        "classifier": Spec(9, "exponential", 1.0),
        "correlator": Spec(100, "linear", 10.0),
        "siem-forwarder": Spec(100, "linear", 10.0),
        "servicenow-incident": Spec(105, "linear", 9.0),
    }
)
"""How each Trigger tries again, as in knative/triggers."""


_SPLUNK: Final = Foreign(0.02)
_SERVICENOW: Final = Foreign(0.02, each=0.15, slots=16)


@dataclass(frozen=True, slots=True)
class Systems:
    """What is assumed of Splunk and ServiceNow: seconds of a call, of each request in one, and how many at a time.

    `requests` an hour are what the instance lets us make in all, kept by SERVICENOW_REQUESTS_PER_HOUR (0: any number).
    """

    siem: Foreign = _SPLUNK
    tickets: Foreign = _SERVICENOW
    requests: int = 25_000


@dataclass(frozen=True, slots=True)
class Plan:
    """One Broker and its functions, for so many clusters; `storms` of them lose a node at the same time.

    `scales` replaces what is SHIPPED; `ordered` are Triggers whose partitions keep their order.
    """

    clusters: int
    storms: int = 1
    partitions: int = 10
    consumers: int = 1
    scales: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    ordered: frozenset[str] = frozenset()
    systems: Systems = Systems()
    seed: int = 1

    def scale(self, name: str, figures: Figures) -> Scale:
        """Return what the Service says."""
        return Scale(*self._scale(name), start=NODE + figures.start)

    def most(self, name: str) -> int:
        """Return the most pods of a Service."""
        return self._scale(name)[1]

    def _scale(self, name: str) -> tuple[int, int, int]:
        return self.scales.get(name, SHIPPED[name])

    def spec(self, name: str) -> Spec:
        """Return what the Trigger says."""
        return replace(TRIGGERS[name], ordered=name in self.ordered)

    def work(self, name: str, figures: Figures) -> Work:
        """Return what the function does with one request."""
        each = figures.functions[name]
        return Work(each.cpu, each.wait, each.storm_cpu, self._sharing(name, figures), name == "servicenow-incident")

    def _sharing(self, name: str, figures: Figures) -> Sharing | None:
        if name == "siem-forwarder":
            return siem_sharing(figures)
        if name != "servicenow-incident":
            return None
        replicas = self.most(name)  # each keeps the limit for itself
        hourly = self.systems.requests / replicas
        return Sharing(_TOGETHER, CONNECTIONS, rate=hourly / 3600, burst=max(1.0, hourly / 60))


def siem_sharing(figures: Figures) -> Sharing:
    """Return how the forwarder shares calls."""
    return Sharing(_BATCH, CONNECTIONS, _LINGER, _ENOUGH, figures.bulk_cpu)
