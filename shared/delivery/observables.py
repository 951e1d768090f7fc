"""Observables: what analysts search other systems for, taken from the texts of an episode, by kind.

An episode has no fields of its producer any more, so they are found in its messages: in the `name=value` pairs that
Falco's rules write (reference/inputs.md §1.5), and in forms that cannot be mistaken, as addresses and labelled hashes.
It is given what the destination may know: what `minimise` took out of the episode is not there, and what stands in its
place is no observable. A value that cannot be had whole is left out, for a part of it is another one.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from shared.delivery.personal import is_person, users_of_sentence

MOST: Final = 5
"""Most values of one kind: of an episode with more the latest."""
LONGEST: Final = 255
"""Most characters of a value."""
_LONG: Final = 160  # characters: so long a text may be one that was cut, with no sign of it
_PAIR: Final = re.compile(
    r"(?<![\w.])(?P<key>(?:user|proc|process|g{0,2}parent|command|p?cmdline|terminal|exe|container|k8s|file|evt|connection|fd"
    r"|image|domain|ns|pod|md5|sha\d)[a-z0-9_.]*)="
)
_V4: Final = re.compile(r"(?<![\w.:/-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\w)")
_V4_AFTER_ARROW: Final = re.compile(r"(?<=->)(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\w)")
_V6: Final = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
_URL: Final = re.compile(r"\bhttps?://(?:[^\s/@'\"]{1,255}@)?([A-Za-z0-9][A-Za-z0-9.-]{2,252})")
_DOMAIN: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_INSIDE: Final = (".local", ".svc", ".internal", ".localdomain")
_PATH: Final = re.compile(r"/[^\s]+")
_IMAGE: Final = re.compile(r"[a-z0-9][\w.:@/-]*", re.IGNORECASE)
_MINIMISED: Final = re.compile(r"\[(?:user|address|name)\]|(?<![\w-])[uan]-[0-9a-f]{20}(?![\w-])")
_UNKNOWN: Final = frozenset({"", "<NA>", "<unknown>", "N/A", "null"})


def observables(episode: Any, kind: str) -> str:
    """Return the observables of one kind (a name of `KINDS`) in an episode, one a line, the latest first.

    Raises ValueError for another kind, and for what is no episode.
    """
    take = _TAKERS.get(kind)
    if take is None:
        raise ValueError(f"there is no kind of observables {kind!r}")
    if not hasattr(episode, "history"):
        raise ValueError("observables are those of an episode")
    found: dict[str, None] = {}
    for value in take(episode):
        if _fits(value):
            found.setdefault(value)
            if len(found) == MOST:
                break
    return "\n".join(found)


def _fits(value: str) -> bool:
    """Return True for what can be sought: printable, not too long, and nothing that stands for something else.

    A `^` would end the condition of a ServiceNow query (F47).
    """
    return (
        value not in _UNKNOWN
        and len(value) <= LONGEST
        and value.isprintable()
        and "^" not in value
        and "…" not in value
        and _MINIMISED.search(value) is None
    )


def _texts(episode: Any) -> Iterator[tuple[str, str]]:
    """Yield reason and message of what was seen, the latest first."""
    yield episode.reason, episode.message
    for one in reversed(episode.history):
        yield one.reason, one.message


def _found(pattern: re.Pattern[str], episode: Any) -> Iterator[str]:
    """Yield what a pattern finds in all texts, but at the end of one that may have been cut there."""
    for _, text in _texts(episode):
        for match in pattern.finditer(text):
            if match.end() < len(text) or len(text) < _LONG:
                yield match[match.lastindex or 0]


def _pairs(episode: Any, *keys: str) -> Iterator[str]:
    """Yield the values of pairs; a value goes on to the next pair that Falco writes, or to the end of the text."""
    for _, text in _texts(episode):
        begins = list(_PAIR.finditer(text))
        for begin, following in zip(begins, [*begins[1:], None], strict=False):
            if begin["key"] not in keys or (following is None and len(text) >= _LONG and not text.endswith(")")):
                continue
            value = text[begin.end() : following.start() if following else len(text)].partition(" | ")[0].strip()
            yield value if following else value.removesuffix(")")


def _addresses(version: int) -> Callable[[Any], Iterator[str]]:
    patterns = (_V4, _V4_AFTER_ARROW) if version == 4 else (_V6,)  # noqa: PLR2004 -- as the protocols are called

    def take(episode: Any) -> Iterator[str]:
        for pattern in patterns:
            for text in _found(pattern, episode):
                try:
                    address = ipaddress.ip_address(text)
                except ValueError:  # a version of something, a time
                    continue
                if not (address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local):
                    yield str(address)

    return take


def _hashes(label: str, digits: int) -> Callable[[Any], Iterator[str]]:
    """Take hashes that are called so: container ids look alike."""
    pattern = re.compile(rf"(?i)(?<![a-z0-9]){label}(?:sum|_hash)?[:=]\s?\"?([0-9a-f]{{{digits}}})(?![0-9a-z])")

    def take(episode: Any) -> Iterator[str]:
        yield from (one.lower() for one in _found(pattern, episode))
        yield from (one.lower() for one in pattern.findall(episode.relations.get("image", "")))

    return take


def _domains(episode: Any) -> Iterator[str]:
    for host in (*_found(_URL, episode), *_pairs(episode, "domain")):
        name = host.rstrip(".").lower()
        if _DOMAIN.fullmatch(name) and not name.endswith(_INSIDE):
            yield name


def _users(episode: Any) -> Iterator[str]:
    for reason, message in _texts(episode):
        yield from users_of_sentence(episode.component, reason, message) or ()
    yield from (one.who for one in episode.suspects if is_person(one.who))


def _files(episode: Any) -> Iterator[str]:
    for path in _pairs(episode, "file", "fd.name", "proc_exe", "proc_exepath", "proc.exepath", "exepath"):
        if _PATH.fullmatch(path):
            yield path


def _images(episode: Any) -> Iterator[str]:
    yield episode.relations.get("image", "")
    yield from filter(_IMAGE.fullmatch, _pairs(episode, "container_image", "container.image", "image"))


_TAKERS: Final[dict[str, Callable[[Any], Iterator[str]]]] = {
    "ipv4": _addresses(4),
    "ipv6": _addresses(6),
    "domains": _domains,
    "users": _users,
    "processes": lambda episode: _pairs(episode, "process", "proc_name", "proc.name"),
    "commands": lambda episode: _pairs(episode, "command", "cmdline", "proc_cmdline", "proc.cmdline"),
    "files": _files,
    "images": _images,
    "md5": _hashes("md5", 32),
    "sha1": _hashes("sha-?1", 40),
    "sha256": _hashes("sha-?256", 64),
}
KINDS: Final = tuple(_TAKERS)
"""What can be asked for."""
