"""What archive accepted, whoever is killed meanwhile: senders that post until they are told that it is kept."""

import http.client
import threading

from shared.events.cloudevent import CloudEvent
from shared.events.codec import encode_binary
from tests.support.functions import Served


class Senders:
    """They post each event until it is accepted, as a broker does, to whichever process is there.

    `seconds` is how long `until` waits at most.
    """

    def __init__(self, events: list[CloudEvent], seconds: float = 60.0) -> None:
        self._seconds = seconds
        self.accepted: set[str] = set()
        self._waiting = events[::-1]
        self._served: Served | None = None
        self._changed = threading.Condition()

    def to(self, served: Served | None) -> None:
        """Have them post there, or wait."""
        with self._changed:
            self._served = served
            self._changed.notify_all()

    def until(self, number: int) -> set[str]:
        """Wait until so many were accepted; return which."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.accepted) >= number, self._seconds)
            return set(self.accepted)

    def work(self) -> None:
        """Post until nothing waits."""
        while True:
            with self._changed:
                if not self._waiting:
                    return
                event = self._waiting.pop()
                self._changed.wait_for(lambda: self._served is not None, 30)
                served = self._served
            assert served is not None
            taken = _posted(served, event)
            with self._changed:
                if taken:
                    self.accepted.add(event.id)
                    self._changed.notify_all()
                else:
                    self._waiting.append(event)
                    self._changed.wait(0.05)


def _posted(served: Served, event: CloudEvent) -> bool:
    headers, body = encode_binary(event)
    try:
        status, _, _ = served.request("POST", "/", dict(headers), body)
    except (OSError, http.client.HTTPException):
        return False  # nobody knows whether it was kept
    return status == 204
