"""What a secret looks like: in the name of a key, in a text, and in the JSON of a whole value."""

from bisect import bisect_right
from functools import cache, lru_cache
from itertools import accumulate
from typing import Any, Literal, NamedTuple

import re2

MASK = "[masked]"
_MAX_SUSPECTS = 16  # more of them are found one by one: each search may read all that is left
NONE: frozenset[str] = frozenset()
MAX_SHAPE = 256  # characters of what is remembered: objects come in few shapes, and memory is bounded
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
        # What the API server notes on its audit records; of a token it names the owner.
        "authorizationk8sio/decision",
        "authorizationk8sio/reason",
        "authenticationk8sio/legacytoken",
        "authenticationk8sio/staletoken",
    }
)
# A number under such a name says how much or how long, as `maxTokens` and `token_ttl`.
_MEASURE = re2.compile(
    r"(?i)^(?:max|min|num|total)|(?:seconds|minutes|days|age|ttl|timeout|period|count|limit|size|length|version)$"
)

_BUT_ONE = r"passw(?:or)?d|passphrase|secret|token|api[-_.]?key|access[-_.]?key|private[-_.]?key|credential"
_WORDS = rf"(?:{_BUT_ONE}|authorization)"
# Short ones that are words of their own elsewhere too: only whole, as in `MYSQL_PWD=` and `X-Amz-Signature=`.
_SHORT = r"(?:pwd|pass|auth|signature)"
_EQUALS = r"(?:[ \t]{0,2}=[ \t]{0,2}|%3d|\\u003d)"
SENSITIVE_FLAG = re2.compile(rf"(?i)^--?[a-z0-9_.-]*(?:{_WORDS}|\b{_SHORT})$")
# What a machine runs at its first start, with passwords in any form: cloud-init, as KubeVirt has it.
_BOOT_SCRIPT = r"(?:user|network)[-_.]*data(?:[-_.]*base64)?[-_.]*"
_SENSITIVE_KEY = re2.compile(rf"(?i){_WORDS}|^(?:pwd|pass|auth|bearer|.*[-_.](?:pwd|pass|key)|[-_.]*{_BOOT_SCRIPT})$")


class Pattern(NamedTuple):
    """What is masked in a text, and by what."""

    kind: str
    pattern: Any
    replacement: str


