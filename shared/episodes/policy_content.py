"""From what policy files say to the policies in force: a team's own above what is shipped."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any, Final

from shared.episodes.policy import Asked, Escalation, Flap, Inhibition, Limit, Match, OpenAfter, Policies, Policy
from shared.episodes.spans import Span, moment

Item = Mapping[str, Any]


def policies_of(own: Sequence[Item], shipped: Sequence[Item]) -> Policies:
    """Return the policies of files that were read without a mistake.

    Members of `defaults` are taken one by one, own ones first. Own routes and inhibitions stand above shipped ones and
    take the place of those of their name; what is not `enabled` is left out, and so is the shipped one that it names.
    """
    defaults = Policy()
    for content in (*shipped, *own):
        defaults = replace(defaults, **_policy(content.get("defaults", {})))
    return Policies(
        defaults,
        [
            (match_of(item["match"]), replace(defaults, name=item["name"], **_policy(item)))
            for item in _in_force("routes", own, shipped)
        ],
        [
            Inhibition(
                item["name"], match_of(item["cause"]), match_of(item["affected"]), item["by"], item.get("at_most", 0.0)
            )
            for item in _in_force("inhibit", own, shipped)
        ],
        [
            (match_of(item["match"]), span)
            for content in (*own, *shipped)
            for item, span in (*_windows(content), *_silences(content))
        ],
    )


def match_of(rows: Sequence[Any]) -> Match:
    """Return the match of plain rows."""
    return Match(tuple(Asked(member, frozenset(texts), globs, wanted) for member, texts, globs, wanted in rows))


def _in_force(part: str, own: Sequence[Item], shipped: Sequence[Item]) -> Iterator[Item]:
    mine = [item for content in own for item in content.get(part, ())]
    named = {item["name"] for item in mine}
    theirs = [item for content in shipped for item in content.get(part, ()) if item["name"] not in named]
    return (item for item in (*mine, *theirs) if item.get("enabled", True))


_MADE: Final[Mapping[str, Callable[[Any], Any]]] = {
    "open_after": lambda said: OpenAfter(**said),
    "flap": lambda said: None if said is None else Flap(**said),
    "ticket_limit": lambda said: None if said is None else Limit(**said),
    "escalate": lambda said: tuple(Escalation(**one) for one in said),
}
_CALLED: Final = {"ticket_limit": "limit"}
_NO_POLICY: Final = ("name", "match", "enabled", "at")


def _policy(item: Item) -> dict[str, Any]:
    """Return the members of a policy that an item sets."""
    said = {name: value for name, value in item.items() if name not in _NO_POLICY}
    return {_CALLED.get(name, name): _MADE[name](value) if name in _MADE else value for name, value in said.items()}


def _windows(content: Item) -> Iterator[tuple[Item, Span]]:
    for item in content.get("maintenance", ()):
        timezone = item.get("timezone", "UTC")
        if "schedule" in item:
            again = {"schedule": item["schedule"], "duration": item["duration"], "timezone": timezone}
            yield item, Span(item["name"], item["why"], **again)
        else:
            yield item, Span(item["name"], item["why"], _seconds(item, "from"), _seconds(item, "to"))


def _silences(content: Item) -> Iterator[tuple[Item, Span]]:
    for item in content.get("silences", ()):
        yield item, Span(item["name"], item["why"], -inf, _seconds(item, "until"))


def _seconds(item: Item, name: str) -> float:
    return moment(item[name], item.get("timezone", "UTC")) or 0.0  # the reader has refused what is no time
