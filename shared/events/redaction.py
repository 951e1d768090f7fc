"""Redaction: what must not leave the process is masked at any depth before anything else sees it (guarantees.md, Data).

Masked are values of Secrets, last-applied configurations, environment values, values under keys that name a secret,
tokens and passwords inside texts, and the user part of URLs. Key names stay, so that people see what was there.
Whatever cannot be walked is masked whole: it fails closed (F41, F42).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import re2

MASK = "[masked]"
_MAX_DEPTH = 100
_MAX_PATHS = 50
_DROPPED = frozenset({"managedFields"})
_MASKED_KEYS = frozenset({"kubectl.kubernetes.io/last-applied-configuration"})
_SECRET_FIELDS = frozenset({"data", "stringData", "binaryData"})
# Keys that contain a sensitive word and hold a name, a reference or a setting, never the secret itself.
_HARMLESS = frozenset(
    {
        "secret",
        "secretname",
        "secretnamespace",
        "secretref",
        "secrets",
        "imagepullsecrets",
        "tokenexpirationseconds",
        "automountserviceaccounttoken",
        "serviceaccounttoken",
        "secretkeyref",
        "privatekeysecretref",
        "privatekey",
        "authorization",
        "passwordsecretref",
        "tokensecretref",
        "credentialsname",
        "problemkey",
    }
)
# A number under such a name says how much or how long, as `maxTokens` and `token_ttl`.
_MEASURE = re2.compile(
    r"(?i)^(?:max|min|num|total)|(?:seconds|minutes|days|age|ttl|timeout|period|count|limit|size|length|version)$"
)

_WORDS = (
    r"(?:passw(?:or)?d|passphrase|secret|token|api[-_.]?key|access[-_.]?key|private[-_.]?key|credential|authorization)"
)
# Short ones that are words of their own elsewhere too: only whole, as in `MYSQL_PWD=` and `X-Amz-Signature=`.
_SHORT = r"(?:pwd|pass|auth|signature)"
_EQUALS = r"(?:[ \t]{0,2}=[ \t]{0,2}|%3d|\\u003d)"
_SENSITIVE_FLAG = re2.compile(rf"(?i)^--?[a-z0-9_.-]*(?:{_WORDS}|\b{_SHORT})$")
_SENSITIVE_KEY = re2.compile(rf"(?i){_WORDS}|^(?:pwd|pass|auth|bearer|.*[-_.](?:pwd|pass|key))$")


@dataclass(frozen=True, slots=True)
class _Pattern:
    kind: str
    pattern: Any
    replacement: str


def _compile(kind: str, pattern: str, replacement: str) -> _Pattern:
    return _Pattern(kind, re2.compile(pattern), replacement)


_TEXT_PATTERNS = (
    _compile("private-key", r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", MASK),
    _compile("url-userinfo", r"([a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/@\"']+@", rf"\1{MASK}@"),
    _compile("bearer", r"(?i)\b(bearer|basic|splunk|apikey)\s+[a-z0-9+/=_.~-]{8,}", rf"\1 {MASK}"),
    _compile("jwt", r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?", MASK),
    _compile(
        "known-token",
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}|\bxox[abprs]-[A-Za-z0-9-]{10,}"
        r"|\bglpat-[A-Za-z0-9_-]{15,}|\bnpm_[A-Za-z0-9]{30,}|\bAIza[A-Za-z0-9_-]{35}|\bhv[sb]\.[A-Za-z0-9_-]{20,}",
        MASK,
    ),
    _compile("sha-token", r"\bsha256~[A-Za-z0-9_-]{20,}", MASK),
    # `password=x`, `--token=x`, `"token": "x"`: whatever stands behind is the secret.
    _compile("assignment", rf"(?i)([a-z0-9_.-]*{_WORDS}[a-z0-9_.-]*{_EQUALS}[\"']?)[^\s\"'\\,;&)}}]+", rf"\1{MASK}"),
    _compile(
        "assignment",
        rf"(?i)((?:\b(?:[a-z0-9_.-]*[_.-])?{_SHORT}|[?&]sig){_EQUALS}[\"']?)[^\s\"'\\,;&)}}]+",
        rf"\1{MASK}",
    ),
    # `--token 8f3a…`; short words behind it are prose, as in `--token is required`.
    _compile("flag", rf"(?i)(--[a-z0-9-]*{_WORDS}[ \t]+[\"']?)[^\s\"'-][^\s\"']{{5,}}", rf"\1{MASK}"),
    _compile("cookie", r"(?i)\b(cookie:[ \t]*)[^\r\n]+", rf"\1{MASK}"),
    _compile(
        "member",
        rf"(?i)(\\?[\"'](?:[a-z0-9_.-]*{_WORDS}[a-z0-9_.-]*|{_SHORT})\\?[\"']\s*:\s*\\?[\"'])[^\"'\\]+",
        rf"\1{MASK}",
    ),
    # In prose `token: expired` is no secret; `token: 8f3a…` is.
    _compile("prose", r"(?i)(passw(?:or)?d\s*:\s*)[^\s\"',;]+", rf"\1{MASK}"),
    _compile("prose", rf"(?i)({_WORDS}\s*:\s*)[a-z+/=_.-]*[0-9][a-z0-9+/=_.~-]{{5,}}", rf"\1{MASK}"),
)
_ANY_TEXT = re2.compile("|".join(f"(?:{entry.pattern.pattern})" for entry in _TEXT_PATTERNS))


@dataclass(slots=True)
class Redaction:
    """What was masked: kind by path of the first 50 values, and how many there were by kind.

    `clean` says that no text in the value can hold a secret, so that only its structure has to be looked at.
    """

    clean: bool = False
    paths: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)

    def note(self, kind: str, path: tuple[str, ...]) -> None:
        """Record one masked value; the path is shown with its last parts only."""
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if len(self.paths) < _MAX_PATHS:
            self.paths[".".join(path)[-200:]] = kind


def redact(value: Any) -> tuple[Any, Redaction]:
    """Return a copy of a JSON value without its secrets, and what was masked. Never raises for a JSON value."""
    # One search over all texts at once is a tenth of the cost of one for each, and most values hold nothing. The
    # separator is no blank and no part of a word, so that whatever matches in a text matches in the whole too.
    noted = Redaction(clean=not is_suspect(value))
    return _walk(value, (), noted), noted


def is_suspect(value: Any) -> bool:
    """Return True where some text of a JSON value, at any depth, may hold a secret; keys are not judged by name."""
    return _is_suspect("\0".join(_texts(value)))


def redact_text(text: str, noted: Redaction | None = None, path: tuple[str, ...] = ()) -> str:
    """Return the text with tokens, passwords and URL user parts masked."""
    if not _is_suspect(text):
        return text
    if not _is_unicode(text):
        if noted is not None:
            noted.note("no-text", path)
        return MASK
    for entry in _TEXT_PATTERNS:
        changed = entry.pattern.sub(entry.replacement, text)
        if changed != text:
            text = changed
            if noted is not None:
                noted.note(entry.kind, path)
    return text


def _is_suspect(text: str) -> bool:
    try:
        return _ANY_TEXT.search(text) is not None
    except UnicodeEncodeError:  # half of a surrogate pair: what cannot be searched may hold anything
        return True


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _texts(value: Any) -> list[str]:
    found: list[str] = []
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            found.extend(item)
            rest.extend(item.values())
        elif isinstance(item, list):
            rest.extend(item)
    return found


def _walk(value: Any, path: tuple[str, ...], noted: Redaction) -> Any:
    handler = _BY_TYPE.get(type(value))
    if handler is None:
        noted.note("unknown-type", path)
        return MASK
    if len(path) > _MAX_DEPTH:
        noted.note("too-deep", path)
        return MASK
    return handler(value, path, noted)


def _same(value: Any, _path: tuple[str, ...], _noted: Redaction) -> Any:
    return value


def _text(value: str, path: tuple[str, ...], noted: Redaction) -> str:
    return value if noted.clean else redact_text(value, noted, path)


def _list(value: list[Any], path: tuple[str, ...], noted: Redaction) -> list[Any]:
    if path and path[-1] == "env":
        return [_environment(item, (*path, str(index)), noted) for index, item in enumerate(value)]
    result = []
    flag = False
    for index, item in enumerate(value):
        if isinstance(item, str):
            if flag and item and not item.startswith("-"):
                noted.note("flag", (*path, str(index)))
                item = MASK  # noqa: PLW2901 - what it was is nobody's business any more
                flag = False
            else:
                flag = item.startswith("-") and _SENSITIVE_FLAG.search(item) is not None
        result.append(_walk(item, (*path, str(index)), noted))
    return result


def _mapping(value: dict[str, Any], path: tuple[str, ...], noted: Redaction) -> dict[str, Any]:
    if _is_secret(value):
        value = _without_values(value, path, noted)
    result: dict[str, Any] = {}
    for key, item in value.items():
        if key in _DROPPED:
            continue
        name = key if noted.clean else redact_text(key)
        if key in _MASKED_KEYS or (_is_sensitive(key) and _is_value(item, key)):
            noted.note("key", (*path, name))
            result[name] = MASK
        elif _is_sensitive(key) and isinstance(item, list):
            result[name] = _sensitive_list(item, (*path, name), noted)
        else:
            result[name] = _walk(item, (*path, name), noted)
    return result


def _sensitive_list(value: list[Any], path: tuple[str, ...], noted: Redaction) -> list[Any]:
    result = []
    for index, item in enumerate(value):
        if _is_value(item, path[-1]):
            noted.note("key", (*path, str(index)))
            result.append(MASK)
        else:
            result.append(_walk(item, (*path, str(index)), noted))
    return result


def _is_value(item: Any, key: str) -> bool:
    """Return True for what can be the secret that a sensitive key names; true, false and null say nothing of it."""
    if isinstance(item, int | float):
        return not isinstance(item, bool) and _MEASURE.search(key) is None
    return isinstance(item, str) and item not in {"", MASK}


def _environment(item: Any, path: tuple[str, ...], noted: Redaction) -> Any:
    if isinstance(item, dict) and item.get("value") not in (None, ""):
        noted.note("env", (*path, "value"))
        item = {**item, "value": MASK}
    return _walk(item, path, noted)


def _is_secret(value: dict[str, Any]) -> bool:
    kind = value.get("kind")
    if kind == "Secret":
        return True
    # Items of a SecretList carry no kind of their own, but a Secret always says its type.
    return kind is None and "data" in value and isinstance(value.get("type"), str) and "metadata" in value


def _without_values(value: dict[str, Any], path: tuple[str, ...], noted: Redaction) -> dict[str, Any]:
    result = dict(value)
    for name in _SECRET_FIELDS & result.keys():
        content = result[name]
        noted.note("secret", (*path, name))
        result[name] = dict.fromkeys(content, MASK) if isinstance(content, dict) else MASK
    return result


@lru_cache(maxsize=4096)
def _is_sensitive(key: str) -> bool:
    plain = key.lower().replace("-", "").replace("_", "").replace(".", "")
    return plain not in _HARMLESS and _SENSITIVE_KEY.search(key) is not None


_BY_TYPE: dict[type, Callable[[Any, tuple[str, ...], Redaction], Any]] = {
    str: _text,
    dict: _mapping,
    list: _list,
    int: _same,
    float: _same,
    bool: _same,
    type(None): _same,
}
