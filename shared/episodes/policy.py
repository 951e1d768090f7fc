"""What teams decide about tickets: when one opens, what shares one, what keeps another quiet (docs/policy.md).

Values only, made from files by `shared.episodes.policy_content`; times are seconds, `now` is UTC seconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf
from typing import Any, Final, NamedTuple

from shared.episodes.spans import Span
from shared.events.times import parse_time
from shared.events.vocabulary import Severity

LABEL: Final = "label:"
OF_PROBLEM: Final = ("cluster", "reason", "category", "subcategory", "severity", "condition", "part")
OF_OBJECT: Final = ("kind", "namespace", "name")
MAINTENANCE: Final = "tidings.dev/maintenance"
"""The annotation of a namespace or a node that keeps it quiet: until a time, or `true` until it is taken away."""
_MOST_KNOWN: Final = 4096  # subjects that differ in what matching looks at; a cluster has some hundreds


@dataclass(frozen=True, slots=True)
class OpenAfter:
    """What must have been before a problem deserves a ticket: so many `within` a time (0: ever), or `lasting` so long.

    A `count` of None is the rule's own threshold (its `ticket_after`).
    """

    count: int | None = None
    within: float = 0.0
    lasting: float = 0.0


@dataclass(frozen=True, slots=True)
class Flap:
    """So many ends and returns within the time make one flapping ticket, closed after as long a calm."""

    changes: int = 4
    within: float = 600.0


@dataclass(frozen=True, slots=True)
class Limit:
    """So many tickets within a time for each of what `per` names; what is beyond it goes into one summary."""

    tickets: int = 20
    within: float = 600.0
    per: tuple[str, ...] = ("cluster",)


@dataclass(frozen=True, slots=True)
class Escalation:
    """The severity that a problem rises to `after` a time, at a `count`, or with so many objects `affected`.

    Whichever is set and reached; 0 is not asked.
    """

    severity: Severity
    after: float = 0.0
    count: int = 0
    affected: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """How the problems of one route become tickets. A `resolve_after` of None is the rule's own `hold`."""

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


IMMEDIATE: Final = Policy(
    name="immediate", group_wait=0.0, group_interval=0.0, repeat_interval=0.0, flap=None, limit=None
)
"""Each problem for itself, its ticket at once, each change told at once: what an observation alone makes of it."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What matching looks at: members of an observation and its verdict; `labels` are those of its namespace."""

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

    def value(self, name: str) -> str:
        """Return a member, or a label as `label:NAME`; empty where there is none."""
        if name.startswith(LABEL):
            return self.labels.get(name[len(LABEL) :], "")
        found: str = getattr(self, name)
        return found


def subject(shown: Mapping[str, Any], labels: Mapping[str, str]) -> Subject:
    """Return what policy is matched by; `shown` has the members of an episode."""
    thing = shown["object"]
    return Subject(
        category=shown["category"],
        subcategory=shown["subcategory"],
        severity=shown["severity"],
        kind=thing["kind"],
        namespace=thing["namespace"],
        name=thing["name"],
        cluster=shown["cluster"],
        condition=shown["condition"],
        reason=shown["reason"],
        rule=shown["rule"],
        labels=labels,
    )


class Asked(NamedTuple):
    """What one member must be (or, with `wanted` false, must not be): one of these texts, or like one of these globs.

    A glob is what stands between its stars: `("team-", "")` is `team-*`.
    """

    member: str
    texts: frozenset[str] = frozenset()
    globs: tuple[tuple[str, ...], ...] = ()
    wanted: bool = True

    def holds(self, subject: Subject) -> bool:
        """Return True where the subject is as asked."""
        value = subject.value(self.member)
        return (value in self.texts or any(like(value, glob) for glob in self.globs)) is self.wanted


@dataclass(frozen=True, slots=True)
class Match:
    """What all must hold of a subject; empty it takes all."""

    asked: tuple[Asked, ...] = ()

    def takes(self, subject: Subject) -> bool:
        """Return True where everything that is asked holds."""
        return all(one.holds(subject) for one in self.asked)


def like(value: str, glob: Sequence[str]) -> bool:
    """Return True where the value is the glob's pieces in their order with any text between them; linear in both.

    A star alone, `("", "")`, takes any text that is not empty.
    """
    first, *middle, last = glob
    if not value or len(value) < len(first) + len(last) or not (value.startswith(first) and value.endswith(last)):
        return False
    at, end = len(first), len(value) - len(last)
    for piece in middle:
        at = value.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


@dataclass(frozen=True, slots=True)
class Inhibition:
    """A problem that `cause` takes keeps those quiet that `affected` takes and that share with it what `by` names.

    With `at_most`, for so many seconds from when they deserve a ticket; 0 is as long as the cause lasts.
    """

    name: str
    cause: Match
    affected: Match
    by: str
    at_most: float = 0.0


@dataclass(frozen=True, slots=True)
class Quiet:
    """Why nothing is told now, and until when (seconds; inf: until further notice)."""

    name: str
    why: str
    until: float


class _Chosen(NamedTuple):
    """What a subject has: its policy, and the spans that it is quiet in."""

    policy: Policy
    spans: tuple[Span, ...]


class Policies:
    """The policies of a correlator: the first route that matches, over the defaults. Immutable once made."""

    def __init__(
        self,
        defaults: Policy = Policy(),
        routes: Iterable[tuple[Match, Policy]] = (),
        inhibitions: Iterable[Inhibition] = (),
        spans: Iterable[tuple[Match, Span]] = (),
    ) -> None:
        self.defaults = defaults
        self.inhibitions = tuple(inhibitions)
        self._routes = tuple(routes)
        self._spans = tuple(spans)
        matches = [match for match, _ in (*self._routes, *self._spans)]
        self._looked_at = tuple(sorted({one.member for match in matches for one in match.asked}))
        self._known: dict[tuple[str, ...], _Chosen] = {}

    def of(self, subject: Subject) -> Policy:
        """Return the policy of a subject."""
        return self._chosen(subject).policy

    def quiet(self, subject: Subject, now: float) -> Quiet | None:
        """Return the maintenance window or silence that the subject is in, the one that ends last; None for none."""
        spans = self._chosen(subject).spans
        if not spans:
            return None
        found = [Quiet(span.name, span.why, end) for span in spans if (end := span.end(now)) is not None]
        return max(found, key=lambda quiet: quiet.until, default=None)

    def _chosen(self, subject: Subject) -> _Chosen:
        key = tuple([subject.value(name) for name in self._looked_at])
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            policy = next((policy for match, policy in self._routes if match.takes(subject)), self.defaults)
            found = _Chosen(policy, tuple(span for match, span in self._spans if match.takes(subject)))
            self._known[key] = found
        return found


def quiet_by_annotation(labels: Mapping[str, str], now: float) -> Quiet | None:
    """Return the quiet that a namespace or node asks for with `tidings.dev/maintenance`, where it is in force.

    Its value is an RFC 3339 time, or `true`. What is neither keeps nobody quiet: better told once too often.
    """
    said = labels.get(MAINTENANCE, "").strip()
    if not said:
        return None
    time = None if said == "true" else parse_time(said)
    until = inf if said == "true" else time.timestamp() if time is not None else now
    return Quiet("annotation", f"{MAINTENANCE}: {said}", until) if until > now else None


@lru_cache(maxsize=1)
def shipped() -> Policies:
    """Return the policies that are shipped, without a team's own. Raises PolicyError for a broken installation."""
    from shared.episodes.policy_shipped import load_policies  # reads a file, which importing this need not

    return load_policies()
