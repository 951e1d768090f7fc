"""Settings of Elasticsearch and OpenSearch."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from shared.destinations.elastic.record import INDEX_NAME
from shared.destinations.tls_min import SAYS, TlsMin
from shared.settings.environment import Secret, Settings
from shared.settings.http import check_token, check_url

Token = Annotated[Secret | None, AfterValidator(check_token)]


class ElasticSettings(Settings):
    """Where the cluster is, who we are there, and which data stream takes the events."""

    url: Annotated[str, AfterValidator(check_url)] = Field(
        alias="ELASTIC_URL", description="URL of Elasticsearch or OpenSearch, as https://elastic.example:9200."
    )
    api_key: Token = Field(
        default=None, alias="ELASTIC_API_KEY", description="API key, as `id:key` or as Elasticsearch shows it encoded."
    )
    username: str = Field(default="", alias="ELASTIC_USERNAME", description="Basic authentication, with a password.")
    password: Secret | None = Field(default=None, alias="ELASTIC_PASSWORD", description="Password of that user.")
    index: str = Field(
        default="logs-k8s.events-default",
        alias="ELASTIC_INDEX",
        pattern=rf"^{INDEX_NAME}$",
        description="Data stream (or index) of events whose mapping names none.",
    )
    ca_file: str | None = Field(default=None, alias="ELASTIC_CA_FILE", description="CA file for the cluster's TLS.")
    tls_min: TlsMin = Field(default="1.3", alias="ELASTIC_TLS_MIN", description=SAYS)
    connections: int = Field(default=4, alias="ELASTIC_CONNECTIONS", ge=1, description="Most calls at a time.")
    events_per_second: float = Field(
        default=0.0,
        alias="ELASTIC_EVENTS_PER_SECOND",
        ge=0,
        description="Most events a second of one replica, on the average; 0 is no limit.",
    )
    seconds: float = Field(
        default=10.0, alias="ELASTIC_TIMEOUT", gt=0, le=60, description="Most seconds of one request."
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        basic = bool(self.username or self.password)
        if bool(self.api_key) == basic or basic != bool(self.username and self.password):
            raise ValueError("set either ELASTIC_API_KEY or both of ELASTIC_USERNAME and ELASTIC_PASSWORD")
        return self
