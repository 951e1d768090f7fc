"""Where events name people, addresses and objects: what `minimise` looks for before anything is rendered.

Structured places tell: the user of an audit record (reference/inputs.md §1.8) and whoever it impersonates, members that
are called like a user in any dialect (`ka.user.name`, `requestUsername`, `users` of a Group), references of kind User,
the author of a change. A ticket has texts alone: there, names are found in the sentences that Tidings itself writes and
in the forms in which programs write them, `user=alice` and `User "alice"`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_NO_SIGNS: Final = re.compile(r"[^a-z0-9]")
_USERS: Final = frozenset(
    {"user", "users", "useruid", "userid", "requester", "friendlyname", "fullname", "email", "creator", "createdby"}
)
_USER_OBJECTS: Final = frozenset({"user", "impersonateduser", "userinfo"})
_ADDRESSES: Final = frozenset({"sourceips", "sourceip", "clientip", "remoteip", "remoteaddr", "srcip", "addr"})
_REFERENCES: Final = frozenset({"metadata", "objectref"})
_USER_KINDS: Final = frozenset({"User", "Identity", "UserIdentityMapping"})
_NOBODY: Final = frozenset(
    {"root", "nobody", "somebody", "nobody known", "<na>", "n/a", "unknown", "none", "null", "-"}
)
_SYSTEM: Final = "system:"

SERVER: Final = "apiserver"
_ACS: Final = "ACS "
_CALLED: Final = r"(?i)(?<![a-z0-9])(?:[a-z]*user(?:[._]?name)?|acct|subject|requester)"
_QUOTED: Final = r"""(?:"((?:[^"\n\\]|\\\\)+)|'((?:[^'\n\\]|\\\\)+))"""
_FORMS: Final = (
    re.compile(rf"""{_CALLED}(?:\\?["'])?\s?[=:]\s?\\?{_QUOTED}"""),  # user="alice", and JSON in a text
    re.compile(rf"""{_CALLED}=([^\s"',;()\[\]{{}}]+)"""),
    re.compile(rf"(?i)(?<![a-z0-9])users? {_QUOTED}"),
    re.compile(r"\S (?:added|created|changed|updated|deleted|removed) by (\S+?)(?=:?(?:\s|$))"),
)


def is_person(value: str) -> bool:
    """Return True for what may be a person's name: not for the names of programs, nor for those of nobody."""
    return bool(value.strip()) and not value.startswith(_SYSTEM) and value.strip().lower() not in _NOBODY


def users_in(value: Any) -> Iterator[str]:
    """Yield the user names in a JSON value, by the members that hold them."""
    yield from (name for name in _users(value, whole=False) if is_person(name))


def _users(value: Any, *, whole: bool) -> Iterator[str]:
    """`whole` says that each text of the value itself is a name."""
    if isinstance(value, str):
        if whole:
            yield value
    elif isinstance(value, list):
        for item in value:
            yield from _users(item, whole=whole)
    elif isinstance(value, dict):
        for key, item in value.items():
            plain = plain_key(key)
            if isinstance(item, dict):
                yield from (name for name in item.values() if isinstance(name, str) and plain in _USER_OBJECTS)
                yield from _users(item, whole=False)
            else:
                yield from _users(item, whole=plain in _USERS or plain.endswith("username"))
        if value.get("kind") in _USER_KINDS:
            yield from _own_names(value)


def addresses_in(value: Any) -> Iterator[str]:
    """Yield the texts in a JSON value that are addresses by the member that holds them, whatever they look like."""
    if isinstance(value, list):
        for item in value:
            yield from addresses_in(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if plain_key(key) in _ADDRESSES:
                yield from (one for one in (item if isinstance(item, list) else [item]) if isinstance(one, str))
            yield from addresses_in(item)


def names_in(value: Any) -> Iterator[str]:
    """Yield the names of objects in a JSON value: of references and of the object itself."""
    if isinstance(value, list):
        for item in value:
            yield from names_in(item)
    elif isinstance(value, dict):
        if value.get("kind") not in _USER_KINDS:
            yield from _own_names(value) if "kind" in value else ()
        for key, item in value.items():
            if plain_key(key) in _REFERENCES and isinstance(item, dict):
                yield from (item[name] for name in ("name", "generateName") if isinstance(item.get(name), str))
            yield from names_in(item)


def _own_names(reference: Mapping[str, Any]) -> Iterator[str]:
    metadata = reference.get("metadata")
    for holder in (reference, metadata if isinstance(metadata, dict) else {}):
        if isinstance(holder.get("name"), str):
            yield holder["name"]


def users_of_sentence(component: str, reason: str, message: str) -> list[str] | None:
    """Return the user names in a message; None where one must be there and it cannot be told which."""
    found = [name for form in _FORMS for groups in form.findall(message) for name in _groups(groups)]
    asked = reason.removeprefix(_ACS)  # a record's is `create pods/exec`; that of an Event is one word
    if message and (asked != reason or (component.endswith(SERVER) and " " in reason)):
        who, *rest = message.split(f": {asked} ")
        if len(rest) != 1:  # a name that holds what separates it is meant to mislead
            return None
        found += who.split(" as ")
    return [name for name in found if is_person(name)]


def _groups(found: str | tuple[str, ...]) -> tuple[str, ...]:
    return (found,) if isinstance(found, str) else tuple(filter(None, found))


def plain_key(key: str) -> str:
    """Return the name of a member without its signs: `ka.user.name` and `kaUserName` are one."""
    return _NO_SIGNS.sub("", key.rpartition("/")[2].lower())
