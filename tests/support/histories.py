"""Histories of problems for the correlator's tests, and a slow plain oracle written apart from the state machine."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from shared.episodes.bonds import Rules
from shared.episodes.machine import Known, Step, into_outbox, observe, tick
from shared.episodes.policy import IMMEDIATE, Policies
from shared.episodes.record import Record
from shared.episodes.stored import decode, encode
from shared.events.episode import Episode
from shared.events.identity import event_identity, problem_key
from shared.events.model import Classified, ObjectRef, Observation, Verdict
from shared.events.vocabulary import SEVERITIES, Severity

START = 1_790_000_000
POD = ObjectRef(kind="Pod", namespace="shop", name="web-0")
HOLDS = {"crash-loop": 90, "image": 0, "probe": 20}
EXPIRES = {"crash-loop": 0, "image": 150, "probe": 0}
AFTER = {"crash-loop": 1, "image": 3, "probe": 0}


@dataclass(frozen=True)
class Seen:
    """One observation of the test pod, `time` in seconds after START."""

    time: float
    condition: str = ""  # a problem, or...
    ends: tuple[str, ...] = ()  # ...a recovery
    part: str = ""
    source: int = 0
    count: int = 1
    severity: Severity = "high"

    @property
    def classified(self) -> Classified:
        at = datetime.fromtimestamp(START + self.time, UTC)
        uid = f"{self.condition}-{'-'.join(self.ends)}-{self.part}-{self.source}"
        seen = Observation(
            identity=event_identity("c", uid, self.count), dialect="kubernetes-event", cluster="c", object=POD,
            reason=self.condition or "Fine", message=f"about {self.condition}", time=at, received=at,
            count=self.count, source_uid=uid,
        )  # fmt: skip
        problem = bool(self.condition)
        verdict = Verdict(
            category="infrastructure", subcategory="pod", severity=self.severity,
            phase="problem" if problem else "recovery", condition=self.condition, part=self.part,
            problem_key=problem_key("c", POD, self.condition, self.part) if problem else "", ends=self.ends,
            ticket_after=AFTER.get(self.condition, 0), hold=HOLDS.get(self.condition, 0),
            expires=EXPIRES.get(self.condition, 0), rule="test",
        )  # fmt: skip
        return Classified(observation=seen, verdict=verdict)


@dataclass
class World:
    """Plays a history into the machine the way the function does: the record is stored bytes between two steps."""

    policy: Rules = field(default_factory=lambda: Policies(replace(IMMEDIATE, reopen_within=100.0)))
    stored: bytes = field(default_factory=lambda: encode(Record()))
    told: dict[str, dict[int, Episode]] = field(default_factory=dict)

    def see(self, seen: Seen) -> Step:
        step = observe(decode(self.stored), seen.classified, Known(), self.policy)
        return self._keep(step)

    def tick(self, time: float) -> Step:
        return self._keep(tick(decode(self.stored), START + time, self.policy))

    def _keep(self, step: Step) -> Step:
        if step.answer is None:
            step = into_outbox(step)
        else:
            self._tell(step.answer)
        for unsent in step.record.outbox:
            self._tell(Episode.model_validate(unsent.episode))
        self.stored = encode(step.record.sent(frozenset(unsent.label for unsent in step.record.outbox)))
        return step

    def _tell(self, episode: Episode) -> None:
        self.told.setdefault(episode.id, {})[episode.revision] = episode

    def current(self) -> list[Episode]:
        """Return each episode as a destination would know it: its highest revision."""
        return [revisions[max(revisions)] for revisions in self.told.values()]

    def summary(self) -> dict[str, list[tuple[str, int, str, bool]]]:
        found: dict[str, list[tuple[str, int, str, bool]]] = {}
        for one in self.current():
            row = (one.state, one.count, one.severity, one.ticket)
            found.setdefault(one.problem_key, []).append(row)
        return {key: sorted(rows) for key, rows in found.items()}


@dataclass
class Told:
    """The oracle's episode."""

    last: float
    sources: dict[int, int] = field(default_factory=dict)
    severities: list[Severity] = field(default_factory=list)
    ended: float | None = None
    ending: float | None = None


def oracle(
    history: Iterable[Seen], *, end: float, reopen: float = 100.0
) -> dict[str, list[tuple[str, int, str, bool]]]:
    """Return per problem key the (state, count, severity, ticket) of its episodes at time `end`, one second a step."""
    seen = sorted(history, key=lambda one: (one.time, not one.condition))
    keys = {(one.condition, one.part) for one in seen if one.condition}
    found = {}
    for condition, part in keys:
        episodes = _live(condition, part, seen, end, reopen)
        found[problem_key("c", POD, condition, part)] = sorted(_row(condition, one) for one in episodes)
    return found


def _live(condition: str, part: str, seen: Sequence[Seen], end: float, reopen: float) -> list[Told]:
    episodes: list[Told] = []
    at: dict[int, list[Seen]] = {}
    for one in seen:
        at.setdefault(int(one.time), []).append(one)
    for second in range(int(end) + 1):
        now = episodes[-1] if episodes else None
        if now is not None and now.ended is None:
            silent = EXPIRES[condition] and second >= now.last + EXPIRES[condition]
            if silent or (now.ending is not None and second >= now.ending + HOLDS[condition]):
                now.ended = second
        for one in at.get(second, ()):
            now = episodes[-1] if episodes else None
            if (one.condition, one.part) == (condition, part):
                if now is None or (now.ended is not None and second > now.ended + reopen):
                    now = Told(second)
                    episodes.append(now)
                now.last, now.ended, now.ending = second, None, None
                now.sources[one.source] = max(now.sources.get(one.source, 0), one.count)
                now.severities.append(one.severity)
            elif now is not None and now.ended is None and _ends(one, condition, part):
                now.ending = second if now.ending is None else now.ending
                if not HOLDS[condition]:
                    now.ended = second
    return episodes


def _ends(one: Seen, condition: str, part: str) -> bool:
    whole = {"*", f"{condition}/*"} & set(one.ends)
    return bool(whole) or (condition in one.ends and one.part in {"", part})


def _row(condition: str, one: Told) -> tuple[str, int, str, bool]:
    count = sum(one.sources.values())
    ticket = 0 < AFTER[condition] <= count
    return ("open" if one.ended is None else "resolved", count, min(one.severities, key=SEVERITIES.index), ticket)
