"""The life of one object's changes as a fold over their facts in the order of event time.

A fact is an observation that begins, goes on with or ends a roll-out. All times are policy times
(shared.events.model.policy_time) in seconds; `shown` is event time, for display only.
"""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from shared.episodes.fold import MILDEST
from shared.events.change import EXPIRED
from shared.events.difference import MOST, Row
from shared.events.vocabulary import Severity, worse

START: Final = 0
HEARD: Final = 1
FAILED: Final = 2
DONE: Final = 3  # greater: of facts of the same moment the end is the later one

State = Literal["none", "running", "completed", "failed"]


class Fact(NamedTuple):
    """What one observation says of a roll-out. `mark` is a short form of the observation's identity."""

    time: float
    kind: int
    mark: str
    shown: float
    reason: str = ""
    message: str = ""
    severity: Severity = MILDEST
    fields: tuple[Row, ...] = ()
    number: int = 0
    user: str = ""
    manager: str = ""
    plan: str = ""
    updated: int = 0
    total: int = 0

    @property
    def place(self) -> tuple[float, int, str]:
        """Return where it stands in time."""
        return (self.time, self.kind, self.mark)


class Core(NamedTuple):
    """One change as its facts make it. Of `none` that is known of which time an end was heard: `ended`."""

    state: State = "none"
    started: float = 0.0
    started_shown: float = 0.0
    last: float = 0.0
    last_shown: float = 0.0
    ended: float = 0.0
    ended_shown: float = 0.0
    ended_by: str = ""
    reason: str = ""
    message: str = ""
    severity: Severity = MILDEST
    fields: tuple[Row, ...] = ()
    number: int = 0
    user: str = ""
    manager: str = ""
    plan: str = ""
    taken_in: int = 0
    updated: int = 0
    total: int = 0

    @property
    def over(self) -> bool:
        """Return True once it has ended."""
        return self.state in {"completed", "failed"}


def fold(base: Core, facts: Iterable[Fact], limit: float, now: float) -> list[Core]:
    """Fold facts, sorted, into the base; the changes one after the other, of which the last may be running.

    One of which nothing is heard for `limit` seconds has ended then.
    """
    cores = [base]
    for fact in facts:
        core = expired(cores[-1], limit, fact.time)
        cores[-1] = core
        if fact.kind == START and core.over:
            cores.append(applied(Core(), fact))
        else:
            cores[-1] = applied(core, fact)
    cores[-1] = expired(cores[-1], limit, now)
    return cores


def late(base: Core, fact: Fact, limit: float) -> Core:
    """Apply a fact that is older than what was folded for good: to what it can still be about, else to nothing."""
    if base.state == "running":
        return applied(base, fact) if fact.time >= base.started else base
    return fold(base, [fact], limit, fact.time)[-1] if fact.time > base.ended else base


def expired(core: Core, limit: float, now: float) -> Core:
    """Return a change as it is at `now`: ended where nothing was heard of it for too long."""
    if core.state != "running" or core.last + limit > now:
        return core
    over = core.last + limit
    shown = core.last_shown + limit
    return core._replace(state="failed", ended=over, ended_shown=shown, ended_by=EXPIRED)


def applied(core: Core, fact: Fact) -> Core:
    """Return a change with one more fact: what has ended stays as it ended."""
    if core.over:
        return core
    if core.state == "none":
        if fact.kind != START:
            return core._replace(ended=max(core.ended, fact.time)) if fact.kind in {FAILED, DONE} else core
        core = Core("running", started=fact.time, started_shown=fact.shown)
    core = core._replace(last=max(core.last, fact.time), last_shown=max(core.last_shown, fact.shown))
    if fact.kind == HEARD:
        return core
    core = _said(core, fact)
    if fact.kind == START:
        return _begun(core, fact)
    state: State = "completed" if fact.kind == DONE else "failed"
    return core._replace(state=state, ended=fact.time, ended_shown=fact.shown, ended_by=fact.reason)


def _said(core: Core, fact: Fact) -> Core:
    """Return it with what each beginning and end may say."""
    return core._replace(
        reason=fact.reason or core.reason,
        message=fact.message or core.message,
        severity=worse(core.severity, fact.severity),
        updated=fact.updated if fact.total else core.updated,
        total=fact.total or core.total,
    )


def _begun(core: Core, fact: Fact) -> Core:
    """Return it with what a beginning says; a further change while it runs is taken in."""
    rows = {path: (path, before, after) for path, before, after in core.fields}
    for path, before, after in fact.fields:
        first = rows[path][1] if path in rows else before
        rows[path] = (path, first, after)
    new = len(rows) - len(core.fields)
    unseen = max(0, fact.number - len(fact.fields))
    return core._replace(
        fields=tuple(rows.values())[:MOST],
        number=core.number + new + unseen,
        taken_in=core.taken_in + (1 if fact.fields and core.fields else 0),
        user=fact.user or core.user,
        manager=fact.manager or core.manager,
        plan=fact.plan or core.plan,
    )
