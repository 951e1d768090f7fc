"""A line for the collector's raw endpoint (reference/destinations.md §3)."""

from collections.abc import Mapping
from typing import Final, Self
from urllib.parse import urlencode

RAW_PATH: Final = "/services/collector/raw"


class RawLine(bytes):
    """One line; the endpoint has no place for what it belongs to but the request's own `path`."""

    path: str

    @classmethod
    def of(cls, line: bytes, metadata: Mapping[str, str]) -> Self:
        """Return the line; `metadata` are `host`, `source`, `sourcetype` and `index`, as far as there are any."""
        made = cls(line)
        made.path = f"{RAW_PATH}?{urlencode(metadata)}" if metadata else RAW_PATH
        return made
