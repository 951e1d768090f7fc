"""Which functions of Tidings an event has come through, so that none sees its own work again (F59).

The extension `tidingsvia` holds their names, the oldest first: a counter that also says who counted. An event that has
been through a function, or through more of them than there are, is an echo and ends where it is noticed.
"""

from collections.abc import Mapping
from typing import Final

VIA: Final = "tidingsvia"
_MOST: Final = 16


def is_echo(extensions: Mapping[str, str], function: str) -> bool:
    """Return True where an event has been through this function before, or has gone round too long."""
    via = extensions.get(VIA)
    if not via:
        return False
    passed = via.split(".", _MOST)
    return function in passed or len(passed) >= _MOST


def onward(extensions: Mapping[str, str], function: str) -> str:
    """Return the value of `tidingsvia` of what a function emits because of an event with these extensions."""
    via = extensions.get(VIA)
    return f"{via}.{function}" if via else function
