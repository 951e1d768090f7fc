"""Suspects: the changes that a problem may come of, for it began while they ran or soon after."""

from collections.abc import Sequence
from math import inf
from typing import Final

from shared.episodes.fold import LATENESS
from shared.episodes.rollout_record import Rollout
from shared.episodes.snapshot import moment
from shared.events.episode import Suspect

MOST: Final = 3


def suspects_of(rollouts: Sequence[Rollout], started: float, within: float) -> tuple[Suspect, ...]:
    """Return the changes of which a problem that began at `started` may come: the latest first, at most MOST.

    These are the ones that ran then or had ended at most `within` seconds before. A change that began less than
    LATENESS after it counts as well: who saw which of both first is chance.
    """
    told = [one for rollout in rollouts for one in rollout.told]
    near = [one for one in told if one.started - LATENESS <= started <= (one.ended + within if one.ended else inf)]
    near.sort(key=lambda one: (-one.started, one.id))
    return tuple(Suspect(id=one.id, time=moment(one.started), what=one.what, who=one.who) for one in near[:MOST])
