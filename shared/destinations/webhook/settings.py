"""Settings of the webhook destination."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from shared.destinations.tls_min import SAYS, TlsMin
from shared.destinations.webhook.signature import keys_of
from shared.settings.environment import Secret, Settings
from shared.settings.http import check_token, check_url

TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""What the name of a header may be (RFC 9110 §5.6.2)."""
OURS: Final = frozenset({
    "connection", "content-length", "host", "transfer-encoding", "webhook-id", "webhook-signature", "webhook-timestamp",
})  # fmt: skip
"""Headers that are set by Tidings alone."""


_BREAKING: Final = OURS - {"webhook-id"} | {
    "accept", "accept-encoding", "authorization", "content-encoding", "content-type", "cookie", "expect", "keep-alive",
    "proxy-authorization", "te", "trailer", "upgrade",
}  # fmt: skip
"""Headers that mean something else to servers and proxies: a key in them breaks the request, or who sends it."""


def _key_header(name: str) -> str:
    """Return the name of a header as it came. Raises ValueError for one that has another meaning."""
    if name.lower() in _BREAKING:
        raise ValueError(f"cannot be `{name}`, which has a meaning of its own: take one such as `Idempotency-Key`")
    return name


def _checked(check: Callable[[str], object]) -> AfterValidator:
    """Return a validator of a secret's text as it is now; a file that went away since is told where it is used."""

    def validate(secret: Secret | None) -> Secret | None:
        try:
            if secret is not None:
                check(secret.value())
        except OSError:
            pass
        return secret

    return AfterValidator(validate)


def headers_of(text: str) -> Mapping[str, str]:
    """Return headers written one a line, as `Name: value`. Raises ValueError that names the line."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, colon, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        if not line.strip():
            continue
        if not colon or not TOKEN.fullmatch(name) or not (value.isascii() and value.isprintable()):
            raise ValueError(f"line {number} is no header, as `Name: value`")
        if name in OURS:
            raise ValueError(f"line {number}: `{name}` is set by Tidings alone")
        found[name] = value
    return found


class WebhookSettings(Settings):
    """Where the target is and how to speak to it."""

    url: Annotated[Secret, _checked(check_url)] = Field(
        alias="WEBHOOK_URL", description="URL of the target; of many, as Slack, it is the credential itself."
    )
    token: Annotated[Secret | None, AfterValidator(check_token)] = Field(
        default=None, alias="WEBHOOK_TOKEN", description="Sent as a bearer token, or where the mapping wants it."
    )
    username: str = Field(default="", alias="WEBHOOK_USERNAME", description="Basic authentication, with a password.")
    password: Secret | None = Field(default=None, alias="WEBHOOK_PASSWORD", description="Password of that user.")
    headers: Annotated[Secret | None, _checked(headers_of)] = Field(
        default=None, alias="WEBHOOK_HEADERS", description="Headers besides, one a line, as `X-Api-Key: …`."
    )
    secret: Annotated[Secret | None, _checked(keys_of)] = Field(
        default=None,
        alias="WEBHOOK_SECRET",
        description="Signs each request (Standard Webhooks), as `whsec_…`; two of them while they are rotated.",
    )
    key_header: Annotated[str, AfterValidator(_key_header)] = Field(
        default="Idempotency-Key",
        alias="WEBHOOK_KEY_HEADER",
        pattern=f"^{TOKEN.pattern}$",
        description="Header with the key that is the same whenever the same comes again.",
    )
    ca_file: str | None = Field(default=None, alias="WEBHOOK_CA_FILE", description="CA file for the target's TLS.")
    tls_min: TlsMin = Field(default="1.3", alias="WEBHOOK_TLS_MIN", description=SAYS)
    connections: int = Field(
        default=64, alias="WEBHOOK_CONNECTIONS", ge=1, le=512, description="Most requests at a time."
    )
    requests_per_second: float = Field(
        default=0.0,
        alias="WEBHOOK_REQUESTS_PER_SECOND",
        ge=0,
        description="Most requests a second of one replica, on the average; 0 is no limit.",
    )
    max_bytes: int = Field(
        default=1_048_576, alias="WEBHOOK_MAX_BYTES", ge=1, description="Most bytes of one request's body."
    )
    seconds: float = Field(
        default=10.0, alias="WEBHOOK_TIMEOUT", gt=0, le=60, description="Most seconds of one request."
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if bool(self.username) != bool(self.password):
            raise ValueError("set both of WEBHOOK_USERNAME and WEBHOOK_PASSWORD, or none")
        if self.username and self.token:
            raise ValueError("set WEBHOOK_TOKEN, or WEBHOOK_USERNAME and WEBHOOK_PASSWORD, not both")
        return self
