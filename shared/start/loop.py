"""The event loop of whatever is not started by a server: uvloop where there is one, as everywhere but on Windows."""

import asyncio


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a new loop. For `asyncio.Runner`'s `loop_factory`; a server of ASGI would bring 20 ms of its own."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
