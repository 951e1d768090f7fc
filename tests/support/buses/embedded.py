"""The embedded bus's rig: its server is the file; to kill it is to kill a process that writes to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.bus.embedded import EmbeddedBus


class EmbeddedRig:
    """One file."""

    name = "embedded"

    def __init__(self, folder: Path) -> None:
        self._path = folder / "bus.db"

    def environment(self) -> dict[str, str]:
        """Return its settings."""
        return {"EMBEDDED_BUS": str(self._path)}

    def bus(self) -> EmbeddedBus:
        """Return a bus over the file."""
        return EmbeddedBus(self._path)


@contextmanager
def running(folder: Path) -> Iterator[EmbeddedRig]:
    """Yield the file."""
    yield EmbeddedRig(folder)