_TEXT_PATTERNS = (
    ("private-key", r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", MASK),
    ("url-userinfo", r"([a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/@\"']+@", rf"\1{MASK}@"),
    ("bearer", r"(?i)\b(bearer|basic|splunk|apikey)\s+[a-z0-9+/=_.~-]{8,}", rf"\1 {MASK}"),
    ("jwt", r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?", MASK),
    (
        "known-token",
        (
            r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}|\bxox[abprs]-[A-Za-z0-9-]{10,}"
            r"|\bglpat-[A-Za-z0-9_-]{15,}|\bnpm_[A-Za-z0-9]{30,}|\bAIza[A-Za-z0-9_-]{35}|\bhv[sb]\.[A-Za-z0-9_-]{20,}"
        ),
        MASK,
    ),
    ("sha-token", r"\bsha256~[A-Za-z0-9_-]{20,}", MASK),
    # `password=x`, `--token=x`, `"token": "x"`: whatever stands behind is the secret.
    ("assignment", rf"(?i)([a-z0-9_.-]*{_WORDS}[a-z0-9_.-]*{_EQUALS}[\"']?)[^\s\"'\\,;&)}}]+", rf"\1{MASK}"),
    (
        "assignment",
        rf"(?i)((?:\b(?:[a-z0-9_.-]*[_.-])?{_SHORT}|[?&]sig){_EQUALS}[\"']?)[^\s\"'\\,;&)}}]+",
        rf"\1{MASK}",
    ),
    # `--token 8f3a…`; short words behind it are prose, as in `--token is required`.
    ("flag", rf"(?i)(--[a-z0-9-]*{_WORDS}[ \t]+[\"']?)[^\s\"'-][^\s\"']{{5,}}", rf"\1{MASK}"),
    # `curl -u bob:8f3a…`, `mysql -p8f3a…`: what is run in containers, as exec, Falco and kubelets tell it.
    (
        "flag",
        r"(?i)(\b(?:curl|wget)\b[^\r\n|;&]*?\s(?:-[a-z]*u|--(?:proxy-)?user)[ =]?[\"']?[^\s:\"']+:)[^\s\"']+",
        rf"\1{MASK}",
    ),
    ("flag", r"((?i:\b(?:mysql|mariadb)[a-z-]*\b)[^\r\n|;&]*?\s-p)[^\s\"']+", rf"\1{MASK}"),
    ("flag", r"(\b(?:sshpass\s+-p|redis-cli\b[^\r\n|;&]*?\s-a)\s*[\"']?)[^\s\"']+", rf"\1{MASK}"),
    (
        "webhook",
        r"(?i)(\bhooks\.slack\.com/|\bdiscord(?:app)?\.com/api/webhooks/|\.webhook\.office\.com/)[^\s\"'<>\\]+",
        rf"\1{MASK}",
    ),
    ("cookie", r"(?i)\b(cookie:[ \t]*)[^\r\n]+", rf"\1{MASK}"),
    (
        "member",
        rf"(?i)(\\?[\"'](?:[a-z0-9_.-]*{_WORDS}[a-z0-9_.-]*|{_SHORT})\\?[\"']\s*:\s*\\?[\"'])[^\"'\\]+",
        rf"\1{MASK}",
    ),
    # In prose `token: expired` is no secret; `token: 8f3a…` is.
    ("prose", r"(?i)(passw(?:or)?d\s*:\s*)[^\s\"',;]+", rf"\1{MASK}"),
    ("prose", rf"(?i)({_WORDS}\s*:\s*)[a-z+/=_.-]*[0-9][a-z0-9+/=_.~-]{{5,}}", rf"\1{MASK}"),
)
KINDS = frozenset({kind for kind, _, _ in _TEXT_PATTERNS}) | {
    *("key", "env", "secret", "flag", "entropy", "no-text", "too-deep", "unknown-type"),
}
"""What `Observation.masked` says of a path: why its value was masked."""
ANY_TEXT = re2.compile("|".join(f"(?:{pattern})" for _, pattern, _ in _TEXT_PATTERNS))

# What the JSON of a value with anything to mask has somewhere, as orjson writes it: white space, quotes and backslashes
# of texts escaped, keys before `":`. It may find more than that; a property test holds it to finding no less.
# In every episode, in every record of Splunk (the reason, as its CIM names it), and on every audit record, and no key
# to anything: they must not cost each of them a walk. A quote that JSON has escaped begins no key, but stands inside
# of another one.
_CONTENT, _OF_OBJECT = b'"data":', b'"metadata":'  # what has no kind is a Secret only where it has both


def _unless(*rests: str) -> str:
    """Return a pattern of all that is not one of these texts, to its first other character: RE2 cannot look ahead."""
    more: dict[str, list[str]] = {}
    for rest in rests:
        more.setdefault(rest[0], []).append(rest[1:])
    on = [re2.escape(first) + _unless(*others) for first, others in more.items() if "" not in others]
    return "(?:" + "|".join(["[^" + re2.escape("".join(more)) + "]", "$", *on]) + ")"


def _ending(end: str, known: str) -> str:
    """Return a pattern of the end of a key or of a quoted name, with its quote, but for that of the key `known`."""
    before = known.removesuffix(end)
    other = [rf"[^{letter}]{before[place + 1 :]}{end}" for place, letter in enumerate(before)]
    other += [rf"[^\"]{known}", rf"\\\"{known}"]
    return rf"(?:{'|'.join(other)})\\*[\"']|{end}(?:\\+[\"']|'|\"(?:[^:]|$))"


# What stands before one is seen, too: a quote that JSON has escaped begins no key.
_UNNOTED = _unless('.k8s.io/decision":', '.k8s.io/reason":')
_HINTS = re2.compile(
    "(?i)"
    + "|".join(
        (
            _BUT_ONE,
            rf"[^\"]authorization|\\\"authorization|authorization(?-i:{_UNNOTED})",
            r"private key",
            r"(?:pwd|pass|auth|bearer|[-.]key)\\*[\"']",  # the end of a key, a flag or a quoted name
            _ending("signature", "signature"),
            _ending("_key", "problem_key"),
            rf"(?:{_SHORT}|[?&]sig)(?: |\\t){{0,2}}(?:=|%3d|\\+u003d)",
            r"://[^\s/@\"']+@",
            r"(?:bearer|basic|splunk|apikey)(?: |\\[tnrf])+[a-z0-9+/=_.~-]{8}",
            r"eyj[a-z0-9_-]{5}|(?:akia|asia)[a-z0-9]{16}|gh[pousr]_[a-z0-9]{20}|xox[abprs]-|glpat-|npm_|aiza",
            r"hv[sb]\.[a-z0-9_-]{20}|sha256~|cookie:",
            r"last-applied-configuration\"|\"(?:managedfields|data|env)\":",
            rf"{_BOOT_SCRIPT}\\*[\"']",
            r"curl|wget|mysql|mariadb|sshpass|redis-cli|hooks\.slack\.com|/api/webhooks/|\.webhook\.office\.com",
        )
    )
)


@cache
def text_patterns() -> tuple[Pattern, ...]:
    """Return the patterns of texts, each by itself: compiled where `ANY_TEXT` first finds something, not at a start."""
    return tuple(Pattern(kind, re2.compile(pattern), replacement) for kind, pattern, replacement in _TEXT_PATTERNS)


def has_hints(text: bytes) -> bool:
    """Return True where the JSON of a value, as orjson writes it, shows that something in it may have to be masked."""
    if _HINTS.search(text) is None:
        return False
    if _OF_OBJECT in text or _CONTENT not in text:
        return True
    return _HINTS.search(text.replace(_CONTENT, b'"":')) is not None  # as every notice of a webhook has it


Meaning = Literal["", "dropped", "masked", "sensitive"]


def meaning(key: str) -> Meaning:
    """Return what a key says of its value: that it is left out, masked whatever it is, or the secret that it names."""
    return _remembered(key) if len(key) <= MAX_SHAPE else _judged(key)


def _judged(key: str) -> Meaning:
    if key == "managedFields":
        return "dropped"
    if key == "kubectl.kubernetes.io/last-applied-configuration":
        return "masked"
    plain = key.lower().replace("-", "").replace("_", "").replace(".", "")
    return "sensitive" if plain not in _HARMLESS and _SENSITIVE_KEY.search(key) is not None else ""


_remembered = lru_cache(maxsize=4096)(_judged)


@lru_cache(maxsize=2048)
def is_plain(shape: str, members: int) -> bool:
    """Return True where no key of an object says anything of its value.

    `shape` is the keys with a zero character between each two, at most `MAX_SHAPE` characters, `members` how many they
    are: a key with a zero character of its own, which is rare, is not plain.
    """
    return shape.count("\0") < max(members, 1) and not any(map(meaning, shape.split("\0")))


def is_measure(key: str) -> bool:
    """Return True for a key whose number says how much or how long, as `maxTokens`, whatever else it names."""
    return _MEASURE.search(key) is not None


def suspects_of(texts: list[str]) -> frozenset[str] | None:
    """Return those of the texts that may hold a secret; None where there are many, or where they cannot be searched.

    One search over all of them at once is a tenth of the cost of one for each, and few values hold anything. The
    separator is no blank and no part of a word, so that whatever matches in a text matches in the whole too. A match
    may reach into the texts behind it: the next search begins with the very next text.
    """
    try:
        whole = "\0".join(texts).encode()
    except UnicodeEncodeError:  # half of a surrogate pair: what cannot be searched may hold anything
        return None
    match = ANY_TEXT.search(whole)
    if match is None:
        return NONE
    found: set[str] = set()
    nexts = list(accumulate(len(text.encode()) + 1 for text in texts))  # where the text after each begins
    while match is not None:
        if len(found) >= _MAX_SUSPECTS:
            return None
        place = bisect_right(nexts, match.start())
        found.update((texts[place], *texts[place].split("\0")))  # all keys of an object are one text
        match = ANY_TEXT.search(whole, nexts[place]) if nexts[place] < len(whole) else None
    return frozenset(found)
