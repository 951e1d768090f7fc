"""Stub of what an observation hangs on."""

from shared.events.model import Classified


def relations_of(classified: Classified, placed: str = "") -> dict[str, str]:
    seen = classified.observation
    found: dict[str, str] = {}
    node = seen.object.name if seen.object.kind == "Node" else (seen.host or placed)
    if node:
        found["node"] = node
    return found
