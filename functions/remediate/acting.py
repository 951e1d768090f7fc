"""One act from the problem to its end: look, claim, do, write down.

Each try goes the same way. What an earlier try did is known by the ledger, and by the mark that it left on the thing:
so a try that died in between is gone on with, and nothing is done twice (docs/decisions/0106-remediation.md).
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from functions.remediate.asking import Asking, Trouble
from functions.remediate.finding import GONE, OTHER, thing_of
from functions.remediate.hook import Hook, held, lasted, start_of
from functions.remediate.kept import LEASE, Kept
from functions.remediate.ledger import Act, Busy, Granted, Known, Refusal, begun, gone_on, looked_up
from functions.remediate.mark import Mark, mark_on
from functions.remediate.objects import member
from functions.remediate.settings import Mode
from functions.remediate.verbs import Found, Request, doing, switch_of
from shared.events.episode import Episode
from shared.events.identity import digest
from shared.events.outcome import Done, Duplicate, Ignored, InProgress, Outcome, Rejected, Retry

_log = logging.getLogger("tidings.remediate")

_MODES: Final[tuple[Mode, ...]] = ("off", "dry-run", "on")
_ABSENT = 404


@dataclass(frozen=True, slots=True)
class Ended:
    """How an act ended; what is `told` of is reported. `request` is what was sent, or would have been.

    `refused` says that a bound of ours kept it from being done; `foreign` that it may be for the next hook.
    """

    outcome: Outcome
    said: str = ""
    thing: str = ""
    request: Request | None = None
    dry: bool = False
    told: bool = False
    refused: bool = False
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an installation sets: how far it goes, which ConfigMap stops it (`namespace/name`), where it never acts."""

    mode: Mode
    switch: str = ""
    own_namespace: str = ""


