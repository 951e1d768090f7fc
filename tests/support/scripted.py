"""A function that ends each event as its script says, and notes what it was given."""

import asyncio
from dataclasses import dataclass, field

from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Done, Outcome
from shared.runtime.function import Call, Readiness, Result


@dataclass
class Scripted:
    """`ends`: for each event's id how its tries end, the last for all that follow; `seconds` that each one takes."""

    name: str = "scripted"
    given: list[str] = field(default_factory=list)
    ends: dict[str, list[Outcome]] = field(default_factory=dict)
    reply: CloudEvent | None = None
    seconds: float = 0.0
    begun: int = 0

    async def start(self) -> None:
        """Need nothing."""

    async def handle(self, event: CloudEvent, call: Call) -> Result:  # noqa: ARG002 - a function's
        self.begun += 1
        await asyncio.sleep(self.seconds)
        self.given.append(event.id)
        script = self.ends.get(event.id, [])
        outcome = script.pop(0) if len(script) > 1 else script[0] if script else Done()
        return Result(outcome, self.reply if isinstance(outcome, Done) else None)

    def readiness(self) -> Readiness:
        return Readiness()

    async def stop(self) -> None:
        """Hold nothing."""
