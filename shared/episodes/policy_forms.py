"""What may stand in a policy file: each member with how it is read and what its schema is, so that both agree.

What is read is plain: dictionaries, tuples, texts and numbers, as a compiled file holds them.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import yaml

from shared.episodes import policy_values as values
from shared.episodes.policy import LABEL
from shared.episodes.relations import RELATIONS
from shared.events.nodes import Nodes
from shared.events.problem import did_you_mean
from shared.events.vocabulary import CATEGORIES, SEVERITIES, SUBCATEGORIES

AT: Final = "at"
"""The member that a read item gets besides, where its form is `placed`: its file and line, for who tells of it."""
WRONG: Final = "wrong"
"""The member that such an item gets where something in it was noted: what is left of it means nothing."""
BY: Final = (*RELATIONS, "namespace", "cluster")
_SUBCATEGORIES = tuple(word for words in SUBCATEGORIES.values() for word in words)
_CLOSED: Final[Mapping[str, tuple[str, ...]]] = {
    "category": CATEGORIES,
    "subcategory": _SUBCATEGORIES,
    "severity": SEVERITIES,
}
_MATCHED: Final = (*_CLOSED, "kind", "namespace", "name", "cluster", "condition", "reason", "rule")
_LABELS: Final = "labels"
_TEXTS: Final = {
    "anyOf": [
        {"type": "string", "description": "Exactly this; * is any text, and alone any that is not empty."},
        {"type": "array", "items": {"type": "string"}, "minItems": 1, "description": "Any of these."},
    ]
}


def ref(name: str) -> dict[str, Any]:
    """Return the schema that refers to one of DEFINITIONS."""
    return {"$ref": f"#/$defs/{name}"}


class Member(NamedTuple):
    """One member: `read` takes the nodes, the node and the member's name, and notes what is wrong."""

    read: Callable[[Nodes, yaml.Node, str], Any]
    schema: Mapping[str, Any]

    def saying(self, text: str) -> "Member":
        """Return the member with a sentence for those who write it."""
        return self._replace(schema={**self.schema, "description": text})


class Form(NamedTuple):
    """A mapping with known members, of which some must be there; `needed_if_on` unless `enabled` is false.

    `elsewhere` are names that have their place below it, with what to do.
    """

    what: str
    members: Mapping[str, Member]
    needed: tuple[str, ...] = ()
    needed_if_on: tuple[str, ...] = ()
    placed: bool = False
    elsewhere: Mapping[str, str] = MappingProxyType({})

    def read(self, nodes: Nodes, node: yaml.Node, _name: str = "") -> dict[str, Any]:
        """Return what is there and right; all else is noted."""
        noted = len(nodes.problems)
        members = dict(nodes.members(node, self.what, tuple(self.members), self.elsewhere))
        found = {name: self.members[name].read(nodes, value, name) for name, value in members.items()}
        needed = self.needed if found.get("enabled") is False else (*self.needed, *self.needed_if_on)
        for name in needed if isinstance(node, yaml.MappingNode) else ():
            if not any(key.value == name for key, _ in node.value):
                nodes.problem(node, f"{self.what} needs `{name}`", f"add `{name}:` to it")
        if self.placed:
            found[AT] = (nodes.file, members.get("name", node).start_mark.line + 1)
            if len(nodes.problems) > noted:
                found[WRONG] = True
        return found

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of it."""
        must = {"required": list(self.needed)} if self.needed else {}
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: member.schema for name, member in self.members.items()},
            **must,
        }

    def member(self, *, off: bool = False) -> Member:
        """Return it as a member of another; with `off`, a false takes it away."""
        if not off:
            return Member(self.read, self.schema())
        return Member(self._or_off, {"anyOf": [self.schema(), {"const": False, "description": "None of it."}]})

    def _or_off(self, nodes: Nodes, node: yaml.Node, name: str) -> Any:
        if isinstance(node, yaml.ScalarNode):
            if nodes.scalar(node) is not False:
                nodes.problem(node, f"`{name}` is `off` or has members", f"use some of: {', '.join(self.members)}")
            return None
        return self.read(nodes, node, name)

    def listed(self) -> Member:
        """Return a list of them as a member."""
        return Member(self._items, {"type": "array", "items": self.schema()})

    def _items(self, nodes: Nodes, node: yaml.Node, name: str) -> tuple[dict[str, Any], ...]:
        return tuple(self.read(nodes, item) for item in nodes.items(node, f"`{name}`"))


def _named(nodes: Nodes, node: yaml.Node, name: str) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return the exact texts and the globs of one text or a list."""
    _, texts, globs, _ = _row(nodes, node, name, (), wanted=True)
    return texts, globs


