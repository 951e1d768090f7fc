"""What the knative folder says, as values: the broker, its Triggers, the services behind them, the ticks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from shared.events.cloudevent import CloudEvent
from shared.events.problem import Problem
from shared.local.broker.delivery_spec import DeliverySpec
from shared.local.broker.event_kinds import EventKind
from shared.local.broker.filters import FilterSet
from shared.settings.addresses import is_api_server

DEFAULT_BROKER = "tidings"
DEFAULT_NAMESPACE = "tidings"


@dataclass(frozen=True, slots=True)
class Service:
    """A Knative Service of ours. `name` has hyphens; `function` is its FUNCTION_TARGET, with underscores."""

    name: str
    function: str
    environment: Mapping[str, str]
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Trigger:
    """One Trigger. `delivery` is the one in force: its own, or the Broker's where it has none (no merging).

    `subscriber` is the name of a Knative Service of these files, a URL, or `Kind namespace/name` of what is elsewhere
    in the cluster: the embedded broker cannot call that.
    """

    name: str
    namespace: str
    subscriber: str
    selection: FilterSet
    delivery: DeliverySpec
    ordered: bool
    file: str
    line: int
    team: str = ""
    """Whose it is: its label `tidings.dev/team`, else its namespace."""

    @property
    def destination(self) -> str:
        """Return the subscriber's address as Knative would give it in `knativeerrordest`."""
        if is_url(self.subscriber):
            return self.subscriber
        return f"http://{self.subscriber}.{self.namespace}.svc.cluster.local"


@dataclass(frozen=True, slots=True)
class Tick:
    """A PingSource that fires every so many seconds; `event` lacks only id and time."""

    name: str
    every: float
    event: CloudEvent


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything that was read. What has a problem is left out; `warnings` change nothing.

    `part`: loose files without a Broker, of which whom they name was not looked for. Nothing can run on it.
    """

    broker: str = DEFAULT_BROKER
    namespace: str = DEFAULT_NAMESPACE
    delivery: DeliverySpec = field(default_factory=DeliverySpec)
    triggers: tuple[Trigger, ...] = ()
    services: Mapping[str, Service] = field(default_factory=dict)
    ticks: tuple[Tick, ...] = ()
    kinds: tuple[EventKind, ...] = ()
    """What events there are, with what the sources here add to them."""
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    part: bool = False

    def function_of(self, subscriber: str) -> str:
        """Return the function that a subscriber runs, with underscores; empty where anything may be behind it.

        What its Service says; where that was not read, as with loose Triggers, its name is taken for the function's.
        """
        if is_foreign(subscriber):
            return ""
        service = self.services.get(subscriber)
        return (subscriber if service is None else service.function).replace("-", "_")


def is_foreign(subscriber: str) -> bool:
    """Return True for a subscriber that is no Knative Service of these files: a URL, or `Kind namespace/name`."""
    return "/" in subscriber


def is_url(subscriber: str) -> bool:
    """Return True for the absolute URL of a subscriber; the name of a Knative Service is none."""
    try:
        parts = urlsplit(subscriber)
        port = parts.port
    except ValueError:  # brackets that hold no address, or what is no port
        return False
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        return False
    plain = subscriber.isprintable() and " " not in subscriber and "@" not in parts.netloc
    return plain and not is_api_server(parts.hostname)
