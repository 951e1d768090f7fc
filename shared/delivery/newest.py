"""What this process told last of each episode, so that an older snapshot is never told after a newer one."""

from collections import OrderedDict

from shared.delivery.claim import Memory


class Newest:
    """What was told of the last `most` episodes that a system has accepted. Belongs to one event loop.

    Only what was accepted is remembered: a lost process forgets too much and never too little.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._told: OrderedDict[str, Memory] = OrderedDict()

    def known(self, episode: str, revision: int) -> Memory | None:
        """Return what is known where this revision or a newer one was accepted, None where it is to be told."""
        told = self._told.get(episode)
        if told is None or told.revision < revision:
            return None
        self._told.move_to_end(episode)
        return told

    def remember(self, episode: str, memory: Memory) -> None:
        """Remember what was accepted; the episodes that were longest not asked for are forgotten."""
        self._told[episode] = memory
        self._told.move_to_end(episode)
        if len(self._told) > self._most:
            self._told.popitem(last=False)
