"""Change: one roll-out from its first observation to its end, as the snapshot that travels (architecture.md §2, §6)."""

from typing import Literal

from pydantic import AwareDatetime, Field

from shared.events.difference import who
from shared.events.model import Frozen, ObjectRef
from shared.events.vocabulary import Category, Severity, Subcategory

ChangeState = Literal["running", "completed", "failed"]
ChangeTransition = Literal["started", "completed", "failed"]

EXPIRED = "expired"
"""What ended a change of which nothing was heard for too long: whether it worked is not known."""


class FieldChange(Frozen):
    """One field that changed, as `changes` tells it; null where it was not there."""

    path: str
    before: str | None = None
    after: str | None = None


class Progress(Frozen):
    """How far it is: how many of how many, pods of a workload or nodes of a pool."""

    updated: int = Field(ge=0)
    total: int = Field(ge=0)


class Change(Frozen):
    """The whole of a change at one revision; a newer revision replaces an older one entirely."""

    id: str = Field(description="Key and start: the correlation id of every foreign record.")
    key: str = Field(description="Stable key of the object's changes.")
    revision: int = Field(ge=1, description="Only grows; of two snapshots the higher one is true.")
    state: ChangeState
    transition: ChangeTransition = Field(description="What the last change of state was.")
    cluster: str
    object: ObjectRef
    owner: ObjectRef | None = None
    scope: str = Field(description="Partition key: the node, or the namespace and owner, hashed.")
    category: Category
    subcategory: Subcategory
    severity: Severity = Field(description="The highest reached so far.")
    summary: str = Field(description="One line for people, as `Roll-out of Deployment/shop/web`.")
    what: str = Field(default="", description="What changed, in words: as many fields as fit in a line.")
    fields: tuple[FieldChange, ...] = Field(default=(), description="The first fields that changed.")
    number: int = Field(default=0, ge=0, description="How many fields changed.")
    taken_in: int = Field(default=0, ge=0, description="Further changes that came while it ran, and are part of it.")
    user: str = Field(default="", description="Who asked for it, where audit has told.")
    manager: str = Field(default="", description="The program that wrote it, as `argocd`.")
    planned: bool = Field(default=False, description="True in a window for changes, or where an annotation says so.")
    plan: str = Field(default="", description="Why it counts as planned: the window, or the change record's number.")
    reason: str = Field(default="", description="Reason of the latest observation of it.")
    message: str = Field(default="", description="Message of the latest observation of it.")
    progress: Progress | None = Field(default=None, description="How far it was when last heard of, where known.")
    started: AwareDatetime = Field(description="Event time of the first observation.")
    last_seen: AwareDatetime = Field(description="Event time of the latest observation.")
    ended: AwareDatetime | None = None
    ended_by: str = Field(default="", description="Reason that ended it, `deleted`, or `expired`.")
    problems: tuple[str, ...] = Field(default=(), description="Ids of the episodes that name it as a suspect.")
    labels: dict[str, str] = Field(default_factory=dict, description="Labels of the namespace, where known.")

    @property
    def who(self) -> str:
        """Return who made it, as far as known: the user with the program, or one of both."""
        return who(self.user, self.manager)

    @property
    def over(self) -> bool:
        """Return True once it is completed or failed."""
        return self.state != "running"

    @property
    def ticket(self) -> bool:
        """Return True: every roll-out deserves its record."""
        return True

    @property
    def reopened(self) -> int:
        """Return 0: what ended stays ended, and a further roll-out is another change."""
        return 0

    @property
    def parent(self) -> str:
        """Return nothing: no roll-out is taken in by something else that has a record."""
        return ""

    @property
    def noteworthy(self) -> tuple[str, ...]:
        """Return what people want a note for whenever it differs."""
        return (self.state, self.severity, str(self.taken_in), ",".join(self.problems))
