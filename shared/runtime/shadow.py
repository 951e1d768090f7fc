"""Shadow: a destination's function does all but send. Nothing of the foreign system is opened, so nothing reaches it.

Each event is rendered as it would go out, and the reply is a report that says so. The store is left alone: nothing took
effect. So a destination that is let loose knows nothing, and creates from the next snapshot of what is open.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Protocol

from pydantic import AfterValidator, Field, ValidationError

from shared.delivery.claim import Memory
from shared.delivery.plan import told_as
from shared.delivery.preview import Preview
from shared.delivery.settled import UNCHANGED
from shared.delivery.shadow import Lately, Shown, Subject, Unsent, after, named, requests_of, shadow_report
from shared.delivery.ticket import is_key
from shared.destinations.finding import Finding
from shared.events.change import Change
from shared.events.cloudevent import CloudEvent
from shared.events.delivery import DeliveryOperation, DeliveryReport
from shared.events.episode import Episode
from shared.events.model import Classified
from shared.events.outcome import Done, Duplicate, Ignored, Rejected, label
from shared.events.said import said_by
from shared.runtime.function import Call, Function, Readiness, Result
from shared.runtime.registry import FUNCTIONS, Destination
from shared.settings.environment import Environ, Settings, read
from shared.telemetry.metrics import Metrics

log = logging.getLogger("tidings.shadow")

ALL: Final = "all"
NOTE: Final = "in shadow: nothing is sent, what would be sent is reported"
_REMEMBERED: Final = 5_000  # keys; about 2 kB each
_TOLD: Final[Mapping[str, frozenset[type]]] = {
    "episode": frozenset({Episode}),
    "change": frozenset({Change}),
    "classified": frozenset({Classified}),
    "any": frozenset({Episode, Classified, DeliveryReport}),
}
"""What a destination is told of, by the word that the registry has for it."""


def _named(text: str) -> frozenset[str]:
    """Return the functions that a value of SHADOW names. Raises ValueError for what is no destination."""
    known = [name for name, one in FUNCTIONS.items() if one.destination is not None]
    found = {part.strip().lower().replace("-", "_") for part in text.split(",")} - {""}
    for name in sorted(found.difference(known, [ALL])):
        raise ValueError(f"{name[:60]!r} is no destination: {_meant(name, [*known, ALL])}")
    return frozenset(known if ALL in found else found)


def _meant(name: str, known: list[str]) -> str:
    import difflib  # only for those who made a slip

    close = difflib.get_close_matches(name, known, 1)
    return f"did you mean {close[0]}?" if close else f"there are: {', '.join(known)}"


def _checked(text: str) -> str:
    _named(text)
    return text


class ShadowSettings(Settings):
    """Which destinations only show what they would send."""

    shadow: Annotated[str, AfterValidator(_checked)] = Field(
        default="",
        alias="SHADOW",
        description="Destinations that send nothing and report what they would send: names of functions with commas "
        "between them, or `all`.",
    )


def shadowed(function: Any, environ: Environ, metrics: Metrics) -> Function:
    """Return the function, or where SHADOW names it what stands in its place. Raises SettingsError."""
    destination = FUNCTIONS[function.name].destination
    if destination is None or function.name not in _named(read(ShadowSettings, environ).shadow):
        as_it_is: Function = function
        return as_it_is
    return Shadow(function, destination, metrics)


class Previewing(Function, Protocol):
    """A destination's function: what it would send can be asked without its being started."""

    async def check(self) -> list[Finding]:
        """Return what `tidings doctor` says."""

    def preview(self, subject: Any, told: Memory | None = None) -> list[Preview] | Rejected:
        """Return the requests that a subject would cause. No I/O."""


