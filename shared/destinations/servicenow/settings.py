"""Settings of ServiceNow, by the names that operators know (surface.md §4)."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from shared.destinations.http import check_token, check_url
from shared.settings.environment import Secret, Settings

Url = Annotated[str, AfterValidator(check_url)]
Token = Annotated[Secret | None, AfterValidator(check_token)]


class ServiceNowSettings(Settings):
    """Where the instance is, who we are there, and what a ticket gets by default."""

    instance: Url = Field(alias="SERVICENOW_INSTANCE", description="URL of the instance.")
    username: str = Field(default="", alias="SERVICENOW_USERNAME", description="Basic authentication, with a password.")
    password: Secret | None = Field(default=None, alias="SERVICENOW_PASSWORD", description="Password of that user.")
    client_id: str = Field(default="", alias="SERVICENOW_CLIENT_ID", description="OAuth client credentials.")
    client_secret: Secret | None = Field(
        default=None, alias="SERVICENOW_CLIENT_SECRET", description="Secret of that client."
    )
    token: Token = Field(default=None, alias="SERVICENOW_TOKEN", description="A bearer token.")
    api_key: Token = Field(default=None, alias="SERVICENOW_API_KEY", description="A REST API key.")
    ca_file: str | None = Field(default=None, alias="SERVICENOW_CA_FILE", description="PEM bundle that signs it.")
    table: str = Field(
        default="incident",
        alias="SERVICENOW_TABLE",
        pattern=r"^[a-z][a-z0-9_]{0,79}$",
        description="Table of the tickets.",
    )
    close_code: str = Field(
        default="Solution provided",
        alias="SERVICENOW_CLOSE_CODE",
        description="One of the instance's own close codes; they differ by release and customer.",
    )
    caller: str = Field(default="", alias="SERVICENOW_CALLER", description="sys_id of the caller, where one is needed.")
    group: str = Field(
        default="", alias="SERVICENOW_ASSIGNMENT_GROUP", description="Name or sys_id of the group of last resort."
    )
    connections: int = Field(
        default=4, alias="SERVICENOW_CONNECTIONS", ge=1, le=16, description="Most requests at a time."
    )
    requests_per_hour: int = Field(
        default=0,
        alias="SERVICENOW_REQUESTS_PER_HOUR",
        ge=0,
        description="Most requests an hour of one replica, a minute's worth of them at once; 0 is no limit.",
    )
    seconds: float = Field(
        default=10.0, alias="SERVICENOW_TIMEOUT", gt=0, le=60, description="Most seconds of one request."
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        ways = [
            bool(self.username and self.password) and not self.client_id,
            bool(self.client_id and self.client_secret),
            bool(self.token),
            bool(self.api_key),
        ]
        if sum(ways) != 1:
            raise ValueError(
                "set exactly one of SERVICENOW_USERNAME and _PASSWORD, SERVICENOW_CLIENT_ID and _CLIENT_SECRET, "
                "SERVICENOW_TOKEN, SERVICENOW_API_KEY"
            )
        return self
