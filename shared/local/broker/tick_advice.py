"""What `tidings validate` warns of where a PingSource ticks, and not for all that wait for it."""

from collections.abc import Iterable, Sequence

from shared.events.cloudevent import TICK, CloudEvent
from shared.local.broker.filters import matches
from shared.local.broker.located import Located
from shared.local.broker.parse_filters import Report
from shared.local.broker.topology import Tick, Trigger, is_foreign

_TICK = CloudEvent("", "", TICK)


def ticks_of_broker(root: Located) -> bool:
    """Return whether a PingSource sends to a Broker."""
    return root.text("spec", "sink", "ref", "kind") == "Broker"


def advise_ticks(ticks: Sequence[Tick], place: Located, triggers: Iterable[Trigger], warn: Report) -> None:
    """Warn of functions that take the embedded broker's tick and no PingSource's: nothing that is due would be done."""
    waits, told = set[str](), set[str]()
    for trigger in triggers:
        if not is_foreign(trigger.subscriber):
            waits |= {trigger.subscriber} if matches(trigger.selection, _TICK) else set()
            told |= {trigger.subscriber} if any(matches(trigger.selection, tick.event) for tick in ticks) else set()
    for name in sorted(waits - told):
        sources = " or ".join(tick.event.source for tick in ticks)
        warn(
            place,
            f"{name} waits for ticks, and no Trigger brings it those of here",
            f"let one ask for source {sources}",
        )
