"""How commands reach an archive: the place, the roots of its seals, and the keys."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from shared.archive.place import Place, open_place
from shared.archive.seal import Judge, Sealer
from shared.archive.settings import SealSettings
from shared.settings.environment import SettingsError, read

AtOption = Annotated[str, typer.Option(metavar="PLACE", help="The archive: a folder, or s3://BUCKET/PREFIX.")]
RootsOption = Annotated[
    str, typer.Option(metavar="PLACE", help="Where the seals lie, best elsewhere; else _roots in the archive.")
]
PublicKeyOption = Annotated[
    Path | None, typer.Option(help="File of the public key, or of several years' keys; else ARCHIVE_PUBLIC_KEY.")
]

_ROOTS: Final = "_roots"  # no topic is named so


def roots_of(at: str, roots: str) -> str:
    """Return where the seals of an archive lie."""
    return roots or f"{at.rstrip('/')}/{_ROOTS}"


@asynccontextmanager
async def place_at(where: str, environ: Mapping[str, str]) -> AsyncIterator[Place]:
    """Give a place, and close it. Raises SettingsError."""
    place = open_place(where, environ)
    try:
        yield place
    finally:
        await place.close()


def sealer(environ: Mapping[str, str]) -> Sealer:
    """Return who signs, by the settings. Raises SettingsError."""
    key = read(SealSettings, environ).seal_key
    if key is None:
        raise SettingsError(["ARCHIVE_SEAL_KEY_FILE is not set: it is the file of the key that signs seals"])
    return Sealer(key.value())


def judge(public_key: Path | None, environ: Mapping[str, str]) -> Judge:
    """Return who knows the keys that count, by the option or the settings. Raises SettingsError."""
    if public_key is None:
        text = read(SealSettings, environ).public_key
        if not text:
            raise SettingsError(["ARCHIVE_PUBLIC_KEY is not set: set it, or name the key's file by --public-key"])
        return Judge.of(text)
    try:
        return Judge.of(public_key.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"--public-key: {public_key} cannot be read ({type(error).__name__})"]) from error
