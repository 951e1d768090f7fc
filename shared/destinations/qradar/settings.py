"""Settings of the QRadar destination."""

from typing import Annotated, Literal, NamedTuple, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from shared.destinations.qradar.syslog import Framing
from shared.destinations.tls_min import SAYS, TlsMin
from shared.settings.addresses import is_loopback
from shared.settings.environment import Settings
from shared.settings.http import check_url

_PORTS = {"tls": 6514, "tcp": 514}
_HTTP = ("https", "http")


class Place(NamedTuple):
    """Where the receiver is."""

    host: str
    port: int
    tls: bool


def _check_address(address: str) -> str:
    """Return the address as it is used: a port always, no path but that of an HTTP receiver. Raises ValueError."""
    parts = urlsplit(address)
    if parts.scheme in _HTTP:
        return check_url(address)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("must be an address such as tls://qradar.example:6514, or https://… of the HTTP Receiver")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must be scheme, host and port alone")
    if parts.scheme == "tcp" and not is_loopback(parts.hostname):
        raise ValueError("must be tls://: plain tcp:// is only for this machine's own loopback")
    check_url(f"https://{parts.netloc}")  # what is refused as a host or port there, is refused here
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or _PORTS[parts.scheme]}"


class QradarSettings(Settings):
    """Where the receiver is and what it takes."""

    address: Annotated[str, AfterValidator(_check_address)] = Field(
        alias="QRADAR_ADDRESS",
        description="`tls://HOST:6514` of the log source, or `https://HOST:12469` of an HTTP Receiver.",
    )
    ca_file: str | None = Field(default=None, alias="QRADAR_CA_FILE", description="CA file for the receiver's TLS.")
    tls_min: TlsMin = Field(default="1.3", alias="QRADAR_TLS_MIN", description=SAYS)
    cert_file: str | None = Field(
        default=None,
        alias="QRADAR_CERT_FILE",
        description="PEM file with the certificate that we show, if it is wanted.",
    )
    key_file: str | None = Field(
        default=None, alias="QRADAR_KEY_FILE", description="PEM file with its key, where that is not in the same file."
    )
    format: Literal["leef", "cef"] = Field(default="leef", alias="QRADAR_FORMAT", description="`leef` or `cef`.")
    framing: Framing = Field(
        default="newline",
        alias="QRADAR_FRAMING",
        description="How lines are told apart over TCP: `newline`, or `octet` for octet counting.",
    )
    audit: Literal["raw", "mapped"] = Field(
        default="raw",
        alias="QRADAR_AUDIT",
        description="Kubernetes audit records `raw` for their own DSM, or `mapped` like everything else.",
    )
    log_source: str = Field(
        default="",
        alias="QRADAR_LOG_SOURCE",
        description="Host of the syslog header, by which QRadar finds the log source; empty: the cluster's name.",
    )
    max_bytes: int = Field(
        default=4000, alias="QRADAR_MAX_BYTES", ge=2048, le=32_767, description="Longest line; more is cut and marked."
    )
    events_per_second: float = Field(
        default=0,
        alias="QRADAR_EVENTS_PER_SECOND",
        ge=0,
        le=1_000_000,
        description="Most events a second, as the licence has it; 0: as many as come.",
    )
    seconds: float = Field(
        default=10.0,
        alias="QRADAR_TIMEOUT",
        gt=0,
        le=60,
        description="Most seconds to connect, send and be sure that the receiver's machine has it.",
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.key_file and not self.cert_file:
            raise ValueError("QRADAR_KEY_FILE needs QRADAR_CERT_FILE")
        if self.cert_file and not self.address.startswith("tls:"):
            raise ValueError("QRADAR_CERT_FILE is for an address of tls:// alone")
        return self

    def place(self) -> Place | None:
        """Return where the syslog receiver is, None where it is an HTTP Receiver."""
        parts = urlsplit(self.address)
        if parts.scheme in _HTTP:
            return None
        return Place(str(parts.hostname), int(parts.port or 0), parts.scheme == "tls")
