"""The variables that begin with ARCHIVE_: the function `archive` and the commands of the long archive share it."""

from typing import Final

FAMILY: Final = frozenset(
    {
        *("ARCHIVE_WAITING", "ARCHIVE_TOPIC"),
        *("ARCHIVE_S3_ENDPOINT", "ARCHIVE_S3_REGION", "ARCHIVE_S3_ACCESS_KEY", "ARCHIVE_S3_SECRET_KEY"),
        *("ARCHIVE_S3_SESSION_TOKEN", "ARCHIVE_S3_CA_FILE", "ARCHIVE_SEAL_KEY", "ARCHIVE_PUBLIC_KEY"),
    }
)
"""All of them: each reader takes the others' for no slip of the pen. In a file of its own, as a function reads it."""
