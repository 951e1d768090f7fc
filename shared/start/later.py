"""What a start leaves for later: work that nothing needs before the first event, done once the server listens."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

_AFTER: Final = 0.1  # seconds: by then a server that is being started listens and has said that it is ready


def later(step: Callable[[], object]) -> None:
    """Run a step in a thread of its own, 0.1 s from now; an event that comes sooner does the step itself.

    Without a running loop (a test, a command that only looks at the settings), and where the step fails, it is left to
    the first use, which tells what is wrong.
    """
    with contextlib.suppress(RuntimeError):
        asyncio.get_running_loop().call_later(_AFTER, _in_thread, step)


def _in_thread(step: Callable[[], object]) -> None:
    thread = ThreadPoolExecutor(1, "later")
    thread.submit(step)
    thread.shutdown(wait=False)
