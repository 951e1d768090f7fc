"""One request of a webhook, as the mapping says it: purely from the fields that were rendered."""

import re
from collections.abc import Mapping as Members
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

import orjson

from shared.delivery.limits import Limit
from shared.delivery.mapping import OPERATIONS, STAGE, Mapping
from shared.delivery.mapping_field import Field
from shared.delivery.templates import Text
from shared.destinations.webhook.settings import OURS, TOKEN
from shared.events.outcome import Rejected

METHODS: Final = ("POST", "PUT", "PATCH", "DELETE")
KNOWN: Final = ("method", "url", "headers", "body", "token", "success", "notable")
"""What an operation of a webhook's mapping may hold."""
FIELDS: Final = {"notable": Limit(type="boolean")}
"""What can be told of their values."""
NEEDED: Final = ()
"""Operations that a mapping must have: any one will do."""
RESERVED: Final = {
    operation: frozenset(f"headers.{name}" for ours in OURS for name in (ours, ours.title()))
    for operation in OPERATIONS
}
"""Fields that no mapping may set."""
ANY: Final = "*"
"""In `success`: any value that is not empty."""
_PATH: Final = re.compile(r"(/(?!/)|\?)[!-~]*")
_BEGINNINGS: Final = ("/", "?", "{")  # a template may print either
_LONGEST: Final = 8_000
"""Characters of what a mapping adds to the URL: longer ones servers need not take (RFC 9110 §4.1)."""
_JSON: Final = "application/json"
_TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Success:
    """When an answer counts: its status is one of `status`, and its body holds what is asked for."""

    status: tuple[range, ...] = (range(200, 300),)
    json: Any = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the token goes: into a header, with a word before it, or into a member of the body."""

    header: str = "authorization"
    scheme: str = "Bearer"
    member: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, without credentials, key and signature. `path` is below WEBHOOK_URL; `body` is JSON, or a text."""

    method: str = "POST"
    path: str = ""
    headers: Members[str, str] = field(default_factory=dict)
    body: Any = None
    success: Success = Success()
    place: Place = Place()


def prepared(mapping: Mapping) -> Mapping:
    """Return the mapping with every value in a `url` escaped, so that what an event says is never a delimiter there."""
    return mapping.changed(lambda _, fields: tuple(_escaped(one) if one.name == "url" else one for one in fields))


def mistakes(mapping: Mapping) -> list[str]:
    """Return what cannot work in a mapping, as sentences: methods, paths, codes and names of headers."""
    found: list[str] = []
    for operation, fields in mapping.every():
        for one in fields:
            constant = one.text.constant if one.text is not None else None
            if one.name == "method" and constant is not None and constant not in METHODS:
                found.append(f"{operation}: `method` must be one of {', '.join(METHODS)}")
            if one.name == "url" and one.text is not None and not one.text.source.startswith(_BEGINNINGS):
                found.append(f"{operation}: `url` must be a path that begins with / or ?")
            if one.name == "headers":
                names = [inner.name for inner in one.group if not TOKEN.fullmatch(inner.name)]
                found += [f"{operation}: `{name}` is no name of a header" for name in names]
            if one.name == "token":
                found += [f"{operation}: `{header}` is no name of a header" for header in _wrong_headers(one)]
            if one.name == "success":
                found += [f"{operation}: {wrong}" for wrong in _wrong_success(one)]
    return found


def asked(fields: dict[str, Any]) -> Asked | Rejected:
    """Return the request of one operation's rendered fields."""
    method, path = str(fields.get("method", "POST")), str(fields.get("url", ""))
    if method not in METHODS:
        return Rejected(STAGE, "field method: no method that is sent")
    if path and not _PATH.fullmatch(path):
        return Rejected(STAGE, "field url: must be a path that begins with / or ?")
    if len(path) > _LONGEST:
        return Rejected(STAGE, f"field url: is longer than {_LONGEST} characters")
    success = _success(fields.get("success"))
    if isinstance(success, Rejected):
        return success
    body = fields.get("body")
    headers = _headers(fields.get("headers"), _TEXT if isinstance(body, str) else _JSON)
    return Asked(method, path, headers, body, success, _place(fields.get("token")))


def body_of(request: Asked, token: str = "") -> bytes | Rejected:
    """Return the body as it is sent, with the token where the mapping wants it there."""
    body = request.body
    if token and request.place.member:
        if not isinstance(body, dict):
            return Rejected(STAGE, "field token: there is no body to put it in")
        body = {**body, request.place.member: token}
    if isinstance(body, str):
        return body.encode()
    try:
        return b"" if body is None else orjson.dumps(body)
    except orjson.JSONEncodeError:
        return Rejected(STAGE, "field body: it cannot be written as JSON")


def _escaped(one: Field) -> Field:
    text = one.text
    if text is not None:
        text = Text(text.source, text.constant, text.path, "url")
    return replace(one, text=text, escape="url")


def _headers(value: Any, content_type: str) -> dict[str, str]:
    """Return headers by lower-case name; what no header can hold becomes a space (F46)."""
    headers = {"content-type": content_type}
    for name, text in value.items() if isinstance(value, dict) else ():
        if name.lower() not in OURS:
            headers[name.lower()] = "".join(one if one.isprintable() else " " for one in str(text)).strip()
    return headers


def _place(value: Any) -> Place:
    if not isinstance(value, dict):
        return Place()
    if "member" in value:
        return Place(header="", scheme="", member=str(value["member"]))
    header = str(value.get("header", "authorization")).lower()
    return Place(header, str(value.get("scheme", "Bearer" if header == "authorization" else "")))


def _success(value: Any) -> Success | Rejected:
    if not isinstance(value, dict):
        return Success()
    try:
        status = codes(str(value["status"])) if "status" in value else Success().status
    except ValueError as error:
        return Rejected(STAGE, f"field success.status: {error}")
    return Success(status, value.get("json"), str(value.get("text", "")))


@lru_cache(maxsize=64)
def codes(text: str) -> tuple[range, ...]:
    """Return the status codes that a text names, as `200-299` or `200, 202`. Raises ValueError."""
    found = []
    for part in text.split(","):
        low, _, high = part.strip().partition("-")
        if not (low.isdecimal() and (high or low).isdecimal() and 200 <= int(low) <= int(high or low) <= 299):  # noqa: PLR2004 - all that can mean that it was taken
            raise ValueError("must name codes from 200 to 299, as `200-299` or `200, 202`")
        found.append(range(int(low), int(high or low) + 1))
    return tuple(found)


def _wrong_headers(token: Field) -> list[str]:
    named = [one.text.constant for one in token.group if one.name == "header" and one.text is not None]
    return [name for name in named if name is not None and not TOKEN.fullmatch(name)]


def _wrong_success(success: Field) -> list[str]:
    found = []
    for one in success.group:
        if one.name not in {"status", "json", "text"}:
            found.append(f"`success` has `status`, `json` and `text`, and no `{one.name}`")
        constant = one.text.constant if one.text is not None else None
        if one.name == "status" and constant is not None:
            try:
                codes(constant)
            except ValueError as error:
                found.append(f"`success.status` {error}")
    return found
