"""The records of one bulk call: what is still to be sent, and what became of each. Pure; a client does the sending."""

from collections.abc import Sequence
from typing import Final

from shared.events.outcome import Done, Outcome, Retry

MOST_CALLS: Final = 40
"""For one batch: what bad events, splitting and second tries may cost together."""

Part = Sequence[int]
"""Places of records in the call, in order."""


class Bulk:
    """The records of one `send` of a forwarder; parts of them are posted in order. `calls` counts what was posted."""

    def __init__(self, records: Sequence[bytes]) -> None:
        self.records = records
        self.calls = 0
        self._parts: list[Part] = [range(len(records))] if records else []
        self._outcomes: list[Outcome | None] = [None] * len(records)

    def next(self) -> Part | None:
        """Return the next part to be posted, None where all is decided, or given up after MOST_CALLS calls."""
        if self._parts and self.calls >= MOST_CALLS:
            self.give_up(Retry("too many bad events in one batch"))
        return self._parts.pop() if self._parts else None

    def content(self, part: Part) -> bytes:
        """Return the part's records, each on a line of its own."""
        return b"\n".join(self.records[place] for place in part)

    def settle(self, part: Part, outcome: Outcome) -> None:
        """Give the outcome to all of a part."""
        for place in part:
            self._outcomes[place] = outcome

    def strike(self, part: Part, number: int | None, outcome: Outcome, *, keep_earlier: bool) -> None:
        """Settle the record that they stopped at; those before it are in, those after it are still to be sent."""
        if number is None or number >= len(part):
            self.split(part, outcome)
            return
        self.settle(part[number : number + 1], outcome)
        self.push(part[number + 1 :])
        if keep_earlier:
            self.settle(part[:number], Done())
        else:
            self.push(part[:number])

    def split(self, part: Part, outcome: Outcome) -> None:
        """Go on with two halves; a single record that cannot be halved gets the outcome."""
        if len(part) == 1:
            self.settle(part, outcome)
            return
        middle = len(part) // 2
        self.push(part[middle:])
        self.push(part[:middle])

    def push(self, part: Part) -> None:
        """Have a part posted next."""
        if part:
            self._parts.append(part)

    def give_up(self, outcome: Outcome) -> None:
        """Give the outcome to everything undecided."""
        self._parts.clear()
        self._outcomes = [outcome if known is None else known for known in self._outcomes]

    def outcomes(self) -> list[Outcome]:
        """Return what became of each record, in order."""
        return [known if known is not None else Retry("not sent") for known in self._outcomes]
