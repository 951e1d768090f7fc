"""Where an archive lies: a few words that a folder and S3 can both promise, and how one is opened by its address."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import Protocol

from shared.bus.protocol import BusUnavailableError
from shared.settings.environment import Environ, SettingsError


class PlaceError(BusUnavailableError):
    """The place cannot be used now; the text says why, without secrets. To who replays it is a bus that is away."""


class UnsoundError(PlaceError):
    """What lies there is not as it should be; the text says what, and why. The place itself can be used."""


class Place(Protocol):
    """A flat set of files, by names such as `topic/file`. What was put there is never written over."""

    where: str
    """The address, for people."""

    def scratch(self) -> AbstractContextManager[Path]:
        """Give a folder in which to make what is to be put there; it is gone afterwards.

        Raises PlaceError, also instead of an OSError of what is done in it.
        """

    def names(self, folder: str) -> AsyncIterator[str]:
        """Iterate the names below a folder, in their order. Raises PlaceError."""

    def folders(self) -> AsyncIterator[str]:
        """Iterate the folders that hold something, in their order. Raises PlaceError."""

    async def read(self, name: str) -> bytes | None:
        """Return a small file, None where there is none. Raises PlaceError."""

    def open(self, name: str) -> AbstractAsyncContextManager[Path | None]:
        """Give a file of this machine that has the same bytes, None where there is none. Raises PlaceError."""

    async def put(self, name: str, source: Path | bytes) -> bool:
        """Put a file there, whole and durable or not at all; False where there is another one of that name.

        Raises PlaceError.
        """

    async def remove(self, name: str) -> None:
        """Remove a file; one that is not there is fine. Raises PlaceError."""

    async def close(self) -> None:
        """End its connections."""


def open_place(where: str, environ: Environ) -> Place:
    """Return a folder, or s3://BUCKET/PREFIX by the settings of S3. No I/O happens here. Raises SettingsError."""
    if where.startswith("s3://"):
        from shared.archive.s3 import S3Place  # the HTTP client, only where it is used

        return S3Place.of(where, environ)
    if "://" in where:
        raise SettingsError([f"{where} is no place of an archive: it is a folder, or s3://BUCKET/PREFIX"])
    from shared.archive.folder import FolderPlace

    return FolderPlace(Path(where))
