"""Where the NATS store is: the STORE_URL with its servers and bucket, and the NATS_ settings with who we are there."""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from shared.settings.addresses import completed
from shared.settings.environment import Environ, SettingsError, read
from shared.settings.nats import PORTS, NatsSettings

EXAMPLE = "nats://host:4222/tidings?replicas=3"
_BUCKET = re.compile(r"[A-Za-z0-9_-]{1,64}")
_REPLICAS = ("1", "3", "5")


class Place(NamedTuple):
    """Which servers, which bucket. `replicas` is None where the URL leaves it to the bucket that is there.

    `setting` is the one that names the servers.
    """

    servers: tuple[str, ...]
    bucket: str
    tls: bool
    replicas: int | None
    setting: str = "STORE_URL"


def place_of(url: str, elsewhere: str = "") -> Place:
    """Return what a STORE_URL says; where it names no servers, those of `elsewhere` (NATS_URL) are meant.

    Raises ValueError, without any part of the URL: one may hold a password.
    """
    scheme, _, rest = url.partition(":")
    named = re.split(r"[/?#]", rest[2:], maxsplit=1)[0] if rest.startswith("//") else ""
    parts = urlsplit(f"//-/{rest.removeprefix(f'//{named}')}")  # of newer Pythons takes no list with an IPv6 address
    hosts = named
    if not hosts:  # every address there has its scheme
        scheme = elsewhere.partition("://")[0]
        hosts = ",".join(one.partition("://")[2] for one in elsewhere.split(","))
    if "@" in hosts:
        raise ValueError("no credentials in the URL: set NATS_USERNAME and NATS_PASSWORD, NATS_CREDS_FILE or NATS_NKEY")
    try:
        servers = [completed(f"{scheme}://{host}", PORTS, EXAMPLE) for host in hosts.split(",")]
    except ValueError:
        servers = []
    bucket = parts.path.strip("/")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    replicas = query.pop("replicas", None)
    if not servers or not _BUCKET.fullmatch(bucket) or query or parts.fragment:
        raise ValueError(f"a NATS store is {EXAMPLE}, several hosts by comma, tls:// for TLS, none to take NATS_URL's")
    if replicas is not None and replicas not in _REPLICAS:
        raise ValueError("replicas of a NATS bucket are 1, 3 or 5")
    return Place(
        tuple(servers),
        bucket,
        scheme == "tls",
        None if replicas is None else int(replicas),
        "STORE_URL" if named else "NATS_URL",
    )


def opened(url: str, environ: Environ) -> tuple[Place, NatsSettings]:
    """Return where the store is and who we are there. Raises ValueError that names what cannot work."""
    try:
        who = read(NatsSettings, environ)
    except SettingsError as error:
        raise ValueError(str(error)) from None
    place = place_of(url, who.url)
    who.check_servers([*place.servers])
    return place, who
