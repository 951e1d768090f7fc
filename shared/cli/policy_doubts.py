"""What single items of a policy file ask for that there is not, or that does nothing, or everything."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from functions.correlator.settings import CorrelatorSettings
from shared.cli import configured
from shared.episodes.namespaces import PREFIX
from shared.episodes.policy import LABEL
from shared.episodes.policy_forms import AT, LISTS
from shared.episodes.spans import Span, moment
from shared.events.problem import Problem, did_you_mean
from shared.events.vocabulary import SEVERITIES
from shared.rules.fallback import CONDITION, NAMES
from shared.rules.ruleset import Rule
from shared.settings.environment import SettingsError, read

Item = Mapping[str, Any]
MATCHES: Final = ("match", "cause", "affected", "when")
_LABELS: Final = "CORRELATOR_LABELS"
_A_YEAR: Final = 400 * 86_400.0  # and more: what is once a year ends within it
_LOOKS: Final = 12_000  # into a window of a minute: more than a day


def found(contents: Sequence[Item], rules: Sequence[Rule], labels: Sequence[str], now: float) -> Iterator[Problem]:
    """Yield a warning for each doubt about contents without a mistake; `labels` are those that episodes carry."""
    listed = list(items(contents, *LISTS))
    yield from unknown(listed, rules)
    yield from unknown_labels([*listed, *_defaults(contents)], labels)
    yield from _silences(contents, now)
    yield from _windows(contents, now)
    yield from _escalations(contents)
    yield from _flaps(contents)


def doubt(item: Item, message: str, suggestion: str) -> Problem:
    """Return a warning about an item, at its place."""
    file, line = item[AT]
    return Problem(file, line, message, suggestion)


def items(contents: Iterable[Item], *parts: str) -> Iterator[Item]:
    """Yield the items of some lists, of all files."""
    return (item for content in contents for part in parts for item in content.get(part, ()))


def _defaults(contents: Iterable[Item]) -> Iterator[Item]:
    """Yield the defaults of all files as an item."""
    return ({**one["defaults"], "name": "defaults"} for one in contents if "defaults" in one)


def labels_in_force() -> tuple[str, ...]:
    """Return the labels that the settings let episodes carry; the usual ones where the settings cannot be read."""
    try:
        environ = configured.effective()
        return read(CorrelatorSettings, {name: environ[name] for name in (_LABELS,) if name in environ}).labels
    except SettingsError:
        return read(CorrelatorSettings, {}).labels


def _asked(item: Item) -> Iterator[tuple[str, str]]:
    """Yield each member that an item asks about, with each text that is no glob."""
    for member, texts, _, _ in (row for name in MATCHES for row in item.get(name, ())):
        for text in texts:
            yield member, text


def unknown(asking: Iterable[Item], rules: Sequence[Rule]) -> Iterator[Problem]:
    """Warn of conditions and rules that there are not, and of kinds that are written otherwise."""
    known = {
        "condition": {CONDITION, *(rule.condition for rule in rules)},
        "rule": {*NAMES, *(rule.name for rule in rules)},
    }
    kinds = {kind for rule in rules for kind in named(rule, "kind")}
    spelt = {spelling: kind for kind in sorted(kinds) for spelling in (kind.lower(), f"{kind.lower()}s")}
    for item in asking:
        for member, text in _asked(item):
            said = f"`{item['name']}` asks for the {member} `{text}`, which there is not"
            if member in known and text not in known[member]:
                hint = did_you_mean(text, sorted(known[member]), "see docs/rule-packs.md for those that there are")
                yield doubt(item, said, hint)
            elif member == "kind" and text not in kinds and text.lower() in spelt:
                yield doubt(item, said, f'did you mean "{spelt[text.lower()]}"?')


def named(rule: Rule, field: str) -> tuple[str, ...]:
    """Return the texts of which a rule wants one in a field; empty where it does not say."""
    for name, operator, argument in rule.match:
        if name == field and operator in {"exact", "in"}:
            return (argument,) if operator == "exact" else tuple(argument)
    return ()


def unknown_labels(asking: Iterable[Item], labels: Sequence[str]) -> Iterator[Problem]:
    """Warn of labels that no episode carries: to policy they are always empty."""
    for item in asking:
        rows = (row[0] for name in MATCHES for row in item.get(name, ()))
        limit = item.get("ticket_limit") or {}
        asked = (*rows, *item.get("group_by", ()), *limit.get("per", ()))
        for label in dict.fromkeys(name.removeprefix(LABEL) for name in asked if name.startswith(LABEL)):
            if not label.startswith(PREFIX) and label not in labels:
                said = (
                    f"`{item['name']}` asks for the label `{label}`, which {_LABELS} does not name: it is always empty"
                )
                yield doubt(item, said, f"add it to {_LABELS} of the correlator; it has {', '.join(labels) or 'none'}")


def _silences(contents: Sequence[Item], now: float) -> Iterator[Problem]:
    """Warn of silences that are over, and of those that take in everything."""
    for item in items(contents, "silences"):
        end = moment(item["until"], item.get("timezone", "UTC"))
        if end is not None and end <= now:
            message = f"the silence `{item['name']}` ended at {item['until']}: it keeps nothing quiet"
            yield doubt(item, message, "take it out, or write a later `until`")
        elif not item["match"]:
            message = f"the silence `{item['name']}` takes in everything: no ticket is opened until {item['until']}"
            yield doubt(item, message, "name in `match` what is to be quiet")


def _windows(contents: Sequence[Item], now: float) -> Iterator[Problem]:
    """Warn of maintenance windows of which the next begins before one ends."""
    for item in items(contents, "maintenance"):
        if "schedule" in item and _never_ends(item, now):
            what = "what it takes" if item["match"] else "nothing at all"
            never = "never has a ticket" if item["match"] else "ever has a ticket"
            message = f"the window `{item['name']}` begins again before it ends: {what} {never}"
            yield doubt(item, message, "let `schedule` come less often, or shorten `duration`")


def _never_ends(item: Item, now: float) -> bool:
    span = Span(
        item["name"], schedule=item["schedule"], duration=item["duration"], timezone=item.get("timezone", "UTC")
    )
    at = now
    for _ in range(_LOOKS):
        end = span.end(at)
        if end is None:
            return False
        if end > now + _A_YEAR:
            return True
        at = end
    return span.schedule.split()[2:] == ["*"] * 3  # one day is like any other


def _escalations(contents: Sequence[Item]) -> Iterator[Problem]:
    """Warn of escalations to what is no higher than all that the route matches: a severity only rises."""
    for item in items(contents, "routes"):
        asked = [texts for member, texts, _, wanted in item.get("match", ()) if member == "severity" and wanted]
        known = [SEVERITIES.index(text) for texts in asked for text in texts if text in SEVERITIES]
        lowest = max(known, default=len(SEVERITIES) - 1)
        for step in item.get("escalate", ()):
            if SEVERITIES.index(step["severity"]) >= lowest:
                said = f"`{item['name']}` escalates to {step['severity']}, which is not above what it matches"
                yield doubt(item, said, "name a higher severity: one never falls by `escalate`")


def _flaps(contents: Sequence[Item]) -> Iterator[Problem]:
    """Warn of those that take the very first return for flapping."""
    for item in (*items(contents, "routes"), *_defaults(contents)):
        if (item.get("flap") or {}).get("changes") == 1:
            said = f"`{item['name']}` has `flap` with one change: whatever ended and came back once flaps"
            yield doubt(item, said, "an end and a return are two changes; write 4 or more, or `flap: off`")
