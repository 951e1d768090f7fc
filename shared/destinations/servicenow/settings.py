"""Settings of ServiceNow, by the names that operators know (surface.md §4)."""

import re
from dataclasses import fields, replace
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from shared.destinations.servicenow import security_record
from shared.destinations.servicenow.record import INCIDENT_STATES, States, Table
from shared.destinations.servicenow.tables import parse_tables
from shared.destinations.tls_min import SAYS, TlsMin
from shared.events.vocabulary import Category
from shared.settings.environment import Secret, Settings
from shared.settings.http import check_token, check_url

_PAIR = re.compile(r"(?P<name>[a-z_]+)\s*[:=]\s*(?P<number>-?\d{1,9})")


def _states(text: object) -> object:
    """Return states of pairs such as `resolved:100`. Raises ValueError that says what is wrong."""
    if not isinstance(text, str):
        return text
    found = [_PAIR.fullmatch(part.strip()) for part in text.split(",")]
    pairs = {one["name"]: one["number"] for one in found if one is not None}
    known = [one.name for one in fields(States)]
    if None in found or not set(pairs) <= set(known):
        raise ValueError(f"must be pairs such as {_shown(security_record.STATES)}; there are: {', '.join(known)}")
    states = replace(security_record.STATES, **pairs)
    if len({states.working, states.resolved, states.closed, states.canceled}) < len(known) - 1:
        raise ValueError("needs a number of its own for each of working, resolved, closed and canceled")
    return states


def _shown(states: States) -> str:
    return ",".join(f"{one.name}:{getattr(states, one.name)}" for one in fields(states) if getattr(states, one.name))


TableName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,79}$")]
Url = Annotated[str, AfterValidator(check_url)]
Token = Annotated[Secret | None, AfterValidator(check_token)]

FAMILY: Final = frozenset(
    f"SERVICENOW_{name}"
    for name in (
        *("TABLE", "TABLE_MAPPING", "CLOSE_CODE", "SECURITY_CLOSE_CODE", "SECURITY_STATES", "CALLER"),
        *("ASSIGNMENT_GROUP", "DEFAULT_CI", "CI_TABLE", "SERVER_TABLE", "IMPORT_SET", "IMPORT_PREFIX"),
        *("MAPPING", "EVENT_MAPPING", "SECURITY_MAPPING"),
        *("CHANGE_MAPPING", "CHANGE_TEMPLATE", "CHANGE_END"),
    )
)
"""What some function of ServiceNow reads and another does not: set for all of them, it is no slip of the pen."""


class ServiceNowSettings(Settings):
    """Where the instance is, and who we are there."""

    family: ClassVar[frozenset[str]] = FAMILY

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
    tls_min: TlsMin = Field(default="1.3", alias="SERVICENOW_TLS_MIN", description=SAYS)
    connections: int = Field(
        default=4, alias="SERVICENOW_CONNECTIONS", ge=1, le=16, description="Most requests at a time."
    )
    requests_per_hour: int = Field(
        default=0,
        alias="SERVICENOW_REQUESTS_PER_HOUR",
        ge=0,
        description="Most requests an hour of one replica, a minute's worth of them at once; 0 is no limit.",
    )
    batch: int = Field(
        default=10,
        alias="SERVICENOW_BATCH",
        ge=1,
        le=50,
        description="Most requests that wait at the same time and share a call of the Batch API; 1: each goes alone.",
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


class LookupSettings(ServiceNowSettings):
    """The instance, and what its records refer to."""

    default_ci: str = Field(
        default="",
        alias="SERVICENOW_DEFAULT_CI",
        description="Name or sys_id of the configuration item of last resort.",
    )
    ci_table: TableName = Field(
        default="cmdb_ci_kubernetes_component",
        alias="SERVICENOW_CI_TABLE",
        description="Table in which the objects of clusters are looked up, with name, namespace and k8s_uid.",
    )
    server_table: TableName = Field(
        default="cmdb_ci_server",
        alias="SERVICENOW_SERVER_TABLE",
        description="Table in which a node is looked up by its name, where its object is not found.",
    )
    group: str = Field(
        default="", alias="SERVICENOW_ASSIGNMENT_GROUP", description="Name or sys_id of the group of last resort."
    )


class ChangeSettings(LookupSettings):
    """The instance, and how its change requests are made."""

    template: str = Field(
        default="",
        alias="SERVICENOW_CHANGE_TEMPLATE",
        description="Name or sys_id of the standard change template by which changes are made, which are approved by "
        "it; without one they are normal changes.",
    )
    end: Literal["closed", "review"] = Field(
        default="closed",
        alias="SERVICENOW_CHANGE_END",
        description="Where a change is put once its roll-out has ended: `closed`, or `review` for people to close it.",
    )


class TableSettings(LookupSettings):
    """The instance, and what its tables of tickets need."""

    table: TableName = Field(default="incident", alias="SERVICENOW_TABLE", description="Table of the tickets.")
    tables: Annotated[dict[Category, str], BeforeValidator(parse_tables)] = Field(
        default_factory=dict,
        alias="SERVICENOW_TABLE_MAPPING",
        description="Tables by category, where they are not all SERVICENOW_TABLE: JSON, or pairs as "
        "`security:sn_si_incident`. `kubernetes-events` stands for all, `security-events` for security.",
    )
    import_set: TableName | Literal[""] = Field(
        default="",
        alias="SERVICENOW_IMPORT_SET",
        description="Staging table through whose transform SERVICENOW_TABLE is written, instead of directly.",
    )
    import_prefix: Annotated[str, StringConstraints(pattern=r"^([a-z][a-z0-9_]{0,40})?$")] = Field(
        default="u_",
        alias="SERVICENOW_IMPORT_PREFIX",
        description="What the staging table's columns begin with, before the field's name.",
    )
    close_code: str = Field(
        default="Solution provided",
        alias="SERVICENOW_CLOSE_CODE",
        description="One of the instance's own close codes; they differ by release and customer.",
    )
    security_close_code: str = Field(
        default="",
        alias="SERVICENOW_SECURITY_CLOSE_CODE",
        description="Close code of security incidents, where theirs wants one in the state that ends them.",
    )
    security_states: Annotated[States, BeforeValidator(_states)] = Field(
        default=security_record.STATES,
        alias="SERVICENOW_SECURITY_STATES",
        description="Numbers of the states of sn_si_incident, as `working:16,resolved:100,closed:3,canceled:7`; "
        "`on_hold` where there is one. They differ by customer.",
    )
    caller: str = Field(
        default="", alias="SERVICENOW_CALLER", description="User name or sys_id of the caller, where one is needed."
    )

    def table_for(self, category: Category) -> str:
        """Return the name of the table that takes the tickets of a category."""
        return self.tables.get(category, self.table)

    def table_of(self, name: str) -> Table:
        """Return how the table of that name works: security incidents have states of their own."""
        if name == security_record.TABLE:
            return Table(name, self.security_states, self.security_close_code, security_record.OURS, "parent")
        return Table(name, INCIDENT_STATES, self.close_code)
