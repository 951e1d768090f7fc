"""Settings of the archive function: its own, beside those of the bus that `BUS` names."""

from typing import Annotated, ClassVar

from pydantic import Field

from shared.bus.settings import BusSettings


class ArchiveSettings(BusSettings):
    """How events go to the bus."""

    family: ClassVar[frozenset[str]] = frozenset(
        {
            *("ARCHIVE_S3_ENDPOINT", "ARCHIVE_S3_REGION", "ARCHIVE_S3_ACCESS_KEY", "ARCHIVE_S3_SECRET_KEY"),
            *("ARCHIVE_S3_SESSION_TOKEN", "ARCHIVE_S3_CA_FILE", "ARCHIVE_SEAL_KEY", "ARCHIVE_PUBLIC_KEY"),
        }
    )

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
