"""Scripted faults: which requests a stand-in fails, how, and a bounded log of everything that it was asked."""

import re
import time
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

import orjson

Do = Literal[
    "status",
    "body",
    "html",
    "delay",
    "hang",
    "reset",
    "close",
    "slow-bytes",
    "commit-then-time-out",
    "commit-then-reset",
    "commit-then-close",
    "commit-then-status",
    "commit-then-delay",
]
_LOGGED = 20_000
_LOGGED_BODY = 4096
_LOGGED_BODIES = 1000  # older entries keep everything but their body: 20,000 bodies would be 80 MB
_LOGGED_TARGETS = 4 * 1024 * 1024  # characters of all targets: a single one may have 64 KiB
_MAX_RULES = 1000


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault: which requests it strikes and what then happens.

    `method` and `operation` match exactly, `path` is a regular expression searched in `path?query`; those given must
    all match. It strikes from the `nth` matching request on, `count` times (0: without end). `seconds` is the delay,
    the time between slow bytes, or, above 1, the longest hang. `status`, `headers` and `body` are the answer of
    `status`, `body` and `commit-then-status`. `reset` breaks the connection with RST, `close` with FIN.
    """

    do: Do
    method: str = ""
    path: str = ""
    operation: str = ""
    nth: int = 1
    count: int = 1
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    seconds: float = 1.0

    def matches(self, method: str, target: str, operation: str) -> bool:
        """Return True where this rule speaks of such a request."""
        return (
            self.method in {"", method}
            and self.operation in {"", operation}
            and (not self.path or re.search(self.path, target) is not None)
        )


@dataclass(slots=True)
class Logged:
    """One request that the stand-in got. `status` is 0 while, or where, no answer was given.

    `body` is the beginning of the body, kept for the latest requests only.
    """

    number: int
    time: float
    method: str
    path: str
    operation: str
    body: str = ""
    status: int = 0
    fault: str = ""


class Faults:
    """The script and the log of one stand-in."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._rules: list[tuple[Rule, list[int]]] = []
        self._log: deque[Logged] = deque()
        self._targets = 0
        self._number = 0
        self.set(rules)

    @property
    def requests(self) -> list[Logged]:
        """The requests so far, oldest first; only the latest are kept."""
        return list(self._log)

    @property
    def rules(self) -> list[Rule]:
        """The rules in force, those that have struck their last included."""
        return [rule for rule, _ in self._rules]

    def set(self, rules: Iterable[Rule]) -> None:
        """Replace the script; counting begins again."""
        self._rules = [(rule, [0]) for rule in rules]

    def add(self, rule: Rule) -> None:
        """Append a rule; of several that match a request the first strikes."""
        self._rules.append((rule, [0]))

    def clear(self) -> None:
        """Drop all rules."""
        self._rules = []

    def forget(self) -> None:
        """Empty the log."""
        self._log.clear()
        self._targets = 0

    def count(self, *, operation: str = "", method: str = "") -> int:
        """Return how many logged requests had this operation and method."""
        return sum(
            1 for entry in list(self._log) if operation in {"", entry.operation} and method in {"", entry.method}
        )

    def log(self, method: str, target: str, operation: str, body: bytes) -> Logged:
        """Note a request and return its entry, to be completed with the answer's status."""
        self._number += 1
        text = body[:_LOGGED_BODY].decode("utf-8", "replace")
        entry = Logged(self._number, time.time(), method, target, operation, text)
        self._log.append(entry)
        self._targets += len(target)
        if len(self._log) > _LOGGED_BODIES:
            self._log[-1 - _LOGGED_BODIES].body = ""
        while len(self._log) > _LOGGED or self._targets > _LOGGED_TARGETS:
            self._targets -= len(self._log.popleft().path)
        return entry

    def take(self, method: str, target: str, operation: str, only: Collection[Do] = ()) -> Rule | None:
        """Return the rule that strikes this request, if any, of those that do one of `only`.

        Every matching rule counts the request.
        """
        struck: Rule | None = None
        for rule, seen in self._rules:
            if not rule.matches(method, target, operation) or (only and rule.do not in only):
                continue
            seen[0] += 1
            past = seen[0] - rule.nth
            if struck is None and past >= 0 and (rule.count == 0 or past < rule.count):
                struck = rule
        return struck


def parse_rules(raw: bytes) -> list[Rule]:
    """Read rules from a JSON list of objects whose members are the fields of Rule. Raises ValueError with the fault."""
    value: Any = orjson.loads(raw)
    if not isinstance(value, list) or len(value) > _MAX_RULES:
        raise ValueError("the rules must be a JSON list of objects")
    rules: list[Rule] = []
    for item in value:
        if not isinstance(item, dict) or item.get("do") not in get_args(Do):
            raise ValueError(f"each rule needs `do`, one of {', '.join(get_args(Do))}")
        try:
            rule = Rule(**item)
            re.compile(rule.path)
        except (TypeError, re.error) as error:
            raise ValueError(str(error)) from None
        rules.append(rule)
    return rules


def dump(entries: Iterable[Rule | Logged]) -> bytes:
    """Return rules or log entries as a JSON list."""
    return orjson.dumps([asdict(entry) for entry in entries])
