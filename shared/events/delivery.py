"""Delivery: what one destination was told about one episode or observation, and how that ended."""

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from shared.events.model import Frozen

DeliveryOperation = Literal["open", "update", "resolve", "reopen", "record"]
DeliveryResult = Literal["done", "duplicate", "shadow"]


class ShadowRequest(Frozen):
    """One request that a destination in shadow would have sent, without headers and credentials."""

    method: str
    url: str = Field(description="With `{sys_id}` or `{id}` where the other system's own id would stand.")
    body: Any = Field(default=None, description="As it would go out; a text where it is very long or deep.")
    cut: bool = Field(default=False, description="Whether the body is only the beginning of it.")


class DeliveryReport(Frozen):
    """Data of `dev.tidings.delivery.v1`: the audit trail's entry for one delivery that took effect.

    Done replies with it, and so does a Duplicate of the same revision, under the same event id: the first reply may
    have been lost. Ignored and Retry reply with nothing; what is Rejected is in the dead letters, with its stage.
    With `shadow` as its result nothing took effect: `requests` is what would have been sent.
    """

    destination: str = Field(description="Name of the destination, as `servicenow_incident`.")
    operation: DeliveryOperation
    key: str = Field(description="Id of the episode or change, or the observation's identity for a record.")
    revision: int = Field(default=0, ge=0, description="Its revision; 0 for a record.")
    result: DeliveryResult
    reason: str = ""
    cluster: str
    problem_key: str = ""
    record: str = Field(default="", description="The foreign record's id, as a ServiceNow sys_id.")
    number: str = Field(default="", description="The foreign record's number for people, as INC0010042.")
    link: str = Field(default="", description="Where people can open it.")
    time: AwareDatetime
    fields: dict[str, str] = Field(
        default_factory=dict,
        description="What was written, by the foreign names, as texts without secrets; long ones are cut, with `…`. "
        "Empty for a duplicate, and with `shadow`.",
    )
    cut: bool = Field(default=False, description="Whether there were further fields, which did not fit.")
    requests: tuple[ShadowRequest, ...] = Field(default=(), description="With `shadow`: what would have been sent.")
