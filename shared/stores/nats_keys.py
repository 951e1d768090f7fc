"""How keys become subjects of NATS: each character is a token of its own, so that a prefix is a wildcard.

NATS finds subjects by their tokens and by nothing else, and lists them in no order. With a token for each character
every prefix of a key is a filter that its server answers from its index, and the children of a prefix can be gone
through in the order of the alphabet. `due.07.a` is `d.u.e.=.0.7.=.a`: a subject keeps `.` for itself.
"""

from typing import Final

ALPHABET: Final = "-.0123456789_abcdefghijklmnopqrstuvwxyz"
"""What keys are made of (limits.py), in their order."""
_BEYOND: Final = "\x7f"  # greater than every character of a key


def subject_of(key: str) -> str:
    """Return the subject of a key below the bucket's own prefix."""
    return ".".join(key.replace(".", "="))


def key_of(subject: str) -> str:
    """Return the key of such a subject."""
    return subject[::2].replace("=", ".")


def filters_of(prefix: str) -> list[str]:
    """Return the filters that match all keys with a prefix, and the key that is the prefix itself."""
    subject = subject_of(prefix)
    return [subject, f"{subject}.>"] if prefix else [">"]


def children(prefix: str) -> list[str]:
    """Return the prefixes that are one character longer, in order."""
    return [prefix + letter for letter in ALPHABET]


def is_past(prefix: str, after: str) -> bool:
    """Return whether no key with this prefix is greater than `after`."""
    return prefix + _BEYOND <= after
