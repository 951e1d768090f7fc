"""What clients of others leave to the interpreter where a connection fails while it is made: its sockets.

It says so whenever it collects them. Here that is at the end of the very test, where it is let pass; what the frames of
that test held is told at the beginning of the next one, so that a part is let pass in the folders that have such tests.
"""

import gc
from collections.abc import Iterator
from typing import Final

import pytest

_LEFT: Final = {
    "kafka": tuple(
        f"ignore:{text}:ResourceWarning" for text in ("Unclosed AIOKafkaConnection", "unclosed", "loop is closed")
    ),
    "nats": tuple(
        f"ignore:Exception ignored in. <{what}:pytest.PytestUnraisableExceptionWarning"
        for what in ("function StreamWriter.__del__", "function _SelectorTransport.__del__", "socket.socket fd=")
    ),
}
"""What the interpreter says, by a word in the name of each test with such a server."""

_FOLDERS: Final = ("tests/contract/", "tests/faults/", "tests/servers/")
_LATER: Final = ("ignore:loop is closed:ResourceWarning", _LEFT["nats"][0])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let it be said where tests have such a server."""
    for item in items:
        later = _LATER if item.nodeid.startswith(_FOLDERS) else ()
        for text in (*later, *(text for word in _words(item.nodeid) for text in _LEFT[word])):
            item.add_marker(pytest.mark.filterwarnings(text))


@pytest.fixture(autouse=True)
def _sockets_of_others(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have them collected where they are let be, and not in a test that has nothing to do with them."""
    yield
    if _words(request.node.nodeid):
        gc.collect()


def _words(name: str) -> list[str]:
    return [word for word in _LEFT if word in name]
