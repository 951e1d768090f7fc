"""Observation and verdict: what was seen in a cluster, and what the classifier says of it.

Frozen, so that a value that was checked once stays as it was checked. Unknown members are ignored on reading: an older
function must be able to read what a newer one wrote.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.events.times import to_text
from shared.events.vocabulary import About, Category, Phase, Severity, Subcategory

Operation = Literal["add", "update", "delete", "event"]
Text = Annotated[str, Field(max_length=32_768)]
MAX_SKEW = timedelta(minutes=5)
"""How far an event's own time may be from when it was sent for policy to go by it."""


class Frozen(BaseModel):
    """The base of every payload: immutable, unknown members ignored.

    A validator is built when it is first needed: of all payloads a function's process uses a few.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


Model = TypeVar("Model", bound=Frozen)


def trusted(model: type[Model], values: dict[str, Any]) -> Model:
    """Build a payload of values that were checked one by one already, at a third of the cost of checking them again.

    `values` holds every field of the model, in its order, and becomes the payload's own. For decoders and rules alone,
    whose properties are tested against the checked way.
    """
    made = model.__new__(model)
    put = object.__setattr__
    put(made, "__dict__", values)
    put(made, "__pydantic_fields_set__", set(values))
    put(made, "__pydantic_extra__", None)
    put(made, "__pydantic_private__", None)
    return made


def path_of(kind: str, namespace: str, name: str) -> str:
    """Return `kind/namespace/name`, without what is empty: how an object is written for people."""
    return "/".join(filter(None, (kind, namespace, name)))


class ObjectRef(Frozen):
    """The Kubernetes object that an observation is about; empty strings where the producer did not say."""

    api_version: str = ""
    kind: str = ""
    namespace: str = Field(default="", description="Empty for cluster-scoped objects.")
    name: str = ""
    uid: str = ""
    field_path: str = Field(default="", description="Part of the object, as `spec.containers{web}`.")

    @property
    def path(self) -> str:
        """Return `kind/namespace/name`, or `kind/name` where there is no namespace."""
        return path_of(self.kind, self.namespace, self.name)


class Observation(Frozen):
    """One thing seen in a cluster, normalised and already redacted (architecture.md §1)."""

    identity: str = Field(description="What makes two observations the same one; see shared.events.identity.")
    dialect: str = Field(description="The wire form it came in, as `kubernetes-event`.")
    cluster: str
    object: ObjectRef
    owner: ObjectRef | None = Field(default=None, description="The controller of the object, where known.")
    related: ObjectRef | None = None
    reason: str = ""
    message: Text = ""
    type: str = Field(default="", description="`Normal`, `Warning`, or what the producer says.")
    component: str = Field(default="", description="Who reports, as `kubelet`.")
    host: str = Field(default="", description="The node that reports, where known.")
    action: str = ""
    operation: Operation = "event"
    time: AwareDatetime = Field(description="When it happened by the producer's clock: for display.")
    received: AwareDatetime = Field(description="When the cluster's edge sent it: for policy.")
    first_time: AwareDatetime | None = None
    count: int = Field(default=1, ge=1, le=2**31 - 1, description="How often, as the producer's own count says.")
    fingerprint: str = Field(default="", description="Key of the message without its numbers, made before masking.")
    source_uid: str = Field(default="", description="uid of the sent object itself: for an Event, the Event's.")
    resource_version: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    original: dict[str, Any] = Field(default_factory=dict, description="The sent object, redacted, at most 256 KiB.")
    masked: dict[str, str] = Field(
        default_factory=dict, description="Paths whose values were masked (the first 50), and why."
    )


class Verdict(Frozen):
    """What the classifier says of an observation."""

    category: Category
    subcategory: Subcategory
    severity: Severity
    phase: Phase
    condition: str = Field(default="", description="What is wrong, as `crash-loop`; empty unless a problem.")
    part: str = Field(default="", description="Which part of the object: problems of two parts are two problems.")
    about: About = Field(default="object", description="`owner`: a problem that all pods of a workload share.")
    problem_key: str = Field(default="", description="Stable identity of the condition; empty unless a problem.")
    ends: tuple[str, ...] = Field(
        default=(), description="Conditions of the object that this ends: `x` of its own part, `x/*` of any, `*` all."
    )
    owner_ends: tuple[str, ...] = Field(
        default=(), description="The same, of the problems that all pods of the object's workload share."
    )
    ticket_after: int = Field(
        default=0, ge=0, description="From this many occurrences on it deserves a ticket; 0 is never."
    )
    hold: int = Field(
        default=0, ge=0, description="Seconds of silence after a recovery before the problem counts as over."
    )
    expires: int = Field(default=0, ge=0, description="Seconds after which an unrepeated problem is over; 0 is never.")
    summary: str = Field(default="", description="One line for people, as `Node worker-3 is not ready`.")
    rule: str = Field(description="Name of the rule that decided.")
    source: str = Field(default="", description="Where that rule stands, as `node.yaml:12`.")
    version: str = Field(
        default="", description="Digest of what that rule says: another one wherever the rule was changed."
    )
    why: str = Field(default="", description="The rule's own reason, for people.")
    runbook: str = ""
    known: bool = Field(default=True, description="False where no rule names this and words decided.")


class Classified(Frozen):
    """Data of `dev.tidings.{infrastructure,security,admission}.v1`."""

    observation: Observation
    verdict: Verdict


def observed_data(observation: Observation) -> dict[str, Any]:
    """Return what `observation.model_dump(mode="json")` would, at a third of its cost; parts of it are shared.

    All but objects and times is as JSON has it already.
    """
    owner, related, first = observation.owner, observation.related, observation.first_time
    return {
        **observation.__dict__,
        "object": dict(observation.object.__dict__),
        "owner": None if owner is None else dict(owner.__dict__),
        "related": None if related is None else dict(related.__dict__),
        "time": to_text(observation.time),
        "received": to_text(observation.received),
        "first_time": None if first is None else to_text(first),
    }


def classified_data(observation: Observation, verdict: Verdict) -> dict[str, Any]:
    """Return what `Classified(...).model_dump(mode="json")` would, as `observed_data` does."""
    return {
        "observation": observed_data(observation),
        "verdict": {**verdict.__dict__, "ends": list(verdict.ends), "owner_ends": list(verdict.owner_ends)},
    }


def policy_time(observation: Observation) -> datetime:
    """Return the time that policy goes by: the event's own, unless its clock cannot be right."""
    return believed(observation.time, observation.received)


def believed(time: datetime, received: datetime) -> datetime:
    """Return an event's time, or when it was sent where that must count instead.

    An event time further than MAX_SKEW from when the cluster's edge sent it comes from a skewed clock (or from a series
    that began long ago).
    """
    return time if abs(time - received) <= MAX_SKEW else received
