"""An archive in a folder: a disk, or a share that is mounted."""

import asyncio
import contextlib
import math
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from shared.archive.place import PlaceError

_KEPT_SECONDS = 86_400.0


class FolderPlace:
    """Files below a folder. What begins with a dot is on its way there, or was when somebody was killed."""

    def __init__(self, root: Path) -> None:
        self.where = str(root)
        self._root = root
        self._parts = root / ".parts"

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a folder on the same disk; what those left who were killed a day ago is removed."""
        with self._said():  # also of what is written there: a full disk
            self._parts.mkdir(parents=True, exist_ok=True)
            old = time.time() - _KEPT_SECONDS
            for left in [one for one in self._parts.iterdir() if _changed(one) < old]:
                shutil.rmtree(left, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=self._parts) as folder:
                yield Path(folder)

    async def names(self, folder: str) -> AsyncIterator[str]:
        """Iterate the names below a folder."""
        for entry in await self._listed(self._root / folder):
            if entry.is_file():
                yield f"{folder}/{entry.name}"

    async def folders(self) -> AsyncIterator[str]:
        """Iterate the folders."""
        for entry in await self._listed(self._root):
            if entry.is_dir() and await self._listed(entry):
                yield entry.name

    async def _listed(self, folder: Path) -> list[Path]:
        """Return what is in a folder, in the order of names; nothing of one that is not there."""

        def listed() -> list[Path]:
            return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))

        with self._said():
            try:
                return await asyncio.to_thread(listed)
            except FileNotFoundError:
                return []

    async def read(self, name: str) -> bytes | None:
        """Return a small file."""
        with self._said():
            try:
                return await asyncio.to_thread((self._root / name).read_bytes)
            except FileNotFoundError:
                return None

    @asynccontextmanager
    async def open(self, name: str) -> AsyncIterator[Path | None]:
        """Give the file itself."""
        path = self._root / name
        yield path if path.is_file() else None

    async def put(self, name: str, source: Path | bytes) -> bool:
        """Put a file there under a name that it never had before, its bytes and its name on the disk."""
        with self._said():
            return await asyncio.to_thread(self._put, self._root / name, source)

    def _put(self, target: Path, source: Path | bytes) -> bool:
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.scratch() as folder:
            part = folder / "part"
            if isinstance(source, bytes):
                part.write_bytes(source)
            else:
                _same(source, part)
            _synced(part)
            if not _named(part, target):
                return False
        _synced(target.parent)
        _synced(target.parent.parent)
        return True

    async def remove(self, name: str) -> None:
        """Remove a file."""
        with self._said():
            await asyncio.to_thread((self._root / name).unlink, missing_ok=True)

    async def close(self) -> None:
        """Do nothing: nothing is held."""

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise PlaceError(f"{error.filename or self.where}: {error.strerror or type(error).__name__}") from error


def _changed(path: Path) -> float:
    """Return when a file was changed; what another process has just removed is as new as can be."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return math.inf


def _same(source: Path, part: Path) -> None:
    """Give a file a second name, or a copy where it lies on another disk."""
    try:
        os.link(source, part)
    except OSError:
        shutil.copyfile(source, part)


def _named(part: Path, target: Path) -> bool:
    """Name a file as it is to be named, unless another one has that name."""
    try:
        os.link(part, target)
    except FileExistsError:
        return False
    except OSError:  # a file system without second names: two at the same moment are not told apart there
        if target.exists():
            return False
        part.replace(target)
    return True


def _synced(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
