"""Settings of the Splunk destination."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from shared.destinations.tls_min import SAYS, TlsMin
from shared.settings.environment import Secret, Settings
from shared.settings.http import check_token, check_url

_COLLECTOR = re.compile(r"/services/collector(/(event|raw|health)(/1\.0)?)?/?$")


def _base_urls(text: str) -> str:
    """Return the URLs without the collector's path: people paste them with and without."""
    return ",".join(dict.fromkeys(check_url(_COLLECTOR.sub("", url.strip())) for url in text.split(",")))


class SplunkSettings(Settings):
    """Where the collectors are and how to speak to them."""

    url: Annotated[str, AfterValidator(_base_urls)] = Field(
        alias="SPLUNK_HEC_URL",
        description="URL of the collector, with or without /services/collector/event; several apart by commas.",
    )
    token: Annotated[Secret, AfterValidator(check_token)] = Field(alias="SPLUNK_TOKEN", description="HEC token.")
    index: str = Field(
        default="", alias="SPLUNK_INDEX", description="Index of events whose mapping names none; empty: the token's."
    )
    sourcetype: str = Field(
        default="",
        alias="SPLUNK_SOURCETYPE",
        description="Source type of all events but raw audit records; empty: as the mapping says.",
    )
    audit: Literal["event", "raw"] = Field(
        default="event",
        alias="SPLUNK_AUDIT",
        description="Kubernetes audit records as an `event` like everything else, or `raw` as their own lines.",
    )
    ca_file: str | None = Field(default=None, alias="SPLUNK_CA_FILE", description="CA file for the collector's TLS.")
    tls_min: TlsMin = Field(default="1.3", alias="SPLUNK_TLS_MIN", description=SAYS)
    ack: bool = Field(
        default=False,
        alias="SPLUNK_ACK",
        description="Wait for the indexer's acknowledgement; the token must have it on (not on Splunk Cloud).",
    )
    connections: int = Field(default=4, ge=1, alias="SPLUNK_CONNECTIONS", description="Most calls at a time.")
    events_per_second: float = Field(
        default=0.0,
        alias="SPLUNK_EVENTS_PER_SECOND",
        ge=0,
        description="Most events a second of one replica, on the average; 0 is no limit.",
    )
    seconds: float = Field(
        default=10.0,
        alias="SPLUNK_TIMEOUT",
        gt=0,
        le=60,
        description="Most seconds of one request, and of its acknowledgement.",
    )

    @property
    def urls(self) -> tuple[str, ...]:
        """Return the address of each collector."""
        return tuple(self.url.split(","))
