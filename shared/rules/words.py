"""The words that events are written in: what a text speaks of, whoever wrote it.

A row is a word of ours and the RE2 pattern of what people and programs write for it. All patterns are searched for in
one pass, in the reason (taken apart: `FailedDrainNode` is `failed drain node`) and in the message. What the words
amount to is said in `outcomes`.
"""

import re
from collections.abc import Container, Iterable
from functools import lru_cache

from shared.rules.regex import PatternSet
from shared.rules.words_course import COURSE
from shared.rules.words_trouble import TROUBLE

Signals = int
"""A set of words, one bit for each row."""

STATES: dict[str, str] = {**TROUBLE, **COURSE}
"""How something went."""

# What it is about, where that changes how much a failure weighs.
KINDS: dict[str, str] = {
    "pod": r"Pod\b",
    "node": r"Node\b",
    "instance": r"\w*Machine\b|NodeClaim\b|VSphereVM\b",
    "machine": r"(?:Node|NodeClaim|Machine|MachineOS\w+)\b",
    "service": r"Service\b",
    "address": r"(?:Service|EgressIP)\b",
    "egress": r"EgressIP\b",
    "claim": r"PersistentVolumeClaim\b|DataVolume\b|VolumeSnapshotContent|VolumeGroupSnapshotContent",
    "request": r"Certificate(?:Signing)?Request\b|Challenge\b|Order\b",
    "workload": r"(?:Deployment|StatefulSet|DaemonSet)\b",
    "vm": r"VirtualMachine|DataVolume",
    "certificate": r"Certificate\b",
    "batch": r"(?:Job|Cron\w+)\b",
    "guest": r"VirtualMachine(?:Instance)?\b",
    "issuer": r"(?:Cluster)?Issuer\b",
    "issuing": r"(?:Certificate|Issuer|ClusterIssuer)\b",
    "lease": r"Lease\b",
    "pool": r"NodePool\b",
    "updating": r"(?:ClusterVersion|MachineOS\w+|MachineConfig\w*)\b",
}  # fmt: skip


# With half of it, thousands of different messages fill the automaton over and over, which costs a search twenty-fold.
_MEMORY = 32 << 20


def _set(rows: Iterable[str]) -> PatternSet:
    return PatternSet((rf"(?i)\b(?:{pattern})" for pattern in rows), _MEMORY)


class Vocabulary:
    """Named patterns, searched for together; a text's words are the bits of a number.

    `heard` are the names that are searched for at all, where that is not each: the fewer, the faster.
    """

    def __init__(self, rows: dict[str, str], heard: Container[str] | None = None) -> None:
        self._bits = {name: 1 << place for place, name in enumerate(rows)}
        self._rows = {name: pattern for name, pattern in rows.items() if heard is None or name in heard}
        self._found = [self._bits[name] for name in self._rows]
        self._search: PatternSet | None = None  # made when first needed: most functions never meet an unknown reason

    def signals(self, text: str) -> Signals:
        """Return the words that are in the text; none where RE2 could not tell."""
        if self._search is None:
            self._search = _set(self._rows.values())
        found = 0
        for place in self._search.search(text) or ():
            found |= self._found[place]
        return found

    def mask(self, names: str) -> Signals:
        """Return the set of words in a text of names. Raises KeyError for one that is none."""
        found = 0
        for name in names.split():
            found |= self._bits[name]
        return found


# Patterns of Python's own, which compiles them when they are first needed: most functions never meet an unknown reason.
# Abbreviations whose letters do not all look alike: `GPUsLost` is no `gp us lost`, and `NVMe` one word.
_MIXED = r"(?:[A-Z]+[A-HJ-Z]|(?:AM|AP|CN|CS|EN|UR)I)s(?=[A-Z]|\b|_)|NVMe|OAuth|IPv[46]|iSCSI|eBPF|gRPC|mTLS|VMware"
_JOINTS = r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[a-z]{4})(?=\d+$)|[-_./]+"
_OCCASION = r"(?<!power) (?:on|after|upon|due to) (?:error|failure)\b"
# What is taken away or repaired may have failed; the taking did not.
_TAKEN = (
    r"^((?:remov|delet|evict|prun|clean|purg|drop|reap|repair|replac)\w*(?: up)?(?: pods)?) (?:having|violating|failed"
    r"|invalid|stale|orphan\w*|expired|unhealthy|degraded|broken|duplicates?|duplicated|dead|lost|corrupt\w*|stuck"
    r"|too many)(?:\b(?= \w)|(?<=duplicates)$)"
)
_TAKEN_LAST = (
    r"^(?:(?:failed|invalid|stale|orphan\w*|expired|unhealthy|degraded|broken|duplicated?|dead|lost|corrupt\w*|stuck"
    r"|blocking|unused) )+(?!not |to )(?=.*\b(?:removed|deleted|evicted|pruned|cleaned(?: up)?|purged|dropped|reaped"
    r"|swept|collected|forgotten|released|repaired|replaced|recovered|remediated|resolved|restored|healed|cleared)$)"
)
# What a trouble's name stands before is the matter: the domain of failures is no failure.
_ATTRIBUTE = (
    r"\b(?:alarm|conflict|crash|drift|error|exception|failure|fault|leak|outage|panic|retry|timeout|warning)"
    r" (?=(?:budget|catalog|code|config\w*|dashboard|detector|domain|handler|handling|log|mode|monitor|page|policy"
    r"|receiver|report|resolver|rule|setting|template|threshold|topology|tracker|tracking|window)s? (?!err|exceed"
    r"|exhaust|fail|hit|reach|trigger))"
    r"|\bfull (?=(?:backup|check|compaction|copy|export|import|load|rebuild|reconcile|refresh|repair|restore|resync"
    r"|scan|snapshot|sync|vacuum)\w*\b)"
)


def _spelt(reason: str) -> str:
    one_word_each = re.sub(_MIXED, lambda found: found[0].capitalize(), reason)
    return re.sub(_OCCASION, "", " ".join(re.sub(_JOINTS, " ", one_word_each).lower().split()))


def apart(reason: str) -> str:
    """Return a reason as a sentence: `NTPIsDown` is `ntp is down`, and `RestartOnError` a `restart`."""
    return re.sub(_ATTRIBUTE, "", re.sub(_TAKEN_LAST, "", re.sub(_TAKEN, r"\1", _spelt(reason))))


# How it went is no part of what it was about.
_OUTCOMES = (
    " fail failed failing failure err error errors exception cannot unable could not no to timeout timed out invalid"
    " success succeeded successful successfully complete completed finished done ok is are has been became requested"
    " ready healthy unhealthy degraded faulted available unavailable recovered restored resolved normal warning "
)
_ENDINGS = r"(?:iation|ation|ion|ing|ed|es|e|s)$"
_SHORTEST = 5


@lru_cache(maxsize=4096)
def matter(reason: str) -> str:
    """Return what a reason is about, without how it went, so that failure and success of one thing meet.

    `ReconciliationFailed`, `ReconcileError` and `ReconcileSucceeded` are all about `reconcil`; `Ready` names nothing.
    """
    words = (word for word in _spelt(reason).split() if f" {word} " not in _OUTCOMES)
    return " ".join(re.sub(_ENDINGS, "", word) if len(word) >= _SHORTEST else word for word in words)
