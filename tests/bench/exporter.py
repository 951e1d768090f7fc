"""The client that existing exporters are: one event after the other, a request each, tried twice, then given up."""

import time
from collections.abc import Callable
from typing import Self

import httpx2

_PATH = "/services/collector/event"
_HEADERS = {"authorization": "Splunk bench", "content-type": "application/json"}
_TRIES = 2
_OK = 200
_BODY = b'{"event":{"event_id":"%s","message":"%s"}}'
_FILLING = b"m" * 1400  # as long as a record of ours


class Exporter:
    """A sequential client over one kept connection."""

    def __init__(self, url: str) -> None:
        self._client = httpx2.Client(base_url=url, headers=_HEADERS)
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def send(self) -> bool:
        """Send one more event; False where it is given up, which is where it is lost."""
        self._number += 1
        body = _BODY % (b"exporter-%d" % self._number, _FILLING)
        return any(self._client.post(_PATH, content=body).status_code == _OK for _ in range(_TRIES))

    def rate(self, seconds: float) -> float:
        """Return how many events a second it sends, one after the other. Raises RuntimeError for one that is lost."""
        begun, count = time.perf_counter(), 0
        while time.perf_counter() < begun + seconds:
            if not self.send():
                raise RuntimeError("the target did not take an event")
            count += 1
        return count / (time.perf_counter() - begun)

    def paced(self, rate: float, seconds: float, each: Callable[[bool, float], None]) -> None:
        """Send so many events a second and say of each whether it is in and after how many seconds."""
        begun = time.perf_counter()
        for number in range(int(rate * seconds)):
            time.sleep(max(0.0, begun + number / rate - time.perf_counter()))
            sent = time.perf_counter()
            each(self.send(), time.perf_counter() - sent)
