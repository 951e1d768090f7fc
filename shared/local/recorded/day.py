"""Reads a day's script and turns its steps into lines: one line for each change that the API server stored.

The script's form is told at the top of day.yaml. Roll-outs, starts and cron runs are written as one step and unfolded
here; everything is computed from the script alone, so that the same script always gives the same lines.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import yaml

from shared.local.recorded import unfold

EVENT_LIFE = timedelta(hours=1)  # the API server's --event-ttl (reference/inputs.md §1.9)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OF_CONTAINER = {"Pulling", "Pulled", "Created", "Started", "Killing", "BackOff", "Failed", "Unhealthy"}


class ScriptError(ValueError):
    """The script cannot be played; the text says which step and why."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A Kubernetes object by kind, namespace (empty for cluster-scoped ones) and name."""

    kind: str
    namespace: str
    name: str

    @classmethod
    def parse(cls, text: str) -> "Ref":
        """Read `Pod/shop/web-1` or `Node/worker-3`."""
        kind, *rest = text.split("/")
        if not kind or len(rest) not in (1, 2) or not all(rest):
            raise ScriptError(f"{text!r} is no object: write Kind/namespace/name, or Kind/name")
        return cls(kind, rest[0] if len(rest) == 2 else "", rest[-1])  # noqa: PLR2004 - kind, namespace, name


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One change that the API server stored, and when the source sent it."""

    at: datetime
    operation: str
    on: Ref
    sent: datetime | None = None
    resent: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLine(Line):
    """An Event at one count. `first` and `last` are by the reporter's clock, which may be wrong; `at` is right."""

    key: str
    reason: str
    message: str
    type: str
    component: str
    host: str
    field_path: str
    count: int
    stored: datetime
    first: datetime
    last: datetime
    series: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectLine(Line):
    """A change of an object: what is merged into it."""

    changes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Day:
    """A script as read: the cast, and the steps of all scenes in the order in which they are written."""

    cluster: str
    source: str
    date: date
    usual: dict[str, tuple[str, str]]
    messages: dict[str, str]
    workloads: dict[str, dict[str, Any]]
    pods: dict[str, str]
    steps: tuple[dict[str, Any], ...]


def load(path: Path) -> Day:
    """Read a script.

    Raises:
        OSError: when the file cannot be read.
        ScriptError: when it is no script of a day.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ScriptError(f"not YAML: {error}") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("scenes"), list) or not isinstance(raw.get("date"), date):
        raise ScriptError("not the script of a day: needs `date: YYYY-MM-DD` and `scenes:`")
    try:
        return _read(raw)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ScriptError(f"not the script of a day: {error!r}") from error


def _read(raw: dict[str, Any]) -> Day:
    usual = {
        reason: (component, kind)
        for component, kinds in raw.get("usual", {}).items()
        for kind, reasons in kinds.items()
        for reason in reasons
    }
    pods: dict[str, str] = dict(raw.get("pods", {}))
    steps: list[dict[str, Any]] = []
    for scene in raw["scenes"]:
        for step in scene.get("steps", ()):
            steps.extend(unfold.unfold(step, pods, raw.get("workloads", {})))
    return Day(
        cluster=raw.get("cluster", "recorded"),
        source=raw.get("source", "https://kubernetes.default.svc"),
        date=raw["date"],
        usual=usual,
        messages=raw.get("messages", {}),
        workloads=raw.get("workloads", {}),
        pods=pods,
        steps=tuple(steps),
    )


def lines(day: Day) -> list[EventLine | ObjectLine]:
    """Return the day's changes in the order in which the API server stored them."""
    found: list[EventLine | ObjectLine] = []
    for step in day.steps:
        try:
            found.extend(_event(day, step) if "event" in step else _object(day, step))
        except (KeyError, ValueError, TypeError) as error:
            raise ScriptError(f"step {step}: {error!r}") from error
    return sorted(found, key=lambda line: line.at)


def _object(day: Day, step: dict[str, Any]) -> Iterator[ObjectLine]:
    yield ObjectLine(
        at=_moment(day, step["at"]),
        operation=step["object"],
        on=Ref.parse(step["of"]),
        changes={key: step[key] for key in ("labels", "spec", "status") if key in step},
    )


def _event(day: Day, step: dict[str, Any]) -> Iterator[EventLine]:
    """Yield the Event's creation, its repetitions as updates, and its expiry as a deletion with the last state."""
    on = Ref.parse(step["of"])
    reason = step["event"]
    component, kind = day.usual.get(reason, ("", "Normal"))
    component = step.get("by", component)
    host = step.get("host", _host(day, on, component))
    container = step.get("container", _container(day, on) if reason in _OF_CONTAINER and on.kind == "Pod" else "")
    words = {"name": on.name, "namespace": on.namespace, "node": _host(day, on, "kubelet"), "container": container}
    message = step["message"] if "message" in step else day.messages[reason].format(**words)
    start = _moment(day, step["at"])
    moments = [(start, int(step.get("count", 1)))]
    moments += [(_moment(day, at), int(count)) for at, count in step.get("repeats", {}).items()]
    late = {_moment(day, at): _moment(day, sent) for at, sent in step.get("sent", {}).items()}
    common: dict[str, Any] = {
        "on": on,
        "key": f"{step['of']}|{reason}|{container}|{message}|{step['at']}",
        "reason": reason,
        "message": message,
        "type": step.get("type", kind),
        "component": component,
        "host": host,
        "field_path": f"spec.containers{{{container}}}" if container else "",
        "stored": start,
        "first": _by_clock(step.get("clock", 0), start, start),
        "series": bool(step.get("series", component == "default-scheduler")),
    }
    for number, (at, count) in enumerate(moments):
        last = number == len(moments) - 1
        yield EventLine(
            at=at,
            operation="update" if number else "add",
            count=count,
            last=_by_clock(step.get("clock", 0), start, at),
            sent=late.get(at),
            resent=tuple(_moment(day, again) for again in step.get("resent", ())) if last else (),
            **common,
        )
    if step.get("expires"):
        at, count = moments[-1]
        last_seen = _by_clock(step.get("clock", 0), start, at)
        yield EventLine(at=at + EVENT_LIFE, operation="delete", count=count, last=last_seen, **common)


def _by_clock(clock: Any, start: datetime, at: datetime) -> datetime:
    """Return the time by the reporter's clock: off by hours, or one that began at the epoch (`clock: 1970`)."""
    return EPOCH + (at - start) if clock == EPOCH.year else at + timedelta(hours=clock)


def _moment(day: Day, at: str) -> datetime:
    return datetime.combine(day.date, time.fromisoformat(at), tzinfo=UTC)


def _host(day: Day, on: Ref, component: str) -> str:
    """Return the node that reports: only kubelets name theirs."""
    if component != "kubelet":
        return ""
    return on.name if on.kind == "Node" else day.pods.get(f"{on.namespace}/{on.name}", "")


def _container(day: Day, on: Ref) -> str:
    name = unfold.workload_of(on.namespace, on.name, day.workloads)
    return str(day.workloads[name]["container"]) if name else on.name
