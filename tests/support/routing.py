"""Who gets an event by the Triggers of a rendering, and events on which two renderings could differ."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from pathlib import Path

import yaml

from shared.events.cloudevent import CloudEvent
from shared.local.broker.filters import compiled
from shared.local.broker.loader import load_topology
from shared.local.broker.reach import selection
from shared.local.broker.topology import Topology
from tests.support.kustomize import Manifest

OTHER = "other"
GOES_ON = "~other~"  # what `reach` puts behind a prefix, and before a suffix
_REQUIRED = frozenset({"id", "source"})
Router = Callable[[CloudEvent], Counter[str]]


def topology(items: list[Manifest], folder: Path) -> Topology:
    """Return what `tidings triggers` reads of a rendering."""
    file = folder / "rendered.yaml"
    file.write_text(yaml.safe_dump_all(items), encoding="utf-8")
    return load_topology(file)


def router(found: Topology) -> Router:
    """Return what says how many Triggers bring an event to each subscriber; each would bring it once."""
    tests = [(trigger.subscriber, compiled(trigger.selection.effective())) for trigger in found.triggers]
    return lambda event: Counter(subscriber for subscriber, passes in tests if passes(event))


def types(found: Iterable[Topology]) -> set[str]:
    """Return every type that is known or that a Trigger names; of what only begins so, one where none is known."""
    known = {kind.type for one in found for kind in one.kinds}
    named = compared(found).get("type", set())
    return known | {value for value in named if not any(one.startswith(value.removesuffix(GOES_ON)) for one in known)}


def compared(found: Iterable[Topology]) -> dict[str, set[str]]:
    """Return the values with which some Trigger compares each attribute."""
    values: dict[str, set[str]] = {}
    for one in found:
        for trigger in one.triggers:
            for name, texts in selection(trigger.selection).values.items():
                values.setdefault(name, set()).update(texts)
    return values


def universe(found: tuple[Topology, ...]) -> Iterator[CloudEvent]:
    """Yield events of every type with each value that a Trigger asks for, another one, and without the attribute.

    Where all kinds of a type have an attribute of a closed set of values, with those alone. A PingSource says its own
    name in the source of what it sends, so there are those of the PingSources here alone.
    """
    values = {name: sorted(texts) for name, texts in compared(found).items() if name not in {"type", "source"}}
    ticks = {tick.event.source for one in found for tick in one.ticks}
    named = {
        value
        for value in compared(found).get("source", ())
        if not any(tick.endswith(value.removeprefix(GOES_ON)) for tick in ticks)
    }
    sources = [OTHER, *sorted(ticks | named)]
    for kind in sorted(types(found)):
        choices = [_closed(found, kind, name) or [*texts, OTHER, None] for name, texts in values.items()]
        for source, *chosen in product(sources, *choices):
            extensions = {name: text for name, text in zip(values, chosen, strict=True) if text is not None}
            yield CloudEvent(id="1", source=str(source), type=kind, extensions=extensions)


def _closed(found: Iterable[Topology], kind: str, name: str) -> list[str | None]:
    """Return the values that an attribute has in events of a type, empty where nobody can list them."""
    of_type = [one.choices.get(name) for topology in found for one in topology.kinds if one.type == kind]
    return sorted({value for values in of_type for value in values or ()}) if of_type and all(of_type) else []
