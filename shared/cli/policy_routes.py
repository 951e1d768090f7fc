"""What routes and inhibitions do to each other and to shipped ones: who is never asked, and what is no longer grouped.

Which problems there can be is told by the rules: their conditions, severities, kinds and reasons. What they leave open
(a namespace, a label) may be anything that both sides ask for.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from shared.cli.policy_doubts import MATCHES, Item, doubt, items, named
from shared.episodes.policy import LABEL, Asked, Subject
from shared.episodes.policy_content import match_of
from shared.events.problem import Problem, did_you_mean
from shared.rules.ruleset import Rule

_ANYTHING: Final = "?"  # what nobody asks for by name
_NAMES: Final = 3


def found(contents: Sequence[Item], shipped: Sequence[Item], rules: Sequence[Rule]) -> Iterator[Problem]:
    """Yield a warning for each doubt about contents without a mistake that are in force together."""
    yield from _takes_nothing_away(contents, shipped)
    yield from _never_asked(contents)
    yield from _ungrouped(contents, shipped, rules)


def _takes_nothing_away(contents: Sequence[Item], shipped: Sequence[Item]) -> Iterator[Problem]:
    """Warn of what is switched off and is nothing that is shipped; one's own may rest there, with all that it has."""
    for part, what in (("routes", "route"), ("inhibit", "inhibition")):
        names = sorted(item["name"] for item in items(shipped, part))
        for item in items(contents, part):
            name, own = item["name"], any(item.get(member) for member in MATCHES)
            if item.get("enabled", True) or name in names or own:
                continue
            hint = did_you_mean(name, names)
            yield doubt(item, f"`{name}` takes nothing away: no {what} of this name is shipped", hint)


def _never_asked(contents: Sequence[Item]) -> Iterator[Problem]:
    """Warn of a route that takes all before others."""
    routes = _in_force(contents)
    for number, item in enumerate(routes):
        behind = [f"`{one['name']}`" for one in routes[number + 1 :]]
        if not item["match"] and behind:
            more = f" and {len(behind) - _NAMES} more" if len(behind) > _NAMES else ""
            said = f"`{item['name']}` takes all that comes: nobody asks {', '.join(behind[:_NAMES])}{more} behind it"
            yield doubt(item, said, "let it be the last, or say in `match` what it is for")
            return


def _ungrouped(contents: Sequence[Item], shipped: Sequence[Item], rules: Sequence[Rule]) -> Iterator[Problem]:
    """Warn of routes without `group_by` that take problems away from shipped ones that group them."""
    if any("group_by" in content.get("defaults", {}) for content in contents):
        return
    own = {item["name"] for item in items(contents, "routes")}
    for item in _in_force(contents):
        if "group_by" in item:
            continue
        theirs = [one for one in items(shipped, "routes") if one["name"] == item["name"] or one["name"] not in own]
        taken = _taken(item, theirs, rules)
        if taken:
            names = ", ".join(f"`{name}`" for name in taken)
            said = f"`{item['name']}` has no `group_by` and takes problems that the shipped {names} would group"
            yield doubt(
                item,
                f"{said}: each has a ticket of its own",
                "add `group_by: [cluster, workload, condition, part]` or another, or `group_by: []` if it is meant",
            )


def _taken(route: Item, theirs: Sequence[Item], rules: Sequence[Rule]) -> list[str]:
    """Return the names of the routes that a route takes problems away from."""
    asked = match_of(route["match"]).asked
    others = [(one["name"], match_of(one["match"]).asked) for one in theirs]
    found: dict[str, None] = {}
    for rule in rules:
        if rule.phase == "problem" and rule.ticket_after and _meet(asked, rule):
            name = next((name for name, other in others if _share(asked, other, rule)), None)
            if name is not None:
                found[name] = None
    return [name for name, _ in others if name in found]


def _share(asked: Sequence[Asked], other: Sequence[Asked], rule: Rule) -> bool:
    """Return True where both may take one problem of a rule; of which kinds that may be both or the rule must say."""
    open_kind = not named(rule, "kind") and _asks_kind(asked) and not _asks_kind(other)
    return not open_kind and _meet((*asked, *other), rule)


def _asks_kind(asked: Sequence[Asked]) -> bool:
    return any(one.member == "kind" for one in asked)


def _meet(asked: Sequence[Asked], rule: Rule) -> bool:
    """Return True where all that is asked may hold of one problem of a rule."""
    members = {one.member: [each for each in asked if each.member == one.member] for one in asked}
    return all(
        any(all(one.holds(_subject(member, value)) for one in rows) for value in _values(member, rows, rule))
        for member, rows in members.items()
    )


def _values(member: str, rows: Sequence[Asked], rule: Rule) -> Sequence[str]:
    """Return what a member may be of a rule's problems: what the rule says, else all that is asked for."""
    if member in {"kind", "reason"} and (said := named(rule, member)):
        return said
    if member == "rule":
        return (rule.name,)
    if member in {"category", "subcategory", "severity", "condition"}:
        return (str(getattr(rule, member)),)
    return (
        "",
        _ANYTHING,
        *(text for one in rows for text in one.texts),
        *("".join(g) for one in rows for g in one.globs),
    )


def _subject(member: str, value: str) -> Subject:
    if member.startswith(LABEL):
        return Subject(labels={member.removeprefix(LABEL): value})
    said: dict[str, Any] = {member: value}
    return Subject(**said)


def _in_force(contents: Sequence[Item]) -> list[Item]:
    return [item for item in items(contents, "routes") if item.get("enabled", True)]
