"""Whether events flow in a cluster: Triggers that are in no file, what lies in the dead letters, and a probe."""

import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from shared.bus.protocol import BusUnavailableError
from shared.bus.registry import chosen, configured, open_bus
from shared.bus.topology import LETTERS
from shared.cli.cluster_probe import ProbeError, arrived, probe_event, send, waited_for
from shared.cluster.api import Api, ApiError
from shared.events.words import counted
from shared.local.broker.located import Located
from shared.local.broker.topology import Topology
from shared.settings.environment import SettingsError

Row = dict[str, Any]

NOT_READY = "not tried: the Broker is not as it should be"
_SINK = "KafkaSink"
_EVENTING = "/apis/eventing.knative.dev/v1/namespaces"


@dataclass(frozen=True, slots=True)
class Flow:
    """What is looked at: a broker with its Triggers, in a namespace; a probe is waited for `seconds`, 0 sends none."""

    topology: Topology
    namespace: str
    seconds: float = 60.0


class Manifest(Protocol):
    """A manifest as far as it is asked for here."""

    @property
    def kind(self) -> str:
        """Return its kind."""

    @property
    def manifest(self) -> Located:
        """Return it whole."""


async def others(
    api: Api, flow: Flow, known: Collection[str], unready: Callable[[str, Mapping[str, Any]], str]
) -> list[Row]:
    """Return a row for each Trigger of our Broker that is in no file and does not resolve."""
    try:
        found = await api.get(f"{_EVENTING}/{flow.namespace}/triggers")
    except ApiError as error:
        return [_row("Trigger", "unseen", f"those that are in no file cannot be listed: {error}")]
    rows = []
    for one in found.get("items", ()):
        name = one["metadata"]["name"]
        if name not in known and one.get("spec", {}).get("broker") == flow.topology.broker and unready(name, one):
            rows.append(_row("Trigger", "bad", f"{unready(name, one)} (it is in no file)"))
    return rows


async def dead_letters(wanted: Iterable[Manifest], environ: Mapping[str, str]) -> Row:
    """Return whether anything lies in the dead letters; only the bus that keeps them can say so."""
    topics = {LETTERS, *(one.manifest.text("spec", "topic") for one in wanted if one.kind == _SINK)} - {""}
    if not environ.get("BUS") and not configured(environ):
        names = ", ".join(sorted(topics))
        return _row("dead letters", "unseen", f"the API server cannot say what is in {names}: set BUS and its settings")
    try:
        bus = open_bus(chosen(environ), environ)
    except SettingsError as error:
        return _row("dead letters", "bad", "; ".join(error.problems))
    try:
        found = {topic: await bus.describe(topic) for topic in sorted(topics)}
    except BusUnavailableError as error:
        return _row("dead letters", "bad", str(error))
    finally:
        await bus.close()
    held = {topic: state.events for topic, state in found.items() if state is not None}
    if not held:
        return _row("dead letters", "bad", f"the bus has no topic {' or '.join(found)}: tidings bus apply")
    full = [f"{counted(number, 'event')} in {topic}" for topic, number in held.items() if number]
    if full:
        return _row("dead letters", "bad", f"{', '.join(full)}: mend the cause, then tidings replay them")
    return _row("dead letters", "good", f"none in {', '.join(held)}")


async def flows(api: Api, flow: Flow) -> Row:
    """Return whether a probe that the broker takes gets to the functions that wait for ticks. Raises ApiError."""
    ends = waited_for(flow.topology)
    if not flow.seconds or not ends:
        return _row("events", "unseen", "no probe was asked for" if ends else "no Trigger lets a probe through")
    broker = await api.get(f"{_EVENTING}/{flow.namespace}/brokers/{flow.topology.broker}")
    event, began = probe_event(f"probe-{uuid.uuid4()}", api.date), time.monotonic()
    try:
        await send(api, broker, event)
        missing = await arrived(api, flow.namespace, ends, event, flow.seconds)
    except ProbeError as error:
        return _row("events", "bad", str(error))
    if missing:
        names = ", ".join(missing)
        return _row(
            "events", "bad", f"the broker took a probe that did not come to {names} in {flow.seconds:.0f} s: look at "
            "their Triggers, and at their pods' logs",
        )  # fmt: skip
    return _row("events", "good", f"a probe came to {', '.join(ends)} in {time.monotonic() - began:.1f} s")


def _row(system: str, state: str, finding: str) -> Row:
    return {"system": system, "state": state, "finding": finding}
