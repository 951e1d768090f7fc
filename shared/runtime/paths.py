"""The paths that producers post to, by name, and what each one's sender takes for "come again"."""

from typing import Final

PATHS: Final = (
    "webhook",
    "botkube",
    "events",
    "falco",
    "audit",
    "gatekeeper",
    "kyverno",
    "alertmanager",
    "acs",
    "hubble",
    "logs",
)
"""The paths of `intake`, each with a method of its own where its setting says so."""


def status_of_later(path: str) -> int:
    """Return the status that makes the sender to `/PATH` send again: the API server repeats 429 without end."""
    return 429 if path == "/audit" else 503
