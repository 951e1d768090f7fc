"""Takes observations into their objects' records; those of one object that wait at the same time share one write.

A storm on one object would otherwise be one commit after the other, each with the whole record.
"""

from collections.abc import Callable
from dataclasses import dataclass

from shared.episodes import keeper, machine
from shared.episodes.bonds import Rules
from shared.episodes.machine import Known
from shared.episodes.recent import Held, Recent
from shared.episodes.record import Record
from shared.events.model import Classified
from shared.runtime.turns import Turns
from shared.stores.contention import TRIES, pause
from shared.stores.protocol import Store

_MOST = 64  # observations in one write


@dataclass(slots=True, eq=False)
class _Waiting:
    """An observation in the row of its object. `step` is what came of it, None where others were first each time."""

    classified: Classified
    known: Known
    done: bool = False
    step: machine.Step | None = None


class Together:
    """The rows of waiting observations, by object. `written` is told of each step that was kept."""

    def __init__(
        self,
        store: Store,
        recent: Recent,
        turns: Turns,
        rules: Rules,
        written: Callable[[Record, machine.Step], None],
    ) -> None:
        self._store = store
        self._recent = recent
        self._turns = turns
        self._rules = rules
        self._written = written
        self._rows: dict[str, list[_Waiting]] = {}

    async def take(self, thing: str, classified: Classified, known: Known) -> machine.Step | None:
        """Take an observation into its object's record; None where other replicas were first each time.

        Raises StoreUnavailableError, RecordError.
        """
        mine = _Waiting(classified, known)
        row = self._rows.setdefault(thing, [])
        row.append(mine)
        try:
            async with self._turns.of(thing):
                while not mine.done:  # else somebody before it in the row took it along
                    await self._write(thing, [waiting for waiting in row if not waiting.done][:_MOST])
        finally:
            row.remove(mine)
            if not row:
                del self._rows[thing]
        return mine.step

    async def _write(self, thing: str, batch: list[_Waiting]) -> None:
        """Take a row into the record. Where that fails nobody in it is done, and each tries in its own turn."""
        steps: list[machine.Step | None] = [None] * len(batch)
        saving = keeper.Saving(self._rules)
        for attempt in range(TRIES):
            known = self._recent.take(thing)
            held = known or await keeper.load(self._store, thing)
            found, kept = self._observe(held, batch)
            if not kept and saving.tried:
                kept = [(held.record, found[-1])]  # others find it by what was written for a record that was not kept
            # What is answered without a write must be the store's word.
            if (not kept and known is None) or (
                kept and await keeper.save(self._store, held, kept[-1][1], saving, self._recent)
            ):
                steps = [*found]
                for before, each in kept:
                    self._written(before, each)
                break
            if known is None:
                await pause(attempt)
        for waiting, step in zip(batch, steps, strict=True):
            waiting.step = step
            waiting.done = True

    def _observe(
        self, held: Held, batch: list[_Waiting]
    ) -> tuple[list[machine.Step], list[tuple[Record, machine.Step]]]:
        """Return the step of each observation after the ones before it, and those that must be kept, after what."""
        record = held.record
        steps: list[machine.Step] = []
        kept: list[tuple[Record, machine.Step]] = []
        for waiting in batch:
            step = machine.observe(record, waiting.classified, waiting.known, self._rules)
            if not step.repeated or step.snapshots:
                ready = [unsent for unsent in step.record.outbox if unsent.not_before <= step.record.now]
                step = step if step.answer is not None and not ready else machine.into_outbox(step)
                kept.append((record, step))
                record = step.record
            steps.append(step)
        return steps, kept
