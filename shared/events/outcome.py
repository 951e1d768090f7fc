"""Outcome: how the handling of one event ended. A value, not an exception; the edge alone turns it into HTTP."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Done:
    """It took effect now."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """It had taken effect before; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """It is none of this function's business, by intention."""

    reason: str


@dataclass(frozen=True, slots=True)
class InProgress:
    """Another replica holds the claim on it; the sender shall come again."""


@dataclass(frozen=True, slots=True)
class Retry:
    """It failed for now and nothing is lost: the sender shall come again, after `after` seconds if it can wait.

    `refused` says that the credentials are: coming again is in vain until people act.
    """

    reason: str
    after: float | None = None
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """It can never take effect; it belongs to the dead letters.

    `stage` names the step (`decode`, `rules`, `mapping`, `servicenow`, ...); `reason` is a short text of ours, safe to
    show and to keep: of a foreign system's words at most names of its fields and rules, and never event data.
    """

    stage: str
    reason: str


Outcome = Done | Duplicate | Ignored | InProgress | Retry | Rejected


def label(outcome: Outcome) -> str:
    """Return the outcome's name as metrics and logs spell it, as `in_progress`."""
    return LABELS[type(outcome)]


LABELS: dict[type, str] = {
    Done: "done",
    Duplicate: "duplicate",
    Ignored: "ignored",
    InProgress: "in_progress",
    Retry: "retry",
    Rejected: "rejected",
}
