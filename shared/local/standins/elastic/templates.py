"""Which index template applies to a name, and what is then made of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Final

from shared.local.standins.elastic.fields import flattened
from shared.local.standins.elastic.store import Store

INDEX, COMPONENT, POLICY, KEY = "index", "component", "policy", "key"
BUILT_IN: Final = {"index_patterns": ["logs-*-*"], "data_stream": {}, "priority": 100, "composed_of": []}
"""What Elasticsearch has from the start, under the name `logs`; OpenSearch has none."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What a template says of an index: is it a data stream, the types of its fields, is it lenient with them."""

    stream: bool = False
    types: dict[str, str] | None = None
    lenient: bool = False


def templates(store: Store, *, built_in: bool) -> dict[str, Any]:
    """Return all index templates by name."""
    return ({"logs": BUILT_IN} if built_in else {}) | store.things(INDEX)


def applied(store: Store, name: str, *, built_in: bool) -> Applied:
    """Return what the matching template of the highest priority says of a name; nothing where there is none."""
    matching = [
        (template.get("priority", 0), template)
        for template in templates(store, built_in=built_in).values()
        if any(fnmatchcase(name, pattern) for pattern in template.get("index_patterns", ()))
    ]
    if not matching:
        return Applied()
    _, template = max(matching, key=lambda pair: pair[0])
    components = store.things(COMPONENT)
    parts = [components.get(one, {}).get("template", {}) for one in template.get("composed_of", ())]
    types: dict[str, str] = {}
    lenient = False
    for part in (*parts, template.get("template", {})):
        types |= dict(flattened(part.get("mappings", {}).get("properties", {})))
        settings = part.get("settings", {})
        lenient = lenient or str(settings.get("index.mapping.ignore_malformed", "")).lower() == "true"
    return Applied("data_stream" in template, types, lenient)


def missing_components(store: Store, template: Any) -> list[str]:
    """Return the component templates that a template names and that are not there."""
    there = store.things(COMPONENT)
    return [name for name in template.get("composed_of", ()) if name not in there]


def backing_name(stream: str, generation: int) -> str:
    """Return the name of a data stream's backing index."""
    return f".ds-{stream}-{datetime.now(UTC):%Y.%m.%d}-{generation:06d}"