def _match(nodes: Nodes, node: yaml.Node, name: str) -> tuple[Any, ...]:
    """Return rows of `shared.episodes.policy.Asked`."""
    rows: list[Any] = []
    for member, value in nodes.members(node, f"`{name}`", (*_MATCHED, _LABELS)):
        if member == _LABELS:
            for label, wanted in nodes.members(value, "`labels`"):
                rows += _asked(nodes, wanted, f"{LABEL}{label}", ())
        else:
            rows += _asked(nodes, value, member, _CLOSED.get(member, ()))
    return tuple(rows)


def _asked(nodes: Nodes, node: yaml.Node, member: str, closed: tuple[str, ...]) -> Iterable[Any]:
    if not isinstance(node, yaml.MappingNode):
        yield _row(nodes, node, member, closed, wanted=True)
        return
    if not node.value:
        nodes.problem(node, f"`{member}` asks for nothing", "write a text, a list, or {not: …}")
    for which, value in nodes.members(node, f"`{member}`", ("is", "not")):
        yield _row(nodes, value, member, closed, wanted=which == "is")


def _row(nodes: Nodes, node: yaml.Node, member: str, closed: tuple[str, ...], *, wanted: bool) -> Any:
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    if not items:
        nodes.problem(node, f"`{member}` has an empty list", "name at least one")
    texts: list[str] = []
    globs: list[tuple[str, ...]] = []
    for item in items:
        text = values.text(nodes, item, member, empty=True)
        if "*" in text:
            globs.append(tuple(text.split("*")))
        elif closed and text not in closed:
            nodes.problem(item, f"there is no {member} `{text}`", did_you_mean(text, closed))
        else:
            texts.append(text)
    return (member, tuple(sorted(texts)), tuple(globs), wanted)


DEFINITIONS: Final = {
    "duration": values.DURATION,
    "texts": _TEXTS,
    "asked": {
        "anyOf": [
            *_TEXTS["anyOf"],
            {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": False,
                "properties": {"is": ref("texts"), "not": ref("texts")},
            },
        ]
    },
    "match": {
        "type": "object",
        "description": "What all must hold; empty takes all.",
        "additionalProperties": False,
        "properties": {
            **{
                name: {"anyOf": [{"enum": list(_CLOSED[name])}, ref("asked")]} if name in _CLOSED else ref("asked")
                for name in _MATCHED
            },
            _LABELS: {
                "type": "object",
                "additionalProperties": ref("asked"),
                "description": "Labels and annotations of the namespace; one that it lacks is the empty text.",
            },
        },
    },
    "names": {"type": "array", "items": values.GROUP_NAME},
}
SECONDS = Member(values.seconds, ref("duration"))
MATCH = Member(_match, ref("match"))
TEXTS = Member(_named, ref("texts"))
_NAMES = Member(values.group_names, ref("names"))


def counted(most: int) -> Member:
    """Return a member that is a number of things, from 1 on."""
    return Member(values.count(most), {"type": "integer", "minimum": 1, "maximum": most})


_COUNT = counted(values.MOST)
_SEVERITY = Member(values.one_of(SEVERITIES), {"enum": list(SEVERITIES)})
NAME = Member(values.name, {"type": "string", "pattern": values.NAME, "maxLength": values.LONGEST_NAME})
LINE = Member(values.line, {"type": "string", "minLength": 1, "maxLength": values.LONGEST_LINE})
SWITCH = Member(values.switch, {"type": "boolean", "default": True})
_TIME = Member(values.time_text, {"type": "string"})
_ZONE = Member(values.zone_name, {"type": "string", "default": "UTC"})

