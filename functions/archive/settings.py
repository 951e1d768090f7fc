"""Settings of the archive function: its own, beside those of the bus that `BUS` names."""

from typing import Annotated, ClassVar

from pydantic import Field

from shared.archive.family import FAMILY
from shared.bus.settings import BusSettings


class ArchiveSettings(BusSettings):
    """How events go to the bus."""

    family: ClassVar[frozenset[str]] = FAMILY

    waiting: Annotated[int, Field(ge=1)] = Field(
        default=2_000,
        alias="ARCHIVE_WAITING",
        description="Most events that may wait for the bus here; more are answered 503.",
    )
    topic: str = Field(
        default="",
        alias="ARCHIVE_TOPIC",
        max_length=200,
        description="A topic of others that gets all that the Trigger sends, in place of those of docs/bus.md.",
    )
