"""What the live table shows: one look at the embedded system, as a value."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from shared.events.cloudevent import DELIVERY, PROBLEM_PREFIX
from shared.local.destinations import destinations
from shared.local.shown import line, report_of
from shared.runtime.ingress import NAME

if TYPE_CHECKING:
    from shared.local.system import System

_LOOKED_THROUGH = 300
_SHOWN = 8
# States of a ServiceNow incident (reference/destinations.md §1.4), as the stand-in stores them.
_STATES = {"1": "open", "2": "open", "3": "on hold", "6": "resolved", "7": "closed", "8": "cancelled"}


BASE: Final = ("servicenow_incident", "siem_forwarder")
"""The destinations of knative/base, which have rows of their own."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened to a ticket or an episode."""

    time: datetime | None
    what: str
    summary: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Counts since the start, what the stand-ins hold in all, and the latest things that happened."""

    events: int
    fed: int
    feed_total: int
    feed_time: datetime | None
    feed_done: bool
    classified: int
    ignored: int
    unknown: int
    episodes: dict[str, int]
    deliveries: dict[str, int]
    tickets: dict[str, int] | None
    siem_records: int | None
    siem_repeats: int
    waiting: int
    retried: int
    dead_letters: int
    troubles: tuple[str, ...]
    latest: tuple[Line, ...] = field(default=())
    others: dict[str, dict[str, int]] = field(default_factory=dict)
    """Destinations beside ServiceNow's incidents and Splunk: how many deliveries were `told`, what a stand-in holds."""
    absent: tuple[str, ...] = field(default=())
    """Which of those two does not run."""
    shadow: dict[str, int] = field(default_factory=dict)
    """Destinations in shadow: how many deliveries each would have made since the start."""


async def look(system: "System") -> Snapshot:
    """Return how things stand now."""
    metrics, feed = system.metrics, system.feed.progress if system.feed else None
    statuses = system.broker.status()
    tickets = records = None
    repeats = 0
    apps = system.standins.apps
    if "servicenow" in apps:
        rows = apps["servicenow"].records("incident")
        tickets = dict(Counter(_STATES.get(row.get("state", ""), "other") for row in rows))
    if "splunk" in apps:
        records = apps["splunk"].distinct()
        repeats = apps["splunk"].count() - records
    return Snapshot(
        events=int(metrics.total("tidings_events_received_total", function=NAME)),
        fed=feed.sent if feed else 0,
        feed_total=feed.total if feed else 0,
        feed_time=feed.time if feed else None,
        feed_done=feed is None or feed.done,
        classified=int(metrics.value("tidings_events_total", function="classifier", outcome="done")),
        ignored=int(metrics.value("tidings_events_total", function="classifier", outcome="ignored")),
        unknown=int(metrics.total("tidings_unknown_reasons_total")),
        episodes=_by_label(system, "tidings_episodes_total", ("opened", "updated", "resolved", "reopened")),
        deliveries={
            operation: int(metrics.total("tidings_deliveries_total", operation=operation, result="done"))
            for operation in ("open", "update", "resolve", "reopen")
        },
        tickets=tickets,
        siem_records=records,
        siem_repeats=repeats,
        waiting=max((status.waiting for status in statuses), default=0),
        retried=sum(status.retried for status in statuses),
        dead_letters=sum((await system.broker.letters.counts()).values()),
        troubles=_troubles(system),
        latest=await _latest(system),
        others=_others(system),
        absent=tuple(name for name in BASE if name not in system.functions),
        shadow={str(row["name"]): int(str(row["shadow"])) for row in destinations(system) if row["in_shadow"]},
    )


def _others(system: "System") -> dict[str, dict[str, int]]:
    """Return what became of the deliveries to the destinations that are switched on beside the base's."""
    found: dict[str, dict[str, int]] = {}
    for row in destinations(system):
        name = str(row["name"])
        if name not in BASE:
            found[name] = {"told": int(str(row["done"])), **system.standins.held(name)}
    return found


def _by_label(system: "System", name: str, transitions: tuple[str, ...]) -> dict[str, int]:
    return {one: int(system.metrics.value(name, transition=one)) for one in transitions}


def _troubles(system: "System") -> tuple[str, ...]:
    """Return why deliveries had to come again, by destination, the most frequent first."""
    found: list[tuple[float, str]] = []
    for row in destinations(system):
        retries = row["retries"]
        if isinstance(retries, dict):
            found += [(count, f"{row['name']}: {reason} ({_times(count)})") for reason, count in retries.items()]
    return tuple(text for _, text in sorted(found, reverse=True)[:_SHOWN])


def _times(count: float) -> str:
    return "once" if count == 1 else f"{count:.0f} times"


async def _latest(system: "System") -> tuple[Line, ...]:
    lines: list[Line] = []
    summaries: dict[str, str] = {}
    stored = await system.broker.events(_LOOKED_THROUGH)
    for item in stored:
        if item.event.type.startswith(PROBLEM_PREFIX):
            data = report_of(item.event)
            summaries[str(data.get("id"))] = line(data.get("summary"))
    for item in stored:
        data = report_of(item.event) if item.event.type == DELIVERY else {}
        if (result := data.get("result")) in {"done", "shadow"}:
            summary = summaries.get(str(data.get("key")), line(item.event.subject))
            what = (_WORDS if result == "done" else _WOULD).get(str(data.get("operation")), "")
            if not what:
                continue  # one record of many, which a forwarder in shadow tells of
            number = line(data.get("number"))
            lines.append(Line(item.event.time, what, summary, number if number.isalnum() else ""))
        if len(lines) == _SHOWN:
            break
    return tuple(lines)


_WORDS = {"open": "opened", "update": "updated", "resolve": "resolved", "reopen": "reopened"}
_WOULD = {operation: f"shadow: {operation}" for operation in _WORDS}
