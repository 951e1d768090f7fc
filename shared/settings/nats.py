"""Where NATS is, and who we are there: for the store and for the bus alike."""

import re
from collections.abc import Callable
from typing import Any, Final, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from shared.settings.addresses import completed, is_loopback
from shared.settings.environment import Secret, Settings

PORTS: Final = {"nats": 4222, "tls": 4222}
"""The schemes of addresses of NATS, each with the port that is meant where one names none."""
_EXAMPLE: Final = "nats://nats.example:4222 or tls://…"
_CREDS: Final = re.compile(r"BEGIN NATS USER JWT[^\n]*\n.+?BEGIN USER NKEY SEED[^\n]*\n([^\n]+)", re.DOTALL)


class LoginError(OSError):
    """What we are to sign in with is nothing of the sort; the text says which setting it is, and none of its value."""


class NatsSettings(Settings):
    """Where NATS is, who we are there, and whom we trust. One way to sign in is enough; without any, none is tried."""

    url: str = Field(
        default="",
        alias="NATS_URL",
        description="`nats://HOST:4222`, or `tls://…`, which goes on in TLS alone; several by comma. The bus, and a "
        "`STORE_URL` without hosts (`nats:///BUCKET`), are there.",
    )
    username: str = Field(default="", alias="NATS_USERNAME", description="User, with NATS_PASSWORD.")
    password: Secret | None = Field(default=None, alias="NATS_PASSWORD", description="Password of NATS_USERNAME.")
    token: Secret | None = Field(default=None, alias="NATS_TOKEN", description="Token, where the server asks for one.")
    creds: Secret | None = Field(
        default=None,
        alias="NATS_CREDS",
        description="What a `.creds` file of `nsc` holds (JWT and seed): name the file by `NATS_CREDS_FILE`.",
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

    @property
    def servers(self) -> list[str]:
        """Return the addresses of NATS_URL, none where it is not set."""
        return self.url.split(",") if self.url else []

    @property
    def tls(self) -> bool:
        """Return True where nothing may be said in the clear to the servers of NATS_URL."""
        return self.url.startswith("tls:")

    def login(self, check: Callable[[], None]) -> dict[str, Any]:
        """Return what nats-py's `connect` takes to sign in; secrets are read now, as their files may have changed.

        `check` raises where the connection is not as safe as it has to be: nats-py asks for a password or token only
        once it knows what the server is, and would go on in the clear.

        Raises OSError, LoginError for what no server can take: nats-py would fail in its own words, or search a
        `.creds` file without a JWT for it without end.
        """
        from nats.aio.client import RawCredentials  # only where NATS is spoken

        def checked(secret: Secret) -> Callable[[], str]:
            def give() -> str:
                check()
                return secret.value()

            return give

        if self.password is not None:
            return {"user": self.username, "password": checked(self.password)}
        if self.token is not None:
            return {"token": checked(self.token)}
        if self.creds is not None:
            found = _CREDS.search(text := self.creds.value())
            _check_seed("NATS_CREDS", "what a `.creds` file of nsc holds", found[1] if found else "")
            return {"user_credentials": RawCredentials(text)}
        if self.nkey is not None:
            _check_seed("NATS_NKEY", "the seed of an NKey", self.nkey.value())
            return {"nkeys_seed_str": self.nkey.value()}
        return {}

    def check_servers(self, servers: list[str]) -> None:
        """Raise ValueError where a secret would be sent in the clear to one of these."""
        for name, secret in (("NATS_PASSWORD", self.password), ("NATS_TOKEN", self.token)):
            plain = [one for one in servers if not one.startswith("tls:") and not _is_near(one)]
            if secret is not None and plain:
                raise ValueError(f"{name} is only sent over TLS: write tls:// instead of nats://")

    @field_validator("url")
    @classmethod
    def _addresses(cls, text: str) -> str:
        scheme = f"{text.strip().partition('://')[0]}://"  # of all, where only the first one says it
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return ",".join(completed(part if "://" in part else scheme + part, PORTS, _EXAMPLE) for part in parts)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.key_file and not self.cert_file:
            raise ValueError("NATS_KEY_FILE needs NATS_CERT_FILE")
        if len({one.partition(":")[0] for one in self.servers}) > 1:
            raise ValueError("NATS_URL: all servers have tls://, or none")
        if self.url and not self.tls and (self.ca_file or self.cert_file):
            raise ValueError("NATS_CA_FILE and NATS_CERT_FILE need a NATS_URL of tls://")
        if bool(self.username) != (self.password is not None):
            raise ValueError("NATS_USERNAME and NATS_PASSWORD go together")
        ways = {
            "NATS_PASSWORD": self.password,
            "NATS_TOKEN": self.token,
            "NATS_CREDS": self.creds,
            "NATS_NKEY": self.nkey,
        }
        named = [name for name, value in ways.items() if value is not None]
        if len(named) > 1:
            raise ValueError(f"one way to sign in is enough, not {' and '.join(named)}")
        self.check_servers(self.servers)
        return self


def _check_seed(name: str, what: str, seed: str) -> None:
    try:
        import nkeys  # an extra, for who signs in so
    except ModuleNotFoundError:
        raise LoginError(f"{name} needs the package nkeys: it is the extra `nkeys`") from None
    try:
        nkeys.from_seed(bytearray(seed.strip().encode())).wipe()
    except (nkeys.NkeysError, ValueError):
        raise LoginError(f"{name} is not {what}") from None


def _is_near(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname or "")
