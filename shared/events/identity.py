"""Identities and keys: what makes two things the same one, on every replica and for ever (architecture.md §1).

All keys match `[a-z0-9-]+`, so that they can stand in a ServiceNow query, a NATS key, a LEEF field or a URL.
"""

import hashlib
import json
import re
from datetime import datetime
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

from shared.events.model import ObjectRef

_DIGEST_BYTES = 17  # 130 bits are 26 base32 characters; six bits are left over
_ALPHABET = "0123456789abcdefghijklmnopqrstuv"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_PLACES = range(126, 5, -10)  # where each two characters begin, counted in bits from the right

# One thing under two names: events of a virtual machine come from both objects, which share their name
# (reference/inputs.md §1.10).
_SAME_KIND = {"VirtualMachineInstance": "VirtualMachine"}

_SHORT = 512  # characters of a message that is remembered: together a few MB at most
_COMBINED = "(combined from similar events): "
_VARIABLE = re.compile(
    r"(?=[\da-fs])(?:"  # what every alternative begins with: twice as fast
    r"0x[0-9a-f]+"
    r"|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
    r"|\b(?:sha256:)?[0-9a-f]{12,}\b"
    r"|\d+(?:\.\d+)*(?:[a-zµ]{1,2}\b)?)",
    re.IGNORECASE,
)


def digest(*parts: str) -> str:
    """Return a 26-character key of the parts; different splits of the same text give different keys."""
    text = f"[{', '.join(map(encode_basestring, parts))}]"  # a JSON array, as the json module writes it
    raw = hashlib.sha256(text.encode()).digest()
    number = int.from_bytes(raw[:_DIGEST_BYTES], "big")
    return "".join([_PAIRS[number >> place & 1023] for place in _PLACES])  # base32hex in lower case


# The same few things are asked for again and again, in a storm above all. All parts are names: at most 1 kB each.
_again = lru_cache(maxsize=2048)(digest)


def event_identity(cluster: str, uid: str, count: int) -> str:
    """Return the identity of a Kubernetes Event at one count (the greater of count and series count)."""
    return digest("event", cluster, uid, str(count))


def object_identity(cluster: str, uid: str, resource_version: str, *, deleted: bool) -> str:
    """Return the identity of an object at one resourceVersion; never of the verb that reported it."""
    return digest("object", cluster, uid, resource_version, "deleted" if deleted else "")


def sender_identity(cluster: str, source: str, event_id: str) -> str:
    """Return the identity of what has neither uid nor resourceVersion: the sender's own id."""
    return digest("sender", cluster, source, event_id)


def payload_identity(cluster: str, payload: Any, received: datetime) -> str:
    """Return the identity of what has no id at all: its content and the minute."""
    text = json.dumps(payload, sort_keys=True, ensure_ascii=False, default=str)
    return digest("payload", cluster, text, received.strftime("%Y-%m-%dT%H:%M"))


def object_key(cluster: str, thing: ObjectRef) -> str:
    """Return the key of the object that problems are kept for: by name, since uids are not reliable in Events."""
    return digest("thing", cluster, _SAME_KIND.get(thing.kind, thing.kind), thing.namespace, thing.name)


def problem_key(cluster: str, thing: ObjectRef, condition: str, part: str = "") -> str:
    """Return the problem key: the same condition on the same (part of the same) thing gives the same key for ever."""
    kind = _SAME_KIND.get(thing.kind, thing.kind)
    return _again("problem", cluster, kind, thing.namespace, thing.name, condition, part)


def scope_key(cluster: str, thing: ObjectRef, owner: ObjectRef | None, host: str) -> str:
    """Return the partition key: the node, or the namespace and owner, of a cluster."""
    if thing.kind == "Node" or not thing.namespace:
        return _again("scope", cluster, "node" if thing.kind == "Node" else thing.kind, thing.name or host)
    name = owner.name if owner is not None and owner.name else workload_name(thing)
    return _again("scope", cluster, thing.namespace, name)


_POD_OF_DEPLOYMENT = re.compile(r"^(?P<owner>.+?)-[a-f0-9]{5,10}-[a-z0-9]{5}$")
_REPLICASET = re.compile(r"^(?P<owner>.+?)-[bcdf0-9][bcdf0-9hjklmnpqrstvwxz]{4,9}$")
_POD_OF_SET = re.compile(r"^(?P<owner>.+?)-(?:\d+|[bcdfghjklmnpqrstvwxz2456789]{5})$")


def workload_name(thing: ObjectRef) -> str:
    """Guess the workload's name from a pod's or ReplicaSet's, where no owner is known; else the name itself."""
    patterns = {"Pod": (_POD_OF_DEPLOYMENT, _POD_OF_SET), "ReplicaSet": (_REPLICASET,)}
    for pattern in patterns.get(thing.kind, ()):
        found = pattern.match(thing.name)
        if found:
            return found["owner"]
    return thing.name


def workload_of(thing: ObjectRef) -> ObjectRef:
    """Return what stands for all pods of one workload: events rarely name the owner, but a pod's name does."""
    return ObjectRef(kind="Workload", namespace=thing.namespace, name=workload_name(thing))


def episode_id(key: str, started: datetime) -> str:
    """Return the episode's id: problem key and start in seconds, no counter that a lost store could begin again."""
    return f"{key}-{_base32(max(0, int(started.timestamp())))}"


def fingerprint(message: str) -> str:
    """Return a key of what a message says without its numbers, addresses and ids; made before anything is masked."""
    return _short_fingerprint(message) if len(message) <= _SHORT else digest("message", normalise(message))


@lru_cache(maxsize=2048)
def _short_fingerprint(message: str) -> str:
    return digest("message", normalise(message))


def normalise(message: str) -> str:
    """Return the message with its variable parts replaced by `#`, blanks folded, in lower case."""
    text = message.removeprefix(_COMBINED)
    return " ".join(_VARIABLE.sub("#", text).lower().split())


def _base32(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 32)
        digits = _ALPHABET[rest] + digits
    return digits or "0"
