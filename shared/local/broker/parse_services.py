"""Read Knative Services and PingSources: which function stands behind a name, and what ticks."""

import re

import orjson

from shared.events.cloudevent import CloudEvent
from shared.local.broker.located import Located
from shared.local.broker.parse_filters import Report
from shared.local.broker.topology import Service, Tick

PING = "dev.knative.sources.ping"
"""The type of everything that a PingSource sends; ceOverrides cannot change it, it is no extension."""

_EVERY_SECONDS = re.compile(r"^\*/(?P<seconds>[1-5]?\d) \* \* \* \* \*$")
_EVERY_MINUTES = re.compile(r"^(?:0 )?\*(?:/(?P<minutes>[1-5]?\d))? \* \* \* \*$")


def parse_service(root: Located, file: str, report: Report) -> Service | None:
    """Return the Service; one without FUNCTION_TARGET is somebody else's and is reported."""
    name = root.text("metadata", "name")
    containers = root.get("spec", "template", "spec", "containers")
    first = containers.items()[0] if containers is not None and containers.items() else Located({}, root.line)
    variables = first.get("env")
    environment = {
        item.text("name"): item.text("value")
        for item in (variables.items() if variables is not None else [])
        if isinstance(item.mapping().get("value", Located(None, 0)).value, str)
    }
    function = environment.get("FUNCTION_TARGET", "")
    if not name or not function:
        report(first, f'the Service "{name}" does not say which function it runs', "set FUNCTION_TARGET in its env")
        return None
    return Service(name, function, environment, file, root.line)


def parse_tick(root: Located, report: Report) -> Tick | None:
    """Return the tick of a PingSource, or None where the schedule is more than `every so many seconds or minutes`."""
    name, namespace = root.text("metadata", "name"), root.text("metadata", "namespace") or "tidings"
    place = root.get("spec", "schedule") or root
    every = _seconds(root.text("spec", "schedule"))
    if every is None:
        report(place, "the embedded broker plays only schedules like `*/10 * * * * *`", "it will not tick here")
        return None
    overrides = root.get("spec", "ceOverrides", "extensions")
    event = CloudEvent(
        id="",
        source=f"/apis/v1/namespaces/{namespace}/pingsources/{name}",
        type=PING,
        extensions={key: str(child.value) for key, child in overrides.mapping().items()} if overrides else {},
        data=_data(root.text("spec", "data")),
    )
    return Tick(name, every, event)


def _seconds(schedule: str) -> float | None:
    found = _EVERY_SECONDS.match(schedule)
    if found is not None and int(found["seconds"]):
        return float(found["seconds"])
    found = _EVERY_MINUTES.match(schedule)
    if found is not None and int(found["minutes"] or 1):
        return float(found["minutes"] or 1) * 60
    return None


def _data(text: str) -> object:
    try:
        return orjson.loads(text) if text else None
    except orjson.JSONDecodeError:
        return text
