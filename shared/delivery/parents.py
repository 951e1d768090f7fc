"""The ticket of what took an episode in, which the ticket that is closed for it is linked to.

A cause that shows up late closes the tickets of its consequences at once, and has its own some seconds later
(`group_wait`). So long the close waits: a link cannot be made later, for nothing more is told of what is closed.
"""

from datetime import datetime
from typing import Final

from shared.delivery.failure import Refused, Temporary
from shared.delivery.subject import Subject
from shared.delivery.ticket import Found, TicketDestination, is_key

_WAITS: Final = 60.0
"""Seconds after which a ticket is closed without the link: a cause that is held back has none."""
_NOT_YET: Final = Temporary("the ticket of what took it in is not there yet", 10.0)


async def parent_of(
    destination: TicketDestination, subject: Subject, now: datetime, seconds: float
) -> Found | Temporary | None:
    """Return the ticket, None where there is none to link to, Temporary where it is to be waited for."""
    cause = subject.parent
    problem = cause.rpartition("-")[0]
    if not (is_key(cause) and is_key(problem)):
        return None
    found = await destination.find(cause, problem, seconds)
    if not isinstance(found, tuple):
        if isinstance(found, Refused):
            return None
        return found if isinstance(found, Temporary) else Temporary(found.reason)  # asking changed nothing
    own = sorted((one for one in found if one.mark.episode == cause), key=lambda one: (not one.active, one.created))
    if own or subject.ended is None:
        return own[0] if own else None
    return _NOT_YET if 0 <= (now - subject.ended).total_seconds() < _WAITS else None
