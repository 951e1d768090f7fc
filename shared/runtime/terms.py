"""What destinations ask of a mapping that is theirs, as the registry and their record modules say."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from shared.delivery import mapping
from shared.delivery.limits import Limits
from shared.delivery.mapping import Keys, Terms
from shared.runtime.registry import Destination


def terms_of(owners: Mapping[str, Destination], shipped: Path | None = None, keys: Keys = mapping.no_keys) -> Terms:
    """Return the terms of destinations, by the names of their functions: a mapping of several must suit them all."""
    ours: dict[str, frozenset[str]] = {}
    needed: list[str] = []
    limits: Limits = {}
    for one in owners.values():
        reserved, wanted = one.rights()
        ours |= {operation: ours.get(operation, frozenset()) | fields for operation, fields in reserved.items()}
        needed += wanted
        limits = {**limits, **one.limits()}
    known = [one.known() for one in owners.values()]
    names = tuple(name for some in known for name in some) if all(known) else ()

    def mistakes(found: mapping.Mapping) -> Sequence[str]:
        return [text for one in owners.values() for text in one.mistakes(found)]

    subject = "change" if any(one.subject == "change" for one in owners.values()) else "episode"
    return Terms(ours, needed, limits, names, mistakes, shipped, tuple(owners), keys, subject)
