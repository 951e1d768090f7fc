"""The words in which decisions about tickets are told (notes.py). Pure."""

from shared.episodes.desk import Under
from shared.episodes.policy import Policy
from shared.episodes.record import Track


def waits(policy: Policy, *, over: bool) -> str:
    """Return what a ticket waits for that is deserved; `over` where it has waited for that long enough."""
    if over:
        return f"its wait of {span(policy.group_wait)} is over: the next tick decides"
    shared = f" for others of the same {', '.join(policy.group_by)}" if policy.group_by else ""
    return f"it waits {span(policy.group_wait)}{shared}, and for a cause"


def back(policy: Policy) -> str:
    """Return why a ticket is reopened."""
    return f"it came back within {span(policy.reopen_within)} of its end"


def flaps(policy: Policy) -> str:
    """Return what made it flap, and what follows."""
    flap = policy.flap
    if flap is None:
        return "its members flap"
    return f"{flap.changes} ends and returns within {span(flap.within)}: its end must last as long"


def taken(under: Under) -> str:
    """Return what took a problem in."""
    if under.kind == "consequence":
        return f"while {under.path} lasts: {under.summary}"
    return "one ticket for all of its group" if under.kind == "group" else "beyond the limit: one summary for all"


def left(under: Under) -> str:
    """Return that what took a problem in is over."""
    return f"{under.path} is over" if under.path else "what took it in is over"


def rule_of(track: Track) -> str:
    """Return the name of the rule that the latest observation matched."""
    return str(track.head.shown["rule"])


def times(count: int) -> str:
    """Return how often."""
    return "once" if count == 1 else f"{count} times"


def span(seconds: float) -> str:
    """Return a duration as policy files write it."""
    rest, parts = round(seconds), []
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        if rest >= size:
            parts.append(f"{rest // size}{unit}")
            rest %= size
    return "".join(parts) or "0s"
