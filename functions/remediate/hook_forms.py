"""What may stand in a file of hooks: each member with how it is read and what its schema is (docs/remediation.md)."""

from typing import Any, Final

import yaml

from functions.remediate.hook import DOES, KNOWN, Circuit, Limit
from shared.cluster.kinds import Kind, parse_kind
from shared.episodes import policy_values as values
from shared.episodes.policy_forms import DEFINITIONS, LINE, MATCH, NAME, SECONDS, SWITCH, TEXTS, Form, Member, counted
from shared.events.nodes import Nodes, is_nothing
from shared.events.problem import did_you_mean

MOST_ACTS: Final = 100
"""Of a limit: whoever wants more wants a controller."""
_STATES: Final = ("open", "resolved")


def _kind(nodes: Nodes, node: yaml.Node, name: str) -> Kind | None:
    written = values.text(nodes, node, name)
    if written in KNOWN:
        return KNOWN[written]
    try:
        return parse_kind(written) if written else None
    except ValueError:
        hint = did_you_mean(written, KNOWN, "write version and kind, as apps/v1/Deployment")
        nodes.problem(node, f"`{name}`: `{written[:40]}` is no kind", hint)
        return None


def _kinds(nodes: Nodes, node: yaml.Node, name: str) -> tuple[str, ...]:
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    found = [(item, values.text(nodes, item, name)) for item in items]
    for item, written in found:
        if written and written not in KNOWN:
            nodes.problem(item, f"nothing is done to a `{written[:40]}`", did_you_mean(written, KNOWN))
    return tuple(written for _, written in found)


def _literal(nodes: Nodes, node: yaml.Node, name: str) -> Any:
    """Return a value as JSON has it; a null in a merge patch takes a member away."""
    if isinstance(node, yaml.MappingNode):
        return {key: _literal(nodes, value, name) for key, value in nodes.members(node, f"`{name}`")}
    if isinstance(node, yaml.SequenceNode):
        return [_literal(nodes, item, name) for item in node.value]
    return None if is_nothing(node) else nodes.scalar(node)


def _patch(nodes: Nodes, node: yaml.Node, name: str) -> dict[str, Any]:
    found = _literal(nodes, node, name)
    if isinstance(found, dict):
        return found
    nodes.problem(node, f"`{name}` is a merge patch", "write the members that shall be changed")
    return {}


def _replicas(nodes: Nodes, node: yaml.Node, name: str) -> int:
    return 0 if nodes.scalar(node) == 0 else values.count(values.MOST_TICKETS)(nodes, node, name)


_KINDS = Member(_kinds, {"anyOf": [{"enum": list(KNOWN)}, {"type": "array", "items": {"enum": list(KNOWN)}}]})
_TEXT = Member(values.text, {"type": "string", "minLength": 1})
_REPLICAS = counted(values.MOST_TICKETS)
ONLY: Final = Form("`only`", {"kinds": _KINDS, "namespaces": TEXTS, "names": TEXTS}, ("kinds",))
TARGET: Final = Form(
    "`target`",
    {
        "kind": Member(_kind, {"type": "string"}).saying("As Deployment, or apps/v1/Deployment."),
        "namespace": _TEXT,
        "name": _TEXT,
    },
    ("kind", "name"),
)
SCALE: Final = Form(
    "`scale`",
    {"to": Member(_replicas, {"type": "integer", "minimum": 0}), "by": _REPLICAS, "up_to": _REPLICAS},
)
LIMIT: Final = Form("`limit`", {"acts": counted(MOST_ACTS), "within": SECONDS})
CIRCUIT: Final = Form("`circuit`", {"failures": counted(MOST_ACTS), "returns": counted(MOST_ACTS), "within": SECONDS})
HOOK: Final = Form(
    "a hook",
    {
        "name": NAME,
        "enabled": SWITCH,
        "why": LINE,
        "when": MATCH,
        "while": Member(values.one_of(_STATES), {"enum": list(_STATES), "default": "open"}).saying(
            "Whether the problem must last or be over."
        ),
        "after": SECONDS.saying("How long the problem must have lasted; at most 1h."),
        "do": Member(values.one_of(DOES), {"enum": list(DOES)}),
        "only": ONLY.member().saying("What of a problem's things may be touched; nothing else is."),
        "target": TARGET.member().saying("The one thing, whatever the problem is about; instead of `only`."),
        "scale": SCALE.member(),
        "patch": Member(_patch, {"type": "object", "minProperties": 1}).saying("A JSON merge patch (RFC 7396)."),
        "cooldown": SECONDS.saying("How long a thing is left alone after anything was done to it; 1h if left out."),
        "max_per_episode": counted(MOST_ACTS).saying("How often at most in one episode; 1 if left out."),
        "limit": LIMIT.member().saying(f"How often at most in all; {Limit().acts} within 1h if left out."),
        "circuit": CIRCUIT.member().saying(
            f"When it stops by itself for `within` (24h): after {Circuit().failures} failures in a row, or where a "
            f"thing came back {Circuit().returns} times."
        ),
        "dry_run": Member(values.switch, {"type": "boolean", "default": False}),
    },
    ("name",),
    ("when", "do"),
    placed=True,
)
PART: Final = "hooks"
FILE: Final = Form("a file of hooks", {"description": LINE, PART: HOOK.listed()}, (PART,))


def hooks_schema() -> dict[str, Any]:
    """Return the JSON Schema of a file of hooks (docs/remediation.md)."""
    about = {"title": "Tidings hooks", "description": "What may be done to a cluster while a problem lasts."}
    return {**about, **FILE.schema(), "$defs": DEFINITIONS}
