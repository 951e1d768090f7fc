"""What the bus contract needs of a real server, whichever it is."""

from pathlib import Path
from typing import Protocol

from shared.bus.protocol import Bus


class Rig(Protocol):
    """One server that runs, for the whole session."""

    name: str

    def environment(self) -> dict[str, str]:
        """Return the settings with which the bus is reached."""

    def bus(self) -> Bus:
        """Return a bus of its own connection; what is not ended is given again after seconds, not minutes."""

    def stop(self) -> None:
        """End the server as for an orderly restart."""

    def kill(self) -> None:
        """End the server as a crash would."""

    def start(self) -> None:
        """Start it again, on the same port and data, and return once it can be used."""

    def wrong_credentials(self) -> dict[str, str]:
        """Return the settings with a password that is not the right one."""

    def expired(self) -> dict[str, str]:
        """Return the settings of a server whose certificate has expired."""

    def right_credentials(self) -> dict[str, str]:
        """Return the settings with credentials and TLS."""


def secret(folder: Path, name: str, text: str) -> str:
    """Return a file that holds a secret, as Kubernetes would mount it."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return str(file)