class Shadow:
    """The function in the place of a destination's: it never starts that, and asks it only what it would send."""

    def __init__(self, function: Previewing, destination: Destination, metrics: Metrics) -> None:
        self.name = function.name
        self._function = function
        self._destination = destination
        self._metrics = metrics
        self._lately = Lately(_REMEMBERED)
        self._up = False

    async def start(self) -> None:
        """Say that it is in shadow; nothing is opened."""
        log.warning(NOTE, extra={"function": self.name})
        self._up = True

    async def handle(self, event: CloudEvent, call: Call) -> Result:  # noqa: ARG002 - it waits for nobody
        """Reply with the report of what this event would have caused."""
        subject = _read(event, _TOLD[self._destination.subject])
        if isinstance(subject, Rejected):
            return Result(subject)
        if subject is None or (isinstance(subject, DeliveryReport) and subject.destination == self.name):
            self._metrics.count("tidings_dropped_total", function=self.name, reason="not_ours", intentional="true")
            return Result(Ignored("nothing that it is told of"))
        if isinstance(subject, Episode | Change) and not (is_key(subject.id) and is_key(subject.key)):
            return self._counted(Result(Rejected("delivery", "its id and key must be keys: a-z, 0-9, -")), "open")
        return self._shown(subject, event)

    def readiness(self) -> Readiness:
        """Return ready once started, and that it is in shadow."""
        return Readiness((), (NOTE,)) if self._up else Readiness(("not started",), (NOTE,))

    async def stop(self) -> None:
        """Release what the function was built with."""
        self._up = False
        await self._function.stop()

    async def check(self) -> list[Finding]:
        """Return what `tidings doctor` says: that, and what the system answers. Raises SettingsError."""
        return [(True, NOTE), *await self._function.check()]

    def preview(self, subject: Any, told: Memory | None = None) -> list[Preview] | Rejected:
        """Return the requests that a subject would cause, as such that are not sent. No I/O."""
        found = self._function.preview(subject, told)
        return found if isinstance(found, Rejected) else [replace(one, shadow=True) for one in found]

    def _shown(self, subject: Subject, event: CloudEvent) -> Result:
        name, now = named(subject, event), datetime.now(UTC)
        last = self._lately.of(name.key)
        if last is not None and name.revision < last.revision:
            return self._counted(Result(Duplicate()), "update")
        again = last is not None and name.revision == last.revision
        before = None if last is None else last.before if again else last.after
        operation = _operation(subject, before)
        if isinstance(operation, Ignored):
            return self._counted(Result(operation), "resolve")
        found = self._function.preview(subject, before)
        requests = found if isinstance(found, Rejected) else requests_of(found)
        if isinstance(requests, Rejected):
            return self._counted(Result(requests), operation)
        if not requests:
            return self._counted(Result(Ignored(UNCHANGED if before else "it would send nothing of it")), operation)
        known = after(before, subject, operation, now) if isinstance(subject, Episode | Change) else None
        self._lately.remember(name.key, Shown(name.revision, before, known))
        report = shadow_report(self.name, name, Unsent(operation, requests, now), event)
        return self._counted(Result(Duplicate() if again else Done(), report), operation)

    def _counted(self, result: Result, operation: DeliveryOperation) -> Result:
        word = "shadow" if isinstance(result.outcome, Done) else label(result.outcome)
        labels = {"destination": self._destination.label, "operation": operation, "result": word}
        self._metrics.count("tidings_deliveries_total", **labels)
        if isinstance(result.outcome, Duplicate):
            self._metrics.count("tidings_duplicates_total", function=self.name)
        return result


def _read(event: CloudEvent, wanted: frozenset[type]) -> Subject | Rejected | None:
    """Return what the event tells of, None where a destination that is told of these has no business with it."""
    try:
        return said_by(event, wanted)
    except ValidationError:
        return Rejected("decode", "the data is not what the event's type says")


def _operation(subject: Subject, before: Memory | None) -> DeliveryOperation | Ignored:
    if isinstance(subject, Episode | Change):
        return told_as(subject, before or Memory(), in_doubt=before is None)
    return "record"
