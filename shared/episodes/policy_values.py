"""The single values of a policy file: each is read to something plain, or noted as a mistake with a way out."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import yaml

from shared.episodes.policy import LABEL, OF_OBJECT, OF_PROBLEM
from shared.episodes.relations import RELATIONS
from shared.episodes.spans import last_start
from shared.events.nodes import Nodes
from shared.events.problem import did_you_mean
from shared.events.times import zone

RULE: Final = "rule"
MOST: Final = 1_000_000
MOST_TICKETS: Final = 10_000
"""Of a limit: who has one of its places is kept in one value of the store."""
LONGEST_NAME: Final = 100
LONGEST_LINE: Final = 500
NAME: Final = r"^[a-z0-9]+(-[a-z0-9]+)*$"
_PARTS: Final = r"^(?=.)(?:(\d{1,3})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?$"
_SECONDS: Final = (86_400, 3_600, 60, 1)
_LONGEST: Final = 366 * 86_400
DURATION: Final = {
    "description": "As 10s, 5m, 1h30m, 2d, or 0.",
    "anyOf": [{"type": "string", "pattern": _PARTS}, {"const": 0}],
}
GROUPS: Final = (*OF_PROBLEM, *OF_OBJECT, *RELATIONS)
_ALIASES: Final = {f"involvedObject.{name}": name for name in OF_OBJECT}
GROUP_NAME: Final = {"anyOf": [{"enum": [*GROUPS, *_ALIASES]}, {"type": "string", "pattern": f"^{LABEL}.+"}]}
_FIELDS: Final = 5


def text(nodes: Nodes, node: yaml.Node, name: str, *, empty: bool = False) -> str:
    """Return a text as it is written, a time or a number without quotes, too; what is none is told and empty."""
    if isinstance(node, yaml.ScalarNode) and (node.value or (empty and node.style)):
        return str(node.value)
    nodes.problem(node, f"`{name}` must be a text", f"write `{name}: …` on one line")
    return ""


def _pattern(pattern: str, longest: int, hint: str) -> Callable[[Nodes, yaml.Node, str], str]:
    wanted = re.compile(pattern)

    def read(nodes: Nodes, node: yaml.Node, member: str) -> str:
        found = text(nodes, node, member)
        if found and not (len(found) <= longest and wanted.match(found)):
            nodes.problem(node, f"`{member}` cannot be `{found[:40]}`", hint)
        return found

    return read


name = _pattern(NAME, LONGEST_NAME, "use a-z, 0-9 and single hyphens, as node-keeps-pods-quiet")
line = _pattern(r"^[^\n]+$", LONGEST_LINE, f"write one line of at most {LONGEST_LINE} characters")


def seconds(nodes: Nodes, node: yaml.Node, member: str) -> float:
    """Return the seconds of a duration as `1h30m`."""
    written = text(nodes, node, member)
    found = re.match(_PARTS, written)
    total = sum(int(part or 0) * each for part, each in zip(found.groups(), _SECONDS, strict=True)) if found else 0
    if written and written != "0" and (found is None or total > _LONGEST):
        nodes.problem(node, f"`{member}`: `{written[:40]}` is no duration", "write 10s, 5m, 1h30m or 2d, at most 366d")
    return float(total)


def seconds_or_rule(nodes: Nodes, node: yaml.Node, member: str) -> float | None:
    """Return the seconds of a duration, None for `rule`."""
    return None if isinstance(node, yaml.ScalarNode) and node.value == RULE else seconds(nodes, node, member)


def count(most: int) -> Callable[[Nodes, yaml.Node, str], int]:
    """Return a reader of a number of things, at least one."""

    def read(nodes: Nodes, node: yaml.Node, member: str) -> int:
        found = nodes.scalar(node)
        if isinstance(found, int) and not isinstance(found, bool) and 1 <= found <= most:
            return found
        nodes.problem(node, f"`{member}` is a whole number from 1 to {most:,}")
        return 1

    return read


def switch(nodes: Nodes, node: yaml.Node, member: str) -> bool:
    """Return true or false."""
    found = nodes.scalar(node)
    if not isinstance(found, bool):
        nodes.problem(node, f"`{member}` is true or false")
    return found is not False


def one_of(words: tuple[str, ...]) -> Callable[[Nodes, yaml.Node, str], str]:
    """Return a reader of one of the words."""

    def read(nodes: Nodes, node: yaml.Node, member: str) -> str:
        found = text(nodes, node, member)
        if found and found not in words:
            nodes.problem(node, f"`{member}` cannot be `{found[:40]}`", did_you_mean(found, words))
        return found

    return read


def group_names(nodes: Nodes, node: yaml.Node, member: str) -> tuple[str, ...]:
    """Return what a group has in common, each once; `involvedObject.kind` is `kind`."""
    found: dict[str, None] = {}
    for item in nodes.items(node, f"`{member}`"):
        written = text(nodes, item, member)
        meant = _ALIASES.get(written, written)
        if meant not in GROUPS and not (meant.startswith(LABEL) and len(meant) > len(LABEL)):
            hint = did_you_mean(written, (*GROUPS, f"{LABEL}NAME"))
            nodes.problem(item, f"nothing is grouped by `{written[:40]}`", hint)
        elif meant in found:
            nodes.problem(item, f"`{meant}` is there twice", "keep one of them")
        found[meant] = None
    return tuple(found)


def zone_name(nodes: Nodes, node: yaml.Node, member: str) -> str:
    """Return the name of a time zone that there is."""
    written = text(nodes, node, member)
    try:
        zone(written)
    except ValueError:
        from zoneinfo import available_timezones  # walks the whole database: only for a mistake

        hint = did_you_mean(written, sorted(available_timezones()), "write an IANA name, as Europe/Berlin")
        nodes.problem(node, f"there is no time zone `{written[:40]}`", hint)
        return "UTC"
    return written


def schedule(nodes: Nodes, node: yaml.Node, member: str) -> str:
    """Return a cron schedule of five fields that comes to pass."""
    from cronsim import CronSimError  # only where there is a schedule

    written = text(nodes, node, member)
    try:
        fine = len(written.split()) == _FIELDS and last_start(written, "UTC", _THEN) is not None
    except CronSimError:
        fine = False
    if not fine:
        hint = 'write minute, hour, day, month and weekday, as "0 2 * * SUN"'
        nodes.problem(node, f"`{member}`: `{written[:40]}` is no time of any year", hint)
        return ""
    return written


_THEN: Final = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() // 60)  # what comes in 50 years came in 50 before


def time_text(nodes: Nodes, node: yaml.Node, member: str) -> str:
    """Return a time as it is written; which one it is shows with its time zone (`moment`)."""
    return text(nodes, node, member)
