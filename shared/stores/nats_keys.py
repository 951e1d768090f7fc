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


def filters_of(prefix: str, *, all_below: bool = True) -> list[str]:
    """Return the filters that match the key that is the prefix itself and, with `all_below`, all that begin with it."""
    subject = subject_of(prefix)
    own = [subject] if prefix else []
    return [*own, f"{subject}.>" if prefix else ">"] if all_below else own


def below(prefix: str, before: str) -> list[tuple[str, bool]]:
    """Return what makes up the keys with a prefix that are less than `before`, in order.

    Each is a key alone, or (True) a prefix with all below it. Where `before` lies among the keys of the prefix, these
    are few: for each further character of it the key that ends there, and the letters before it.
    """
    if prefix + _BEYOND <= before:
        return [(prefix, True)]
    if not before.startswith(prefix):
        return []
    found: list[tuple[str, bool]] = []
    for length in range(len(prefix), len(before)):
        own = before[:length]
        found += [(own, False), *((own + letter, True) for letter in ALPHABET if letter < before[length])]
    return found


def children(prefix: str) -> list[str]:
    """Return the prefixes that are one character longer, in order."""
    return [prefix + letter for letter in ALPHABET]


def is_past(prefix: str, after: str) -> bool:
    """Return whether no key with this prefix is greater than `after`."""
    return prefix + _BEYOND <= after
