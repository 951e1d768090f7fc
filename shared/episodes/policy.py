"""What an operator can set of how problems become tickets: values, and how an observation is matched to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.events.vocabulary import Severity


@dataclass(frozen=True, slots=True)
class OpenAfter:
    """What must have been before a problem deserves a ticket; `count` None: what the rule says (its ticket_after)."""

    count: int | None = None
    within: float = 0.0
    lasting: float = 0.0


@dataclass(frozen=True, slots=True)
class Flap:
    """So many ends and returns within that time: one flapping ticket, closed after `within` of calm."""

    changes: int = 4
    within: float = 600.0


@dataclass(frozen=True, slots=True)
class Limit:
    """So many tickets within that time."""

    tickets: int = 20
    within: float = 600.0
    per: tuple[str, ...] = ("cluster",)


@dataclass(frozen=True, slots=True)
class Escalation:
    """The severity once any of these is reached; 0: not asked."""

    severity: Severity
    after: float = 0.0
    count: int = 0
    affected: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """How one problem becomes a ticket."""

    name: str = "default"
    group_by: tuple[str, ...] = ()
    group_wait: float = 10.0
    group_interval: float = 30.0
    repeat_interval: float = 3600.0
    open_after: OpenAfter = OpenAfter()
    resolve_after: float | None = None
    reopen_within: float = 1800.0
    flap: Flap | None = Flap()
    limit: Limit | None = Limit()
    escalate: tuple[Escalation, ...] = ()
    suspect_within: float = 1800.0


@dataclass(frozen=True, slots=True)
class Subject:
    """What matching looks at."""

    category: str = ""
    subcategory: str = ""
    severity: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    cluster: str = ""
    condition: str = ""
    reason: str = ""
    rule: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """Stub."""

    kind: tuple[str, ...] = ()
    condition: tuple[str, ...] = ()

    def takes(self, subject: Subject) -> bool:
        return (not self.kind or subject.kind in self.kind) and (
            not self.condition or subject.condition in self.condition
        )


@dataclass(frozen=True, slots=True)
class Inhibition:
    """A cause that takes consequences in; `by` is the relation that both share."""

    name: str
    cause: Match
    affected: Match
    by: str


@dataclass(frozen=True, slots=True)
class Quiet:
    """A maintenance window or a silence in force; `until` in seconds."""

    name: str
    why: str
    until: float


@dataclass(frozen=True, slots=True)
class Policies:
    """Stub."""

    default: Policy = Policy()
    inhibitions: tuple[Inhibition, ...] = ()

    def of(self, subject: Subject) -> Policy:
        return self.default

    def quiet(self, subject: Subject, now: float) -> Quiet | None:
        return None


def quiet_by_annotation(labels: Mapping[str, str], now: float) -> Quiet | None:
    """Stub."""
    return None


IMMEDIATE = Policy(group_wait=0.0, group_interval=0.0, repeat_interval=0.0, flap=None, limit=None)
"""Each problem for itself, its ticket at once, each change told at once."""


def always(policy: Policy) -> Policies:
    """Return policies that say the same of each problem, and inhibit nothing."""
    return Policies(policy)
