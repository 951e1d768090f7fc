"""Where the NATS store is: the STORE_URL with its servers and bucket, and the NATS_ settings with who we are there."""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field

from shared.settings.addresses import is_loopback
from shared.settings.environment import Environ, Secret, Settings, SettingsError, read

EXAMPLE = "nats://host:4222/tidings?replicas=3"
_PORT = 4222
_BUCKET = re.compile(r"[A-Za-z0-9_-]{1,64}")
_REPLICAS = (1, 3, 5)
_SERVER = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?")


class NatsSettings(Settings):
    """Who we are for NATS, and whom we trust. One way to sign in is enough; without any, none is tried."""

    username: str = Field(default="", alias="NATS_USERNAME", description="User, with NATS_PASSWORD.")
    password: Secret | None = Field(default=None, alias="NATS_PASSWORD", description="Password of NATS_USERNAME.")
    token: Secret | None = Field(default=None, alias="NATS_TOKEN", description="Token, where the server asks for one.")
    creds: Secret | None = Field(
        default=None,
        alias="NATS_CREDS",
        description="What a `.creds` file holds (JWT and seed): name the file by `NATS_CREDS_FILE`.",
    )
    nkey: Secret | None = Field(
        default=None, alias="NATS_NKEY", description="Seed of an NKey (`SU…`): name its file by `NATS_NKEY_FILE`."
    )
    ca_file: str | None = Field(default=None, alias="NATS_CA_FILE", description="CA file for the servers' TLS.")
    cert_file: str | None = Field(
        default=None, alias="NATS_CERT_FILE", description="PEM file with the certificate that we show, if it is wanted."
    )
    key_file: str | None = Field(
        default=None, alias="NATS_KEY_FILE", description="PEM file with its key, where that is not in the same file."
    )


class Place(NamedTuple):
    """Which servers, which bucket. `replicas` is None where the URL leaves it to the bucket that is there."""

    servers: tuple[str, ...]
    bucket: str
    tls: bool
    replicas: int | None


def place_of(url: str) -> Place:
    """Return what a STORE_URL says. Raises ValueError, without any part of the URL: one may hold a password."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise ValueError("no credentials in the URL: set NATS_USERNAME and NATS_PASSWORD, NATS_CREDS_FILE or NATS_NKEY")
    servers = [_SERVER.fullmatch(server) for server in parts.netloc.split(",")]
    bucket = parts.path.strip("/")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    replicas = query.pop("replicas", None)
    if not all(servers) or not _BUCKET.fullmatch(bucket) or query or parts.fragment:
        raise ValueError(f"a NATS store is {EXAMPLE}, several hosts by comma, tls:// for TLS")
    if replicas is not None and replicas not in map(str, _REPLICAS):
        raise ValueError("replicas of a NATS bucket are 1, 3 or 5")
    return Place(
        tuple(f"{parts.scheme}://{one[1]}:{one[2] or _PORT}" for one in servers if one is not None),
        bucket,
        parts.scheme == "tls",
        None if replicas is None else int(replicas),
    )


def who_of(place: Place, environ: Environ) -> NatsSettings:
    """Return the NATS_ settings. Raises ValueError that names those that cannot work."""
    try:
        found = read(NatsSettings, environ)
    except SettingsError as error:
        raise ValueError(str(error)) from None
    ways = {
        "NATS_PASSWORD": found.password,
        "NATS_TOKEN": found.token,
        "NATS_CREDS": found.creds,
        "NATS_NKEY": found.nkey,
    }
    named = [name for name, value in ways.items() if value is not None]
    if len(named) > 1:
        raise ValueError(f"one way to sign in is enough, not {' and '.join(named)}")
    if bool(found.username) != (found.password is not None):
        raise ValueError("NATS_USERNAME and NATS_PASSWORD go together")
    far = [server for server in place.servers if not is_loopback(_host(server))]
    if not place.tls and far and {"NATS_PASSWORD", "NATS_TOKEN"} & set(named):
        raise ValueError(f"{named[0]} is only sent over TLS: write tls:// instead of nats://")
    return found


def _host(server: str) -> str:
    return (urlsplit(server).hostname or "").strip("[]")
