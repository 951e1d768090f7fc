"""The one delivery algorithm for tickets: claim, ask, decide, act, look again, complete (architecture.md §6).

Every step may be the last one of this process: what it leaves behind is always a held claim that runs out, a doubt, or
a completed one, and whoever comes next asks the destination before sending. No failure is retried in here: the broker
sends again, and holds longer than any process lives.
"""

import asyncio
from functools import partial

from shared.delivery.attempt import LEAST, Attempt, Parts
from shared.delivery.claim import Held, Known
from shared.delivery.claims import Claims, Settled, Taken
from shared.delivery.delivered import MARGIN, Delivered
from shared.delivery.settled import settle
from shared.delivery.subject import Subject
from shared.delivery.ticket import Render, TicketDestination, is_key
from shared.events.outcome import Duplicate, Ignored, InProgress, Rejected, Retry
from shared.telemetry.metrics import Metrics


class Tickets:
    """Delivers snapshots to one ticket system. Belongs to one event loop; holds no state of its own."""

    def __init__(self, destination: TicketDestination, claims: Claims, render: Render, metrics: Metrics) -> None:
        self._destination = destination
        self._claims = claims
        self._render = render
        self._metrics = metrics

    async def deliver(self, subject: Subject, deadline: float) -> Delivered:
        """Bring the destination to where this snapshot says it should be. Never raises for what others do.

        `deadline` is in seconds of the event loop's clock, which does not jump; nothing is sent after it.
        """
        if not subject.ticket:
            return Delivered(Ignored("no ticket is wanted for it"))
        if not (is_key(subject.id) and is_key(subject.key)):
            return Delivered(Rejected("delivery", "its id and key must be keys: a-z, 0-9, -"))
        left = deadline - asyncio.get_running_loop().time()
        if left < MARGIN + LEAST:
            return Delivered(Retry("no time left"))
        settles = partial(settle, subject=subject, render=self._render, journals=self._destination.journals)
        taken = await self._claims.take(subject.id, subject.revision, left, settles)
        if not isinstance(taken, Taken):
            return _answered(taken, subject)
        parts = Parts(self._destination, self._claims, self._render)
        delivered = await Attempt(parts, subject, taken, deadline - MARGIN).run()
        if isinstance(delivered.outcome, Retry):
            self._metrics.count(
                "tidings_retries_total", destination=self._destination.name, reason=delivered.outcome.reason
            )
        return delivered


def _answered(known: Known | Held | Settled, subject: Subject) -> Delivered:
    """Return the answer where there is nothing to do here."""
    match known:
        case Known(memory):
            return Delivered(Duplicate(), memory if memory.revision == subject.revision else None, reported=True)
        case Settled(why=why):
            return Delivered(Ignored(why))
        case Held():
            return Delivered(InProgress())