OPEN_AFTER = Form("`open_after`", {"count": _COUNT, "within": SECONDS, "lasting": SECONDS})
FLAP = Form("`flap`", {"changes": _COUNT, "within": SECONDS})
LIMIT = Form("`ticket_limit`", {"tickets": counted(values.MOST_TICKETS), "within": SECONDS, "per": _NAMES})
ESCALATION = Form(
    "an escalation", {"severity": _SEVERITY, "after": SECONDS, "count": _COUNT, "affected": _COUNT}, ("severity",)
)
POLICY: Final[Mapping[str, Member]] = {
    "group_by": _NAMES.saying("What problems of one ticket have in common; empty: each has its own."),
    "group_wait": SECONDS.saying("How long a new group waits for its first ticket."),
    "group_interval": SECONDS.saying("How long what is new in a group waits until its ticket is updated."),
    "repeat_interval": SECONDS.saying("How often a ticket is updated where nothing is new but the count."),
    "open_after": OPEN_AFTER.member().saying("What must have been before a ticket opens; else the rule's `ticket`."),
    "resolve_after": Member(values.seconds_or_rule, {"anyOf": [ref("duration"), {"const": values.RULE}]}).saying(
        "How long it must be quiet after a recovery; `rule`: as long as the rule's `hold` says."
    ),
    "reopen_within": SECONDS.saying("What comes back so soon is the same ticket."),
    "flap": FLAP.member(off=True).saying("How many ends and returns make one flapping ticket."),
    "ticket_limit": LIMIT.member(off=True).saying("How many tickets at most; what is beyond goes into one summary."),
    "escalate": ESCALATION.listed().saying("When the severity rises, and to what."),
    "suspect_within": SECONDS.saying("A change of the same thing so shortly before is named as suspect."),
}
ROUTE = Form("a route", {"name": NAME, "enabled": SWITCH, "match": MATCH, **POLICY}, ("name",), ("match",), placed=True)
INHIBITION = Form(
    "an inhibition",
    {
        "name": NAME,
        "enabled": SWITCH,
        "cause": MATCH,
        "affected": MATCH,
        "by": Member(values.one_of(BY), {"enum": list(BY)}).saying("What both hang on."),
        "at_most": SECONDS.saying("For how long at most, from when it deserves a ticket; else while the cause lasts."),
    },
    ("name",),
    ("cause", "affected", "by"),
    placed=True,
)
MAINTENANCE = Form(
    "a maintenance window",
    {
        "name": NAME,
        "schedule": Member(values.schedule, {"type": "string"}).saying("Cron: minute hour day month weekday."),
        "duration": SECONDS,
        "from": _TIME,
        "to": _TIME,
        "timezone": _ZONE,
        "match": MATCH,
        "why": LINE,
    },
    ("name", "match", "why"),
    placed=True,
)
SILENCE = Form(
    "a silence",
    {"name": NAME, "until": _TIME, "timezone": _ZONE, "match": MATCH, "why": LINE},
    ("name", "until", "match", "why"),
    placed=True,
)
LISTS: Final[Mapping[str, Form]] = {
    "routes": ROUTE,
    "inhibit": INHIBITION,
    "maintenance": MAINTENANCE,
    "silences": SILENCE,
}
FILE = Form(
    "a policy file",
    {
        "description": LINE,
        "defaults": Form("`defaults`", POLICY, placed=True)
        .member()
        .saying("What all problems have that no route says more of."),
        "routes": ROUTE.listed().saying("The first that matches decides."),
        "inhibit": INHIBITION.listed().saying("Which problem keeps which others quiet."),
        "maintenance": MAINTENANCE.listed().saying("When nothing is told: again and again, or once."),
        "silences": SILENCE.listed().saying("What is not told until a time."),
    },
    elsewhere={name: f"put `{name}:` below `defaults:`, or into a route" for name in POLICY},
)


def policy_schema() -> dict[str, Any]:
    """Return the JSON Schema of a policy file (docs/policy.md)."""
    about = {"title": "Tidings policy", "description": "When what becomes a ticket."}
    return {**about, **FILE.schema(), "minProperties": 1, "$defs": DEFINITIONS}
