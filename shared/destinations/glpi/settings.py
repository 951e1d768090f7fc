"""Settings of GLPI, by the names that operators know (surface.md §4)."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from shared.destinations.tls_min import SAYS, TlsMin
from shared.settings.environment import Secret, Settings
from shared.settings.http import check_token, check_url

_APIS = ("/apirest.php", "/api.php/v1", "/api.php/v2", "/api.php")


def _check_base(url: str) -> str:
    """Return the address of GLPI itself, where somebody copied that of one of its APIs. Raises ValueError."""
    base = check_url(url)
    return next((base.removesuffix(api) for api in _APIS if base.endswith(api)), base)


Url = Annotated[str, AfterValidator(_check_base)]
Token = Annotated[Secret | None, AfterValidator(check_token)]


class GlpiSettings(Settings):
    """Where GLPI is, who we are there, and what a ticket gets by default."""

    url: Url = Field(alias="GLPI_URL", description="URL of GLPI, as people open it.")
    app_token: Token = Field(
        default=None, alias="GLPI_APP_TOKEN", description="App-Token of the API client, where one is asked for."
    )
    user_token: Token = Field(
        default=None, alias="GLPI_USER_TOKEN", description="API token of the user: the legacy REST API."
    )
    client_id: str = Field(default="", alias="GLPI_CLIENT_ID", description="OAuth client: the API v2 of GLPI 11.")
    client_secret: Secret | None = Field(default=None, alias="GLPI_CLIENT_SECRET", description="Secret of that client.")
    username: str = Field(default="", alias="GLPI_USERNAME", description="User of the API v2.")
    password: Secret | None = Field(default=None, alias="GLPI_PASSWORD", description="Password of that user.")
    ca_file: str | None = Field(default=None, alias="GLPI_CA_FILE", description="PEM bundle that signs it.")
    tls_min: TlsMin = Field(default="1.3", alias="GLPI_TLS_MIN", description=SAYS)
    profile: str = Field(
        default="", alias="GLPI_PROFILE", description="Profile to work with: id, or a name for the legacy API."
    )
    entity: str = Field(
        default="",
        alias="GLPI_ENTITY",
        description="Entity of the tickets: id, or a name or complete name for the legacy API.",
    )
    category: str = Field(
        default="", alias="GLPI_CATEGORY", description="ITIL category of last resort: id, name or complete name."
    )
    requester: str = Field(default="", alias="GLPI_REQUESTER", description="Requester: id or login of a user.")
    group: str = Field(
        default="", alias="GLPI_GROUP", description="Assigned group of last resort: id, name or complete name."
    )
    connections: int = Field(default=4, alias="GLPI_CONNECTIONS", ge=1, le=16, description="Most requests at a time.")
    requests_per_second: float = Field(
        default=0.0,
        alias="GLPI_REQUESTS_PER_SECOND",
        ge=0,
        description="Most requests a second of one replica, on the average; 0 is no limit.",
    )
    seconds: float = Field(default=10.0, alias="GLPI_TIMEOUT", gt=0, le=60, description="Most seconds of one request.")

    @property
    def modern(self) -> bool:
        """Return True for the API v2."""
        return bool(self.client_id)

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        parts = (bool(self.client_id), bool(self.client_secret), bool(self.username), bool(self.password))
        if any(parts) == bool(self.user_token) or (any(parts) and not all(parts)):
            raise ValueError(
                "set either GLPI_USER_TOKEN (legacy REST API) or all of GLPI_CLIENT_ID, GLPI_CLIENT_SECRET, "
                "GLPI_USERNAME and GLPI_PASSWORD (API v2)"
            )
        if any(parts) and not all(one.isdecimal() for one in (self.profile, self.entity) if one):
            raise ValueError("GLPI_PROFILE and GLPI_ENTITY are ids for the API v2")
        return self
