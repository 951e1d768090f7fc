"""Settings of the long archive: S3, and the keys of its seals."""

from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from shared.archive.family import FAMILY
from shared.settings.environment import Secret, Settings
from shared.settings.http import check_url


def _server(url: str) -> str:
    if url and urlsplit(check_url(url)).path:
        raise ValueError("must have no path: the bucket is named by s3://BUCKET/PREFIX")
    return url.rstrip("/")


class SealSettings(Settings):
    """The keys."""

    family: ClassVar[frozenset[str]] = FAMILY

    seal_key: Secret | None = Field(
        default=None,
        alias="ARCHIVE_SEAL_KEY",
        description="Private Ed25519 key in PEM that signs seals: name its file by `ARCHIVE_SEAL_KEY_FILE`.",
    )
    public_key: str = Field(
        default="",
        alias="ARCHIVE_PUBLIC_KEY",
        description="Its public key, or those of several years one after the other, for `tidings trail verify`.",
    )


class S3Settings(Settings):
    """Where S3 is, and who we are there."""

    family: ClassVar[frozenset[str]] = FAMILY

    endpoint: Annotated[str, AfterValidator(_server)] = Field(
        default="",
        alias="ARCHIVE_S3_ENDPOINT",
        description="URL of the S3 server; without it, that of AWS in the region.",
    )
    region: str = Field(default="us-east-1", alias="ARCHIVE_S3_REGION", description="Region, which is signed as well.")
    access_key: str = Field(default="", alias="ARCHIVE_S3_ACCESS_KEY", description="Access key id.")
    secret_key: Secret | None = Field(default=None, alias="ARCHIVE_S3_SECRET_KEY", description="Secret access key.")
    session_token: Secret | None = Field(
        default=None, alias="ARCHIVE_S3_SESSION_TOKEN", description="Session token, where the key is a temporary one."
    )
    ca_file: str | None = Field(default=None, alias="ARCHIVE_S3_CA_FILE", description="CA file for the server's TLS.")
