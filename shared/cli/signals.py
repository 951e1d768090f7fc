"""How a command that works for long is ended early: cleanly, by SIGINT or SIGTERM."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

_ENDING = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def ended_by_signals(end: Callable[[], None]) -> Iterator[None]:
    """Have `end` called at either of them, while this lasts; in a running event loop."""
    loop = asyncio.get_running_loop()
    for number in _ENDING:
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number in _ENDING:
            loop.remove_signal_handler(number)
