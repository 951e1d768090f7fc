"""The keys of pseudonyms: a file for each cluster, whose deletion makes every pseudonym of that cluster meaningless."""

import logging
import re
from pathlib import Path
from typing import Final

from pydantic import Field

from shared.settings.environment import Settings

log = logging.getLogger("tidings.pseudonyms")
_CLUSTER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_SHORTEST: Final = 16  # bytes
_LONGEST: Final = 4096
_MOST: Final = 100  # clusters whose lack of a key is told


class PseudonymSettings(Settings):
    """What a destination whose mapping asks for pseudonyms can be told."""

    pseudonym_keys: Path | None = Field(
        default=None,
        alias="PSEUDONYM_KEYS",
        description="Folder with the keys of pseudonyms: a file named like its cluster, of 16 bytes or more.",
    )


class PseudonymKeys:
    """The keys of one folder, read again where a file changed; one that is gone is forgotten at once."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known: dict[str, tuple[tuple[int, int, int], bytes]] = {}
        self._told: set[str] = set()

    def of(self, cluster: str) -> bytes:
        """Return the key of a cluster, empty where there is none: then what should be a pseudonym is dropped."""
        key = self._read(cluster)
        if not key and cluster not in self._told and len(self._told) < _MOST:
            self._told.add(cluster)
            log.warning("no key for pseudonyms of cluster %r in PSEUDONYM_KEYS: they are dropped", cluster[:100])
        return key

    def _read(self, cluster: str) -> bytes:
        if self._folder is None or not _CLUSTER.fullmatch(cluster):
            return b""
        file = self._folder / cluster
        try:
            status = file.stat()
            stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
            if self._known.get(cluster, (None, b""))[0] != stamp:
                with file.open("rb") as stream:
                    self._known[cluster] = (stamp, stream.read(_LONGEST).strip())
        except OSError:
            self._known.pop(cluster, None)
            return b""
        key = self._known[cluster][1]
        return key if len(key) >= _SHORTEST else b""
