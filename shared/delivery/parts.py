"""What is still to be sent of a bulk call and what is decided, where a system refuses one item or all of them (F58)."""

from collections.abc import Sized

from shared.events.outcome import Done, Outcome, Retry


class Parts:
    """The items of one bulk call by their places, and an outcome for each. Parts are sent in order."""

    def __init__(self, items: Sized) -> None:
        self.calls = 0
        self._parts: list[range] = [range(len(items))] if len(items) else []
        self._outcomes: list[Outcome | None] = [None] * len(items)

    def next(self) -> range | None:
        """Return what is to be sent next, None where all is decided."""
        return self._parts.pop() if self._parts else None

    def settle(self, part: range, outcome: Outcome) -> None:
        """Give a part its outcome."""
        for place in part:
            self._outcomes[place] = outcome

    def strike(self, part: range, number: int | None, outcome: Outcome, *, keep_earlier: bool) -> None:
        """Settle the item that they stopped at; those before it are in, those after it are still to be sent."""
        if number is None or number >= len(part):
            self.split(part, outcome)
            return
        self.settle(part[number : number + 1], outcome)
        self._push(part[number + 1 :])
        if keep_earlier:
            self.settle(part[:number], Done())
        else:
            self._push(part[:number])

    def split(self, part: range, outcome: Outcome) -> None:
        """Go on with two halves; a single item that cannot be halved gets the outcome."""
        if len(part) == 1:
            self.settle(part, outcome)
            return
        middle = len(part) // 2
        self._push(part[middle:])
        self._push(part[:middle])

    def give_up(self, outcome: Outcome) -> None:
        """Give the outcome to everything undecided."""
        self._parts.clear()
        self._outcomes = [outcome if known is None else known for known in self._outcomes]

    def outcomes(self) -> list[Outcome]:
        """Return one outcome for each item, in order."""
        return [known if known is not None else Retry("not sent") for known in self._outcomes]

    def _push(self, part: range) -> None:
        if part:
            self._parts.append(part)
