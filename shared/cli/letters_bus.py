"""The dead letters in a topic of a bus: what a Knative Broker's KafkaSink, or a consumer of ours, put there."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

from shared.bus.letters import BusLetter, Deed, Place, leave_mark, letters, marks
from shared.bus.protocol import Bus, BusUnavailableError
from shared.cli.letters import Choice, Seen
from shared.cli.output import fail
from shared.cli.replaying import interruptible
from shared.events.cloudevent import CloudEvent
from shared.events.codec import NotAnEvent
from shared.events.letter import LetterMark
from shared.events.outcome import Outcome
from shared.events.redaction_texts import redact_text
from shared.events.times import to_text
from shared.local.shown import line
from shared.runtime.letters import Again, handing, targets
from shared.runtime.replay import Item, Replay, Tally
from shared.runtime.replay_target import BROKER, at_once


class TopicLetters:
    """The letters of one topic. Raises BusUnavailableError."""

    def __init__(self, bus: Bus, topic: str, environ: Mapping[str, str]) -> None:
        self._bus = bus
        self._topic = topic
        self._environ = environ

    async def each(self) -> AsyncIterator[Seen]:
        """Iterate them."""
        async for letter in self._waiting():
            yield _seen(letter)

    async def ended(self) -> AsyncIterator[Mapping[str, Any]]:
        """Iterate what the marks beside them say, as long as the topic keeps those."""
        for place, mark in sorted((await marks(self._bus, await self._there())).items()):
            yield {
                "id": "/".join(map(str, place)),
                "act": mark.act,
                "at": to_text(mark.time),
                "to": mark.to,
                "note": line(mark.note),
                "trigger": mark.subscriber,
                "event_id": mark.event_id,
                "type": mark.event_type,
                "subject": line(mark.subject),
                "stage": mark.stage,
                "reason": line(mark.reason),
            }

    async def retry(self, choice: Choice, to: str, rate: float) -> Tally:
        """Hand them over, each with the identity that it always had. Raises SettingsError."""
        to = to or BROKER
        if to not in targets():
            fail(f"--to: there is no {to}: use one of {', '.join(targets())}", code=2)
        stop = asyncio.Event()
        again = Again(self._bus, to)
        async with handing(to, self._environ, self._bus) as hand:
            replay = Replay(hand, passes=lambda _: True, at_once=at_once(to), stop=stop, rate=rate)
            with interruptible(stop, replay.tally):
                try:
                    done = await marks(self._bus, await self._there())
                    await replay.run(again.items(self._items(choice, done, stop), done))
                except BusUnavailableError as error:
                    replay.tally.why = str(error)
        if again.unmarked:
            why = f"{again.unmarked} were handed over, and are still listed: the bus took no mark"
            replay.tally.why = replay.tally.why or why
        return replay.tally

    async def discard(self, choice: Choice, note: str) -> int:
        """Leave a mark beside each."""
        chosen = [letter async for letter in self._waiting() if choice.takes(_seen(letter))]
        for letter in chosen:
            await leave_mark(self._bus, letter, Deed("discarded", note=note), datetime.now(UTC))
        return len(chosen)

    async def close(self) -> None:
        """Close the bus."""
        await self._bus.close()

    async def _waiting(self) -> AsyncIterator[BusLetter]:
        done = await marks(self._bus, await self._there())
        async for letter in letters(self._bus, self._topic, done):
            yield letter

    async def _there(self) -> str:
        if await self._bus.describe(self._topic) is None:
            fail(f"there is no topic {self._topic}: name that of the dead letter sink by --topic")
        return self._topic

    async def _items(
        self, choice: Choice, done: Mapping[Place, LetterMark], stop: asyncio.Event
    ) -> AsyncGenerator[Item, None]:
        async for letter in letters(self._bus, self._topic, done):
            if stop.is_set():
                return
            if choice.takes(_seen(letter)):
                yield Item(letter.record, _done, _back)


async def _done(_outcome: Outcome | None) -> None:
    """Nothing is left to do: the mark is what tells the next run."""


async def _back() -> None:
    """Leave it as it is: without a mark it is still listed."""


def _seen(letter: BusLetter) -> Seen:
    event = letter.record.event
    told = event if isinstance(event, CloudEvent) else CloudEvent("", "", "")
    row = {
        "id": letter.name,
        "trigger": letter.subscriber,
        "event_id": told.id,
        "type": told.type,
        "subject": line(told.subject),
        "time": to_text(told.time) if told.time else "",
        "code": letter.code,
        "stage": letter.stage,
        "reason": line(letter.reason),
        "tries": letter.tries,
        "retried": letter.retried,
        "retry": "",
    }
    more: dict[str, Any] = {"kept": to_text(letter.record.at), "answer": redact_text(letter.answer)}
    if isinstance(event, NotAnEvent):
        more["body"] = redact_text(letter.record.body[:4096].decode(errors="replace"))
    return Seen(letter.name, row, event, more)