class Acting:
    """Acts on clusters. `clock` gives seconds since the epoch; tests bring their own."""

    def __init__(self, kept: Kept, bounds: Bounds, clock: Callable[[], float] = time.time) -> None:
        self._kept = kept
        self._bounds = bounds
        self.clock = clock

    async def act(self, hook: Hook, episode: Episode, asking: Asking) -> Ended:
        """Do what a hook says about an episode. Raises StoreUnavailableError, UnreadableError."""
        if episode.state != hook.state:
            return Ended(Ignored(f"it is {episode.state}"))
        if why := held(episode):
            return _not_done(hook, Refusal(why))
        early = hook.after - lasted(episode, datetime.fromtimestamp(self.clock(), UTC))
        if early > 0:
            return Ended(Retry("it has not lasted long enough", after=early))
        mode = await self._mode(hook, asking)
        if not isinstance(mode, str):
            return self._troubled(hook, mode)
        return await self._looked(hook, episode, asking, dry=mode == "dry-run")

    async def _mode(self, hook: Hook, asking: Asking) -> Mode | Trouble | Refusal:
        """Return how far this act may go; the switch is asked each time, so that it stops the very next one."""
        modes: list[Mode] = [self._bounds.mode, "dry-run" if hook.dry_run else "on"]
        if self._bounds.switch:
            there = await asking.send(switch_of(self._bounds.switch))
            if isinstance(there, Trouble) and there.status != _ABSENT:
                return there
            modes.append("off" if isinstance(there, Trouble) else switched(member(there, "data")))
        mode = min(modes, key=_MODES.index)
        return Refusal(f"the switch {self._bounds.switch} is off") if mode == "off" else mode

    async def _looked(self, hook: Hook, episode: Episode, asking: Asking, *, dry: bool) -> Ended:
        start = start_of(hook, episode)
        ledger = await self._kept.ledger(episode.cluster)
        wanted = gone_on(ledger, self._wanted(hook, episode, "" if start is None else start.path, dry=dry), hook)
        before = looked_up(ledger, wanted, hook, LEASE)
        if before is not None:
            return self._answered(hook, before)
        found = await thing_of(hook, episode, asking, self._bounds.own_namespace)
        if hook.do == "evict" and found in (GONE, OTHER) and begun(ledger, wanted):
            return await self._done(hook, episode, wanted, None, Duplicate())
        if not isinstance(found, Found):
            return self._troubled(hook, found)
        return await self._claimed(hook, episode, asking, found, wanted.model_copy(update={"thing": found.thing.path}))

    async def _claimed(self, hook: Hook, episode: Episode, asking: Asking, found: Found, wanted: Act) -> Ended:
        mark = mark_on(found.object)
        if mark is not None and mark.act != wanted.id and wanted.since - mark.at.timestamp() < hook.cooldown:
            return _not_done(hook, Refusal(f"it bears our own mark of {mark.at:%Y-%m-%d %H:%M} ({mark.hook})"), found)
        planned = doing(hook, found, _mark(wanted, hook))
        if isinstance(planned, Refusal) and (mark is None or mark.act != wanted.id):
            return _not_done(hook, planned, found)
        answer = await self._kept.claim(episode.cluster, wanted, hook)
        if not isinstance(answer, Granted):
            return self._answered(hook, answer, found, planned if isinstance(planned, Request) else None)
        act = answer.act
        if mark is not None and mark.act == act.id:  # an earlier try did it, and died before it could say so
            return await self._done(hook, episode, act, None, Duplicate())
        request = doing(hook, found, _mark(act, hook))
        if isinstance(request, Refusal):
            await self._kept.release(episode.cluster, act)
            return _not_done(hook, request, found)
        return await self._sent(hook, episode, asking, answer, request)

    async def _sent(self, hook: Hook, episode: Episode, asking: Asking, granted: Granted, request: Request) -> Ended:
        act = granted.act
        answer = await asking.send(request, dry=act.dry)
        if not isinstance(answer, Trouble) or answer.exists:
            return await self._done(hook, episode, act, request, Done())
        if answer.status == _ABSENT:
            await self._kept.release(episode.cluster, act)
            return _not_done(hook, GONE)
        if isinstance(answer.outcome, Rejected):
            await self._kept.end(episode.cluster, act, "failed", answer.outcome.reason)
            return Ended(answer.outcome, f"{hook.name}: {answer.outcome.reason}", act.thing, request, act.dry)
        # What may have been done, by this try or one before, stays begun: the next one looks what became of it.
        if not (answer.unknown or granted.again):
            await self._kept.release(episode.cluster, act)
        return Ended(answer.outcome, f"{hook.name}: {answer.outcome.reason}", act.thing, request, act.dry)

    async def _done(self, hook: Hook, episode: Episode, act: Act, request: Request | None, outcome: Outcome) -> Ended:
        said = f"{hook.name}: {hook.do} {act.thing}"
        await self._kept.end(episode.cluster, act, "done", said)
        _log.info("acted", extra={"hook": hook.name, "do": hook.do, "thing": act.thing, "dry_run": act.dry})
        return Ended(outcome, said, act.thing, request, act.dry, told=True)

    def _wanted(self, hook: Hook, episode: Episode, thing: str, *, dry: bool) -> Act:
        now = self.clock()
        key = digest("act", hook.name, episode.id, str(episode.revision))
        return Act(
            id=key,
            hook=hook.name,
            thing=thing,
            episode=episode.id,
            revision=episode.revision,
            time=now,
            since=now,
            dry=dry,
        )

    def _answered(
        self, hook: Hook, answer: Known | Busy | Refusal, found: Found | None = None, request: Request | None = None
    ) -> Ended:
        if isinstance(answer, Known):
            return Ended(Duplicate(), answer.act.said, answer.act.thing, dry=answer.act.dry, told=True)
        if isinstance(answer, Busy):
            return Ended(InProgress())
        return _not_done(hook, answer, found, request)

    def _troubled(self, hook: Hook, trouble: Trouble | Refusal) -> Ended:
        if isinstance(trouble, Refusal):
            return _not_done(hook, trouble)
        return Ended(trouble.outcome, f"{hook.name}: {trouble.outcome.reason}")


def switched(said: Any) -> Mode:
    """Return what the switch's data says: `stop` is off whatever it says, for no manifest has it to take it away."""
    if not isinstance(said, dict) or "stop" in said:
        return "off"
    return next((mode for mode in _MODES if mode == said.get("acts")), "off")


def _not_done(hook: Hook, refusal: Refusal, found: Found | None = None, request: Request | None = None) -> Ended:
    thing = "" if found is None else found.thing.path
    said = f"{hook.name}: not done: {refusal.why}"
    ignored = Ignored(refusal.why)
    return Ended(ignored, said, thing, request, told=refusal.told, refused=True, foreign=refusal.foreign)


def _mark(act: Act, hook: Hook) -> Mark:
    return Mark.of(act, hook.do, datetime.fromtimestamp(int(act.time), UTC))
