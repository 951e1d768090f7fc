"""Which event types of ours this release reads: those of version 1 (docs/upgrade.md). Pure.

Within a version members are added only, and whoever does not know one ignores it. Another version may mean other things
by the same names, so nobody may read it as if it were this one, though its data happened to fit.
"""

from shared.events.outcome import Rejected

_OURS = "dev.tidings."
_READ = ".v1"

REFUSED = Rejected("decode", "the version of its type is none that this release reads")
"""What becomes of others: a dead letter at once, to be sent again (`tidings dead-letters retry`) after the upgrade."""


def is_unread(event_type: str) -> bool:
    """Return True for a type of ours in a version that this release does not read."""
    return event_type.startswith(_OURS) and not event_type.endswith(_READ)
