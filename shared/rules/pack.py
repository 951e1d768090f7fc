"""One pack file: from YAML data to rules in their plain form, and every mistake in it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from shared.events.problem import Problem
from shared.events.vocabulary import CATEGORIES, SEVERITIES, SUBCATEGORIES
from shared.rules import mistakes, parsing
from shared.rules.document import Document
from shared.rules.document import Path as Place
from shared.rules.matchers import Matcher
from shared.rules.model import PackModel, RuleModel, VerdictFields
from shared.rules.ruleset import Rule
from shared.rules.specificity import length, score

DEFAULT_EXPIRY = 3600  # a problem that nothing ends is over when it was not repeated for an hour
_DEFAULT_TICKET = {"critical": 1, "high": 1, "medium": 3}
_DEFAULT_SUMMARY = ("", "kind", " ", "name", ": ", "reason", "")
_REQUIRED: dict[str, tuple[str, ...]] = {
    "category": CATEGORIES,
    "subcategory": tuple(word for words in SUBCATEGORIES.values() for word in words),
    "severity": SEVERITIES,
}
_FOR_PROBLEMS = ("ticket", "ended_by", "expires", "condition", "about")
_STAND_IN = {"name": "stand-in", "match": {"reason": "any"}}


class Located(NamedTuple):
    """A rule and where in its document it stands."""

    rule: Rule
    document: Document
    path: Place


@dataclass(frozen=True, slots=True)
class Pack:
    """What one file holds. A rule with a mistake is not in `rules`; its name is in `broken`."""

    rules: list[Located] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)


def parse(document: Document, *, own: bool) -> Pack:
    """Check a pack document and return its rules. Never raises for what a file can hold."""
    data = document.data
    pack = Pack()
    if not isinstance(data, dict):
        hint = "begin with pack: NAME, description: ..., rules: ..."
        pack.problems.append(document.problem((), "this is no rule pack", hint))
        return pack
    items = data["rules"] if isinstance(data.get("rules"), list) else []
    # The frame of the file first, with the rules set aside: each of them is checked for itself below.
    frame = {**data, "rules": [_STAND_IN]} if items else data
    wrong = mistakes.find(PackModel, frame)
    pack.problems.extend([document.problem(*mistake) for mistake in wrong])
    name, expected = data.get("pack"), Path(document.file).stem
    if isinstance(name, str) and name != expected:
        message = f'the pack is called "{name}" and its file {Path(document.file).name}'
        pack.problems.append(document.problem(("pack",), message, f"write pack: {expected}, or rename the file"))
    bad_defaults = {mistake.path[1] for mistake in wrong if mistake.path[0:1] == ("defaults",) and mistake.path[1:]}
    raw = data["defaults"] if isinstance(data.get("defaults"), dict) else {}
    defaults = {key: value for key, value in raw.items() if key not in bad_defaults}
    lenient = frozenset(str(key) for key in bad_defaults)
    for place, item in enumerate(items):
        _add_rule(pack, document, ("rules", place), item, defaults, lenient, own=own)
    return pack


def _add_rule(  # noqa: PLR0913, PLR0917 - the place, the rule, and what is below it
    pack: Pack,
    document: Document,
    path: Place,
    item: Any,
    defaults: dict[str, Any],
    lenient: frozenset[str],
    *,
    own: bool,
) -> None:
    """Check one rule with the pack's defaults below it; `lenient` keys are wrong there and said already."""
    if not isinstance(item, dict):
        pack.problems.append(document.problem(path, "a rule is a mapping", "write - name: ..., match: ..."))
        return
    found = mistakes.find(RuleModel, item)

    def say(place: parsing.Path, message: str, suggestion: str) -> None:
        found.append(mistakes.Mistake(place, message, suggestion))

    wrong = {mistake.path[0] for mistake in found if mistake.path}
    made = parsing.matchers(item["match"], say) if isinstance(item.get("match"), dict) else ()
    merged = {**defaults, **item}
    called = f'rule "{item["name"]}"' if isinstance(item.get("name"), str) else "the rule"
    for key, words in _REQUIRED.items():
        if key not in merged and key not in lenient:
            say((), f"{called} has no {key}", f"add {key}: one of {', '.join(words)}")
    good = {key: merged[key] for key in VerdictFields.model_fields if key in merged and key not in wrong}
    fields = VerdictFields.model_validate(good)
    _check_meaning(fields, item, say)
    part = parsing.part(fields.part, made, say)
    summary = parsing.summary(fields.summary, say) if fields.summary is not None else _DEFAULT_SUMMARY
    if found or lenient:
        pack.problems.extend(
            [document.problem(_written(path, place, item, defaults), *words) for place, *words in found]
        )
        # Where the name itself is wrong, what was meant by it may stand in any text of the rule.
        pack.broken.update(str(item[key]) for key in item if key == "name" or "name" not in item or "name" in wrong)
        return
    source = f"{Path(document.file).name}:{document.line(path)}"
    rule = _plain(item["name"], Path(document.file).stem, source, fields, made)
    pack.rules.append(Located(rule._replace(own=own, part=part, summary=summary), document, path))


def _written(path: Place, place: Place, item: dict[str, Any], defaults: dict[str, Any]) -> Place:
    """Return where a rule's mistake was written: one that all rules have from the defaults is told there, once."""
    key = place[0] if place else ""
    inherited = key in defaults and key not in item and not (key == "subcategory" and "category" in item)
    return ("defaults", *place) if inherited else (*path, *place)


def _check_meaning(fields: VerdictFields, item: dict[str, Any], say: parsing.Say) -> None:
    """Check what no single field can show: whether the values go together."""
    allowed = SUBCATEGORIES[fields.category] if fields.category else ()
    if allowed and fields.subcategory and fields.subcategory not in allowed:
        owner = next(category for category, words in SUBCATEGORIES.items() if fields.subcategory in words)
        message = f'"{fields.subcategory}" is no subcategory of {fields.category}, but of {owner}'
        say(("subcategory",), message, f"write category: {owner}, or one of: {', '.join(allowed)}")
    if fields.phase not in (None, "problem"):
        for key in _FOR_PROBLEMS:
            if item.get(key):
                say((key,), f"{key} is for problems, and this rule's phase is {fields.phase}", f"remove {key}")
    if isinstance(item.get("name"), str) and item["name"] in (fields.ended_by or ()):
        say(("ended_by",), "a rule cannot end itself", "name the rule of the recovery")


def _plain(name: str, pack: str, source: str, fields: VerdictFields, made: tuple[Matcher, ...]) -> Rule:
    """Fill in what the rule leaves open. All required fields are there: the caller has said so where not."""
    phase = fields.phase or "problem"
    problem = phase == "problem"
    severity = fields.severity or "info"
    ticket = _DEFAULT_TICKET.get(severity, 0) if fields.ticket is None else fields.ticket
    ended_by = tuple(fields.ended_by or ()) if problem else ()
    expires = fields.expires if fields.expires is not None else (0 if ended_by else DEFAULT_EXPIRY)
    return Rule(
        name=name,
        pack=pack,
        source=source,
        own=False,
        priority=fields.priority or 0,
        score=score(made),
        length=length(made),
        match=made,
        category=fields.category or "infrastructure",
        subcategory=fields.subcategory or "pod",
        severity=severity,
        phase=phase,
        condition=(fields.condition or name) if problem else "",
        part=(),
        about=fields.about or "object",
        ended_by=ended_by,
        ticket_after=ticket if problem else 0,
        hold=fields.hold or 0,
        expires=expires if problem else 0,
        summary=(),
        why=fields.why or "",
        runbook=fields.runbook or "",
    )
