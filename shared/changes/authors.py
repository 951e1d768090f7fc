"""The person behind a change: what an audit record says of it, kept for a while under the version that it made.

An object says which program wrote it, never which user; an audit record says who, and which version came of it. The two
meet in the store, under cluster, namespace, name and resourceVersion: an audit record has no uid for what it created,
and names the resource, not the kind; a resourceVersion is given once in a cluster.
"""

from typing import Any, Final, NamedTuple

import orjson

from shared.events.identity import digest
from shared.events.model import Observation

KEPT_SECONDS: Final = 3600.0
"""How long an author waits for the object's own event: audit is sent in batches, and both may be held by a broker."""
_MAX_TEXT = 256
_WRITES = frozenset({"create", "update", "patch"})
_DRY_RUN: Final = "audit.tidings.dev/dry-run"
"""What shared.sources.audit notes on a request that changed nothing; its answer has the version that was there."""


class Author(NamedTuple):
    """Who asked for a change: the user that the API server authenticated, the verb, and the audit record's id."""

    user: str
    verb: str = ""
    audit_id: str = ""


def key_of(cluster: str, namespace: str, name: str, resource_version: str) -> str:
    """Return the key under which the store keeps the author of one version of an object."""
    return f"author.{digest('author', cluster, namespace, name, resource_version)}"


def told_by(observation: Observation) -> tuple[str, Author] | None:
    """Return what an audit record says of who made a version, and its key; None where it says nothing of that.

    The version that came of a request stands in its answer, which audit has at the level RequestResponse alone.
    """
    if observation.dialect != "audit" or observation.action not in _WRITES or _DRY_RUN in observation.annotations:
        return None
    record = observation.original
    answer = _members(_members(record.get("responseObject")).get("metadata"))
    version, user = answer.get("resourceVersion"), _members(record.get("user")).get("username")
    thing = observation.object
    if not isinstance(version, str) or not version or not isinstance(user, str) or not user or not thing.name:
        return None
    author = Author(user, observation.action, observation.source_uid)
    return key_of(observation.cluster, thing.namespace, thing.name, version), author


def _members(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def encode(author: Author) -> bytes:
    """Return an author as stored bytes; put it under `key_of` with KEPT_SECONDS. The user is redacted already."""
    return orjson.dumps([text[:_MAX_TEXT] for text in author])


def decode(data: bytes) -> Author | None:
    """Return a stored author, None for what cannot be read: then nobody is named."""
    try:
        user, verb, audit_id, *_ = orjson.loads(data)  # a newer release may have put more behind
        return Author(str(user), str(verb), str(audit_id))
    except (ValueError, TypeError):
        return None
