"""The client: one connection that is kept, lines that go together, and what is sent again when it breaks.

Done means that the receiver's machine has a line and that the connection lasted. What was sent shortly before it broke
goes once more over the next one (F20): it may be there twice then, with the same identity, and the log says so.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from math import inf
from typing import Final

from shared.delivery.failure import Temporary
from shared.destinations.breaker import Breaker
from shared.destinations.bucket import each_second
from shared.destinations.cause import cause
from shared.destinations.finding import Finding
from shared.destinations.guard import AddressRefusedError
from shared.destinations.http import HELD
from shared.destinations.qradar.pipe import ConnectionLostError, Pipe, connect
from shared.destinations.qradar.settings import Place, QradarSettings
from shared.destinations.qradar.syslog import framed
from shared.destinations.standing import Standing
from shared.destinations.trust import Shown, Trust
from shared.events.outcome import Done, Outcome, Retry
from shared.telemetry.metrics import Metrics

DESTINATION: Final = "qradar"
_log = logging.getLogger(__name__)

_UNSURE: Final = 5.0  # seconds before the end of a connection in which what was sent may not have been read
_MOST_UNSURE: Final = 1024 * 1024  # bytes of it that are kept


class SyslogClient:
    """One receiver. Belongs to one event loop; the settings' seconds bound each call as a whole (F15, F16)."""

    def __init__(self, settings: QradarSettings, place: Place, metrics: Metrics) -> None:
        """Raises OSError or ssl.SSLError for a CA or certificate file that cannot be used."""
        shown = Shown(settings.cert_file, settings.key_file) if settings.cert_file else None
        self._trust = Trust(settings.address, settings.ca_file, shown=shown, protocols=(), tls_min=settings.tls_min)
        self._settings = settings
        self._place = place
        self._metrics = metrics
        self._standing = Standing(settings.address)
        self._bucket = each_second(settings.events_per_second)
        self._breaker = Breaker()
        self._turn = asyncio.Lock()
        self._pipe: Pipe | None = None
        self._unsure = _Unsure()
        self._owed: list[bytes] = []
        self._mending: asyncio.Task[None] | None = None
        self._closed = False

    async def send(self, contents: Sequence[bytes]) -> list[Outcome]:
        """Send lines and return one outcome for all: either the receiver's machine has them, or they come again."""
        frames = [framed(line, self._settings.framing) for line in contents]
        async with self._turn:
            turn = self._breaker.enter()
            if turn.wait:
                self._count("held back")
                return [Retry(HELD, turn.wait)] * len(frames)
            try:
                await self._bucket.take(inf, len(frames) + len(self._owed))
                failure = await self._sent(frames)
            except BaseException:  # cancelled: nobody knows how it would have ended
                self._breaker.left(turn)
                raise
            if failure is None:
                self._breaker.answered(turn)
            else:
                self._breaker.failed(turn)
        return [self._told(failure)] * len(frames)

    def _told(self, failure: Temporary | None) -> Outcome:
        if failure is None:
            self._standing.answered()
            return Done()
        self._standing.failed(failure.reason)
        self._count("unreachable" if failure.reason.startswith("cannot connect") else "connection lost")
        return Retry(failure.reason)

    async def check(self) -> list[Finding]:
        """Return what `tidings doctor` says. Sends no line."""
        from shared.destinations.qradar.check import check  # only `tidings doctor` asks

        async with self._turn:
            return await check(await self._opened(), self._settings, self._place)

    async def close(self) -> None:
        """Close the connection once what was sent is on its way, and what is owed was tried once more."""
        self._closed = True
        if self._mending is not None:
            await asyncio.wait([self._mending])  # bounded, as each call is
        await self._mend()
        if self._pipe is not None:
            await self._pipe.close()
        if self._owed:
            _log.warning(
                "lines were sent just before the connection broke, and not again", extra={"lines": len(self._owed)}
            )

    async def _opened(self) -> Pipe | Temporary:
        """Return the connection, a new one where there is none, within the settings' seconds."""
        if self._pipe is not None and not self._pipe.ended:
            return self._pipe
        self._lost(self._pipe)
        try:
            async with asyncio.timeout(self._settings.seconds):
                self._pipe = await connect(self._place, self._trust, self._ended)
        except TimeoutError:
            return Temporary("cannot connect in time")
        except OSError as error:
            if isinstance(error, AddressRefusedError):
                self._metrics.count("tidings_addresses_refused_total", destination=DESTINATION, why=error.why)
            return Temporary(f"cannot connect ({cause(error)})")
        return self._pipe

    async def _sent(self, frames: Sequence[bytes]) -> Temporary | None:
        """Send frames, over a second connection where the first turns out to have ended; None where all went well."""
        until = asyncio.get_running_loop().time() + self._settings.seconds
        try:
            async with asyncio.timeout_at(until):
                for again in (False, True):
                    pipe = await self._opened()
                    if isinstance(pipe, Temporary):
                        return pipe
                    self._again(len(frames) if again else 0)
                    try:
                        await self._written(pipe, frames)
                    except ConnectionLostError:
                        self._lost(pipe)
                        continue
                    return None
        except TimeoutError:
            stuck = self._pipe is not None
            self._lost(self._pipe)
            return Temporary("the receiver does not take what is sent" if stuck else "cannot connect in time")
        return Temporary("the connection broke")

    async def _written(self, pipe: Pipe, frames: Sequence[bytes]) -> None:
        """Write what is owed and these frames. Raises ConnectionLostError."""
        owed = self._owed
        self._again(len(owed))
        await pipe.write(b"".join((*owed, *frames)))
        self._owed = []  # once more and no oftener, or a receiver that keeps closing would get them for ever
        self._unsure.add(frames)

    def _ended(self, pipe: Pipe) -> None:
        """Be told that a connection has ended by itself: what it was just given goes again, even alone."""
        self._lost(pipe)
        if self._owed and not self._closed and self._mending is None:
            self._mending = asyncio.get_running_loop().create_task(self._mend())
            self._mending.add_done_callback(self._mended)

    async def _mend(self) -> None:
        async with self._turn:
            if self._owed:
                await self._bucket.take(inf, len(self._owed))
                failure = await self._sent(())
                if failure is not None:  # it goes with the next line that comes
                    self._standing.failed(failure.reason)

    def _mended(self, task: asyncio.Task[None]) -> None:
        self._mending = None
        if not task.cancelled() and task.exception() is not None:
            _log.error("sending lines again failed", exc_info=task.exception())

    def _lost(self, pipe: Pipe | None) -> None:
        """Take leave of a connection that has ended; what it was given last is owed."""
        if pipe is not None and pipe is self._pipe:
            self._pipe = None
            self._owed += self._unsure.taken()
            pipe.abort()

    def _again(self, lines: int) -> None:
        """Say that lines go a second time, and may be there twice."""
        if lines:
            self._count("sent again", lines)
            _log.warning("lines are sent again: the connection broke just after them", extra={"lines": lines})

    def _count(self, reason: str, amount: int = 1) -> None:
        self._metrics.count("tidings_retries_total", amount, destination=DESTINATION, reason=reason)


class _Unsure:
    """What was sent lately over one connection, bounded in time and bytes."""

    def __init__(self) -> None:
        self._frames: deque[tuple[float, bytes]] = deque()
        self._bytes = 0

    def add(self, frames: Sequence[bytes]) -> None:
        """Keep frames that were sent just now."""
        now = asyncio.get_running_loop().time()
        for frame in frames:
            self._frames.append((now, frame))
            self._bytes += len(frame)
        while self._frames and (self._bytes > _MOST_UNSURE or self._frames[0][0] < now - _UNSURE):
            self._bytes -= len(self._frames.popleft()[1])

    def taken(self) -> list[bytes]:
        """Return what may not have been read by now, and forget all."""
        since = asyncio.get_running_loop().time() - _UNSURE
        frames = [frame for when, frame in self._frames if when >= since]
        self._frames.clear()
        self._bytes = 0
        return frames
