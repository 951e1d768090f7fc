"""CESQL expressions and events made up at random, for asking several implementations the same."""

from collections.abc import Iterator
from random import Random
from typing import Any

_ATTRIBUTES = (
    *(
        "type",
        "source",
        "subject",
        "severity",
        "category",
        "missing",
        "count",
        "flag",
        "empty",
        "id",
        "datacontenttype",
    ),
    *("Severity", "negative"),
)
_LITERALS = (
    *(
        "'critical'",
        "'high'",
        '"security"',
        "'5'",
        "'true'",
        "'TRUE'",
        "''",
        "'a%b'",
        "'-3'",
        "'abc'",
        "'1'",
        "'it\\'s'",
    ),
    *("5", "0", "-3", "2147483647", "TRUE", "false"),
)
_PATTERNS = (
    *("'dev.%'", "'%v1'", "'a\\%b'", "'a_b'", "''", "'%'", "'_'", "'%i%'", "'hi_h'", "'crit%al'", "'%%x'", "'a\\b'"),
    *("'f%'", "'false'"),
)
_VALUES = {
    "severity": ("critical", "high", "low"),
    "category": ("security", "infrastructure"),
    "count": ("5", "0", "abc", "99999999999"),
    "flag": ("true", "TRUE", "false", "no"),
    "negative": ("-3",),
    "subject": ("pods/x", "a%b", "5"),
    "empty": ("",),
}
_TYPES = ("dev.tidings.problem.opened.v1", "dev.tidings.security.v1", "t")
_ONE = ("LENGTH", "LOWER", "UPPER", "TRIM", "INT", "BOOL", "STRING", "ABS", "IS_INT")


def cases(seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Yield so many cases of `expression` and `event`, the same for the same seed."""
    random = Random(seed)  # noqa: S311 - nothing is secret here
    for _ in range(count):
        yield {"expression": _expression(random, random.randint(1, 4)), "event": _event(random)}


def _event(random: Random) -> dict[str, str]:
    chosen = {name: random.choice(values) for name, values in _VALUES.items() if random.random() < 0.7}
    return {"specversion": "1.0", "id": "1", "source": "/cluster/one", "type": random.choice(_TYPES), **chosen}


def _expression(random: Random, depth: int) -> str:
    def inner() -> str:
        return _expression(random, depth - 1)

    if depth <= 0 or random.random() < 0.2:
        return random.choice(_ATTRIBUTES if random.random() < 0.6 else _LITERALS)
    forms = (
        lambda: f"{inner()} {random.choice(('=', '!=', '<>', '<', '<=', '>', '>='))} {inner()}",
        lambda: f"{inner()} {random.choice(('AND', 'OR', 'XOR', 'and'))} {inner()}",
        lambda: f"{random.choice(('NOT', '-'))} {inner()}",
        lambda: f"{inner()} {random.choice(('', 'NOT '))}LIKE {random.choice(_PATTERNS)}",
        lambda: f"{inner()} {random.choice(('', 'NOT '))}IN ({inner()}, {inner()})",
        lambda: f"EXISTS {random.choice(_ATTRIBUTES)}",
        lambda: f"{inner()} {random.choice('+-*/%')} {inner()}",
        lambda: f"({inner()})",
        lambda: f"{random.choice(_ONE)}({inner()})",
        lambda: f"{random.choice(('LEFT', 'RIGHT', 'SUBSTRING', 'CONCAT', 'CONCAT_WS'))}({inner()}, {inner()})",
        lambda: f"SUBSTRING({inner()}, {inner()}, {inner()})",
    )
    return random.choice(forms)()
