"""What the table of conditions finds in one version of an object, and what of it is new."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from shared.changes.conditions import EXPIRY_ANNOTATIONS, OF_KIND, Condition
from shared.events.times import parse_time
from shared.sources import rollouts
from shared.sources.context import mapping, message_text, number, text

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_MOST = 64  # conditions of one object; a pod of more containers is none that people run
_OLD = timedelta(hours=1)  # a container that was killed longer ago is no news
_LISTS = {"containerStatuses": "containers", "initContainerStatuses": "initContainers"}


class Finding(NamedTuple):
    """One condition of one (part of an) object.

    `bad` is None where the object does not tell: then what was known stays. `marker` tells one occurrence from the next
    where the condition itself does not end in between. `time` is RFC 3339, or empty; `times` how often it says.
    """

    row: Condition
    part: str
    bad: bool | None
    reason: str
    message: str
    time: str = ""
    marker: str = ""
    times: int = 1
    field_path: str = ""

    @property
    def key(self) -> str:
        """Return what tells this condition from others of the object."""
        return f"{self.row.name}/{self.part}" if self.part else self.row.name

    @property
    def type(self) -> str:
        """Return the type of an Event that would say so."""
        return "Warning" if self.bad and self.row.how != "rollout" else "Normal"


class Transition(NamedTuple):
    """A condition that began (or occurred once more), or ended."""

    key: str
    began: bool


def findings(thing: Mapping[str, Any], kind: str, now: datetime, days: int) -> list[Finding]:
    """Return what the rows of a kind find in a redacted object; certificates are near their end `days` before."""
    found: list[Finding] = []
    for row in OF_KIND.get(kind, ()):
        if row.how == "condition":
            found += _conditions(row, thing)
        elif row.how == "value":
            found += _values(row, thing)
        elif row.how == "expiry":
            found += _expiries(row, thing, now, timedelta(days=days))
        elif row.how == "rollout":
            found.append(_rollout(row, thing, kind))
        else:
            found += _containers(row, thing, now)
    return found[:_MOST]


def due_at(thing: Mapping[str, Any], kind: str, days: int) -> datetime | None:
    """Return when a condition begins by time alone, None where none does: an object says nothing when that comes."""
    rows = (row for row in OF_KIND.get(kind, ()) if row.how == "expiry")
    dues = (due for row in rows if (due := _expiry(row, thing, timedelta(days=days))[1]) is not None)
    return min(dues, default=None)


def transitions(known: Mapping[str, str], found: list[Finding]) -> tuple[dict[str, str], list[Transition]]:
    """Return the conditions that are bad now, with their markers, and what began or ended since."""
    bad = dict(known)
    news: list[Transition] = []
    for one in found:
        if one.bad and bad.get(one.key) != one.marker:
            bad[one.key] = one.marker
            news.append(Transition(one.key, began=True))
        elif one.bad is False and bad.pop(one.key, None) is not None:
            news.append(Transition(one.key, began=False))
    return bad, news


def _made(row: Condition, *, bad: bool | None, own: str, message: str, part: str = "", **others: Any) -> Finding:
    says = row.says if bad else row.says_ended
    reason = row.began if bad else row.ended
    told = message_text(says.replace("{message}", message or own).replace("{part}", part))
    return Finding(row, part, bad, own if reason == "*" else reason, told, **others)


def _conditions(row: Condition, thing: Mapping[str, Any]) -> Iterator[Finding]:
    found = mapping(thing.get("status")).get("conditions")
    for item in found if isinstance(found, list) else ():
        one = mapping(item)
        if one.get("type") != row.at:
            continue
        status, own = text(one.get("status")), text(one.get("reason"))
        told = (not row.reasons or own in row.reasons) if status in row.bad else status in {"True", "False"}
        message = message_text(one.get("message"))
        if row.began.startswith("Cluster") and own:
            message = f"{own}: {message}"
        bad = status in row.bad if told else None
        yield _made(row, bad=bad, own=own, message=message, time=text(one.get("lastTransitionTime")))
        return


def _values(row: Condition, thing: Mapping[str, Any]) -> Iterator[Finding]:
    value = _at(thing, row.at)
    if isinstance(value, str) and value:
        bad = True if value in row.bad else False if value in row.good else None
        yield _made(row, bad=bad, own=value[:100], message=value[:100])


def _rollout(row: Condition, thing: Mapping[str, Any], kind: str) -> Finding:
    found = rollouts.standing(kind, thing)
    counts = f": {found.updated} of {found.total} are updated" if found.total else ""
    return _made(row, bad=found.under_way, own="", message=counts)


def _expiries(row: Condition, thing: Mapping[str, Any], now: datetime, ahead: timedelta) -> Iterator[Finding]:
    ends, due = _expiry(row, thing, ahead)
    if ends is not None and due is not None:
        yield _made(row, bad=due <= now, own="", message=f"{ends:%Y-%m-%dT%H:%M:%SZ}")


def _expiry(row: Condition, thing: Mapping[str, Any], ahead: timedelta) -> tuple[datetime | None, datetime | None]:
    """Return when a certificate ends, and from when on that is a problem; None where no (readable) date is given."""
    value = _at(thing, row.at)
    notes = mapping(value)
    dates = [notes.get(name) for name in EXPIRY_ANNOTATIONS] if notes else [value]
    ends = next((time for time in map(parse_time, dates) if time is not None), None)
    if ends is None or ends - _EARLIEST < ahead:
        return None, None
    renewal = parse_time(_at(thing, "status.renewalTime"))
    # A certificate of some hours is always near its end: it is late only once its renewal is.
    return ends, ends - ahead if renewal is None else max(ends - ahead, renewal)


def _containers(row: Condition, thing: Mapping[str, Any], now: datetime) -> Iterator[Finding]:
    status = mapping(thing.get("status"))
    for member, where in _LISTS.items():
        listed = status.get(member)
        for item in listed if isinstance(listed, list) else ():
            one = mapping(item)
            name = text(one.get("name"))
            if name:
                place = f"spec.{where}{{{name}}}"
                finding = _waiting(row, one, name) if row.how == "waiting" else _terminated(row, one, name, now)
                if finding is not None:
                    yield finding._replace(field_path=place)


def _waiting(row: Condition, one: Mapping[str, Any], name: str) -> Finding:
    state = mapping(one.get("state"))
    waiting = mapping(state.get("waiting"))
    reason = text(waiting.get("reason"))
    bad: bool | None = reason in row.bad
    if not bad and not _is_over(row, state, reason):
        bad = None
    times = max(1, number(one.get("restartCount"))) if row.name == "crash-loop" else 1
    message = message_text(waiting.get("message"))
    # The kubelet goes from one of them to the other with each try, which is how often it happens.
    return _made(row, bad=bad, own=reason, message=message, part=name, times=times, marker=reason)


def _is_over(row: Condition, state: Mapping[str, Any], reason: str) -> bool:
    """Return True where a container got past what it waited for: an image is there once anything is done with it."""
    if row.name == "image-pull":
        return "running" in state or "terminated" in state or reason in {"CrashLoopBackOff", "StartError"}
    return "running" in state


def _terminated(row: Condition, one: Mapping[str, Any], name: str, now: datetime) -> Finding | None:
    """Return the last end of a container where it was a bad one. It stands there until the next: hence the marker."""
    for member in ("state", "lastState"):
        ended = mapping(mapping(one.get(member)).get("terminated"))
        if text(ended.get("reason")) in row.bad:
            at = text(ended.get("finishedAt"))
            time = parse_time(at)
            if time is not None and now - time > _OLD:
                return None
            marker = at or text(ended.get("containerID")) or "once"
            times = max(1, number(one.get("restartCount")) + (member == "state"))
            return _made(row, bad=True, own="", message="", part=name, time=at, marker=marker, times=times)
    return None


def _at(thing: Any, path: str) -> Any:
    for step in path.split("."):
        thing = mapping(thing).get(step)
    return thing
