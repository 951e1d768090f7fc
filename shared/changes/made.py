"""The observations that an answer stands for: what changed first, then each condition that began or ended."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from shared.changes.authors import Author
from shared.changes.findings import Finding
from shared.changes.managers import Manager, last_manager
from shared.changes.record import Answer
from shared.changes.step import Seen
from shared.changes.windows import Window, window_at
from shared.events.difference import who
from shared.events.identity import digest
from shared.events.model import Observation, Operation, trusted
from shared.events.redaction_texts import redact_text
from shared.events.times import parse_time
from shared.sources.apiserver_resource import PAST
from shared.sources.context import plausible, within

PLANNED: Final = "tidings.dev/planned-change"
"""The annotation by which people say that changes of an object are planned; its value may name the change record."""
_NO = frozenset({"", "false", "no"})
_MAX_NOTE = 100


def observations(
    seen: Seen, answer: Answer, windows: tuple[Window, ...] = (), author: Author | None = None
) -> list[Observation]:
    """Return what is observed, never nothing; the same for the same version and answer.

    The first has the identity of the object's version, as if nobody had looked closer; others have one made of it.
    """
    found = {one.key: one for one in seen.findings}
    conditions = [_condition(seen, found[one.key]) for one in answer.transitions if one.key in found]
    main = seen.observation
    # What was known before counts, not the verb: a watch that begins anew adds what is long there.
    operation = "update" if answer.known and main.operation == "add" else main.operation
    if answer.differences.number or operation != "update" or not conditions:
        change = _Change(_writer(seen, answer), planned(main, windows), author)
        return [_changed(main, operation, answer, change), *conditions]
    return [_with(conditions[0], identity=main.identity), *conditions[1:]]


def is_by_someone(answer: Answer) -> bool:
    """Return True where more than the status may have changed, which is what people and programs ask for."""
    paths = [one.path for one in answer.differences.told]
    return not all(within(path, ["status"]) for path in paths) if paths else not answer.transitions


def _writer(seen: Seen, answer: Answer) -> Manager | None:
    """Return who wrote this version; that it is to be deleted, or was, no manager's entry says."""
    paths = [one.path for one in answer.differences.told]
    if seen.observation.operation == "delete" or paths == ["metadata.deletionTimestamp"]:
        return None
    return last_manager(seen.payload, of_status=not is_by_someone(answer))


def planned(observation: Observation, windows: tuple[Window, ...]) -> str:
    """Return why a change counts as planned, empty where it does not."""
    note = observation.annotations.get(PLANNED, "").strip()
    if note.lower() not in _NO:
        return note[:_MAX_NOTE]
    window = window_at(windows, observation.received)
    return "" if window is None else f"window {window.text}"


class _Change(NamedTuple):
    """What an answer says of a change besides its fields."""

    manager: Manager | None
    plan: str
    author: Author | None


def _changed(observation: Observation, operation: Operation, answer: Answer, change: _Change) -> Observation:
    manager, plan, author = change
    by = who("" if author is None else author.user, str(manager or ""))
    text = f"{observation.object.path} {PAST[operation]}"
    text += f" by {by}" if by else ""
    if answer.differences.number:
        text += f": {answer.differences}"
    elif operation == "update":
        text += ": what it was before is not known"
    text += f" (planned: {plan})" if plan else ""
    return _with(
        observation,
        operation=operation,
        message=redact_text(text),
        component="" if manager is None else manager.name,
        action="" if manager is None else manager.operation,
        original={**observation.original, "change": _document(answer, change)},
    )


def _document(answer: Answer, change: _Change) -> dict[str, Any]:
    """Return the change as JSON has it, for rules (`original.change.planned`) and searches."""
    return {
        "fields": [one._asdict() for one in answer.differences.told],
        "number": answer.differences.number,
        "planned": bool(change.plan),
        "plan": change.plan,
        "by": None if change.manager is None else change.manager._asdict(),
        "user": None if change.author is None else change.author.user,
    }


def _condition(seen: Seen, finding: Finding) -> Observation:
    observation = seen.observation
    manager = last_manager(seen.payload, of_status=True)
    thing = observation.object
    return _with(
        observation,
        identity=digest("condition", observation.identity, finding.key),
        object=thing.model_copy(update={"field_path": finding.field_path}) if finding.field_path else thing,
        reason=finding.reason,
        message=redact_text(finding.message),
        type=finding.type,
        component="" if manager is None else manager.name,
        time=plausible(parse_time(finding.time), observation.received),
        count=finding.times,
    )


def _with(observation: Observation, **changes: Any) -> Observation:
    values: Mapping[str, Any] = observation.__dict__
    return trusted(Observation, {**values, **changes})
