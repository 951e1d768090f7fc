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
_REPLICAS = ("1", "3", "5")
_SCHEMES = ("nats", "tls")
_SERVER = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?")


class NatsSettings(Settings):
    """Where NATS is, who we are there, and whom we trust. One way to sign in is enough; without any, none is tried."""

    url: str = Field(
        default="",
        alias="NATS_URL",
        description="`nats://host:4222` (several hosts by comma) or `tls://…`: for a `STORE_URL` without hosts, "
        "`nats:///BUCKET`.",
    )
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


def place_of(url: str, elsewhere: str = "") -> Place:
    """Return what a STORE_URL says; where it names no servers, those of `elsewhere` (NATS_URL) are meant.

    Raises ValueError, without any part of the URL: one may hold a password.
    """
    parts = urlsplit(url)
    named = parts if parts.netloc else urlsplit(elsewhere)
    if "@" in named.netloc:
        raise ValueError("no credentials in the URL: set NATS_USERNAME and NATS_PASSWORD, NATS_CREDS_FILE or NATS_NKEY")
    servers = [_SERVER.fullmatch(server) for server in named.netloc.split(",")]
    bucket = parts.path.strip("/")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    replicas = query.pop("replicas", None)
    if named.scheme not in _SCHEMES or not all(servers) or not _BUCKET.fullmatch(bucket) or query or parts.fragment:
        raise ValueError(f"a NATS store is {EXAMPLE}, several hosts by comma, tls:// for TLS, none to take NATS_URL's")
    if replicas is not None and replicas not in _REPLICAS:
        raise ValueError("replicas of a NATS bucket are 1, 3 or 5")
    return Place(
        tuple(f"{named.scheme}://{one[1]}:{one[2] or _PORT}" for one in servers if one is not None),
        bucket,
        named.scheme == "tls",
        None if replicas is None else int(replicas),
    )


def opened(url: str, environ: Environ) -> tuple[Place, NatsSettings]:
    """Return where the store is and who we are there. Raises ValueError that names what cannot work."""
    try:
        who = read(NatsSettings, environ)
    except SettingsError as error:
        raise ValueError(str(error)) from None
    place = place_of(url, who.url)
    _check(place, who)
    return place, who


def _check(place: Place, who: NatsSettings) -> None:
    ways = {"NATS_PASSWORD": who.password, "NATS_TOKEN": who.token, "NATS_CREDS": who.creds, "NATS_NKEY": who.nkey}
    named = [name for name, value in ways.items() if value is not None]
    if len(named) > 1:
        raise ValueError(f"one way to sign in is enough, not {' and '.join(named)}")
    if bool(who.username) != (who.password is not None):
        raise ValueError("NATS_USERNAME and NATS_PASSWORD go together")
    far = not all(is_loopback(urlsplit(server).hostname or "") for server in place.servers)
    if far and not place.tls and {"NATS_PASSWORD", "NATS_TOKEN"} & set(named):
        raise ValueError(f"{named[0]} is only sent over TLS: write tls:// instead of nats://")
