"""Run the tests that stand beside the packs: events in, verdict expected."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from shared.events.model import Observation, Verdict
from shared.events.problem import Problem, did_you_mean
from shared.rules import document, fallback, mistakes, specimen
from shared.rules.classify import verdict_of
from shared.rules.document import Document
from shared.rules.loader import TEST_SUFFIX, file_text, yaml_files
from shared.rules.model import CaseModel, Expectation, TestsModel
from shared.rules.ruleset import RuleSet

Where = tuple[str | int, ...]


class Case(NamedTuple):
    """One observation of one test, and what is expected of it."""

    observation: Observation
    expect: Expectation
    document: Document
    path: Where


def run_pack_tests(
    paths: Sequence[Path | str], ruleset: RuleSet, broken: Iterable[str] = (), spoiled: Iterable[Path] = ()
) -> list[Problem]:
    """Run the test files of these paths against a rule set; each expectation that is not met is a problem.

    `broken` names rules that were refused, `spoiled` the packs (without suffix) that had them: what is expected there
    cannot be met and is not complained of again.
    """
    problems: list[Problem] = []
    cases = list(read_cases(paths, problems))
    refused, without = set(broken), set(spoiled)
    for case in cases:
        tests = Path(case.document.file)
        if case.expect.rule not in refused and tests.with_name(tests.stem.removesuffix(TEST_SUFFIX)) not in without:
            problems += _judge(case, ruleset)
    return sorted(set(problems))


def read_cases(paths: Sequence[Path | str], problems: list[Problem]) -> Iterator[Case]:
    """Yield the cases of all test files of these paths; what cannot be read is added to `problems`."""
    for file in yaml_files(paths, problems):
        if not file.stem.endswith(TEST_SUFFIX):
            continue
        text = file_text(file, problems)
        if text is None:
            continue
        found, wrong = document.read(str(file), text)
        problems += wrong
        if found.data is None and wrong:
            continue
        yield from _cases(found, problems)


def _cases(found: Document, problems: list[Problem]) -> Iterator[Case]:
    wrong = mistakes.find(TestsModel, found.data)
    problems += [found.problem(*mistake) for mistake in wrong]
    data = found.data if isinstance(found.data, dict) else {}
    pack = Path(found.file).stem.removesuffix(TEST_SUFFIX)
    if isinstance(data.get("pack"), str) and data["pack"] != pack:
        problems.append(found.problem(("pack",), f'these are tests of "{data["pack"]}"', f"write pack: {pack}"))
    spoiled = {mistake.path[1] for mistake in wrong if mistake.path[:1] == ("tests",) and len(mistake.path) > 1}
    for place, item in enumerate(data.get("tests") or () if isinstance(data.get("tests"), list) else ()):
        if place not in spoiled:
            yield from _of_one(CaseModel.model_validate(item), found, ("tests", place), problems)


def _of_one(case: CaseModel, found: Document, path: Where, problems: list[Problem]) -> Iterator[Case]:
    given = [key for key in ("event", "events", "object") if getattr(case, key) is not None]
    if len(given) != 1:
        problems.append(found.problem(path, "a test has one of event, events and object", "write event: {reason: ...}"))
        return
    if case.object is not None:
        observations: Iterable[Any] = _decoded(case.object)
    else:
        observations = [specimen.build(event) for event in case.events or [case.event or {}]]
    for place, observation in enumerate(observations):
        here = (*path, given[0], place) if case.events else (*path, given[0])
        if isinstance(observation, Observation):
            yield Case(observation, case.expect, found, here)
        else:
            problems.append(found.problem(here, *observation))


def _decoded(thing: dict[str, Any]) -> list[Observation | tuple[str, str]]:
    """Decode a whole object as the API server's source would send it."""
    from shared.events.cloudevent import CloudEvent
    from shared.sources.registry import decode

    # YAML makes dates of the timestamps that kubectl prints without quotes; the API server sends them as text.
    data = json.loads(json.dumps(thing, default=lambda time: str(time).replace("+00:00", "Z")))
    event = CloudEvent(id="test", source="test", type="dev.knative.apiserver.resource.update", data=data)
    decoded = decode(event, cluster="test", now=specimen.TIME)
    if isinstance(decoded, list):
        return list(decoded)
    return [(f"this object is no observation: {decoded.reason}", "give a whole Event or object, as kubectl shows it")]


def _judge(case: Case, ruleset: RuleSet) -> Iterator[Problem]:
    matching = list(ruleset.matches(case.observation))
    winner = matching[0] if matching else None
    verdict = verdict_of(winner, case.observation, ruleset)
    decided = f"{verdict.rule} ({verdict.source})"
    expect = case.expect
    where = (*case.path[:2], "expect")
    if expect.rule is not None and expect.rule not in {rule.name for rule in ruleset.rules} | fallback.NAMES:
        names = sorted(rule.name for rule in ruleset.rules)
        hint = did_you_mean(expect.rule, names, otherwise="name a rule of this pack")
        yield case.document.problem((*where, "rule"), f'there is no rule "{expect.rule}"', hint)
        return
    for key in expect.model_fields_set:
        wanted, got = getattr(expect, key), _got(verdict, key, case.observation)
        if (sorted(wanted) if key == "ends" else wanted) != got:
            message = f"expected {key} {_shown(wanted)}, got {_shown(got)} from the rule {decided}"
            yield case.document.problem((*where, key), message, _hint(key, case, ruleset))
    if len(matching) > 1 and winner is not None and matching[1].rank()[:3] == winner.rank()[:3]:
        rival = matching[1]
        if rival.rank() == winner.rank():
            message = f"{winner.name} ({winner.source}) and {rival.name} ({rival.source}) tie on this event"
            yield case.document.problem(case.path, message, "add a matcher to one of them, or set its priority")


def _got(verdict: Verdict, key: str, observation: Observation) -> Any:
    if key == "ticket":
        return 0 < verdict.ticket_after <= observation.count
    if key == "ends":
        return sorted({*verdict.ends, *verdict.owner_ends})
    return getattr(verdict, key)


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _hint(key: str, case: Case, ruleset: RuleSet) -> str:
    if key != "rule":
        return "change the rule, or what is expected of it"
    from shared.rules.explanation import why_not

    return why_not(case.expect.rule or "", case.observation, ruleset) or "change the rule, or what is expected of it"
