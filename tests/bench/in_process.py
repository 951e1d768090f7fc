"""Part `event`: one event in process, its steps one by one; compared with parsing the same JSON."""

import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson
import yaml

from shared.events import attributes
from shared.events.cloudevent import CloudEvent, type_of_verdict
from shared.events.codec import decode, encode_structured
from shared.events.model import Classified, Observation
from shared.events.outcome import Rejected
from shared.rules.classify import classify
from shared.rules.loader import load
from shared.rules.ruleset import RuleSet
from shared.rules.shipped import load_shipped
from shared.sources.context import Context
from shared.sources.registry import decode as observe
from shared.sources.registry import decode_payload
from tests.bench.events import Post, audit_records, deployments, posts
from tests.bench.measure import MOST, Effort, Row, Wanted, in_turns, microseconds_each

_PARSE = "orjson.loads of the same body"
_SAMPLE = 2000


def event(effort: Effort) -> list[Row]:
    """Verdict, way in, way in and out, and how the verdict's cost grows with the rules."""
    rules = load_shipped()
    known = posts(_SAMPLE)
    unknown = [strange(post, number) for number, post in enumerate(known)]
    rows = [
        _row(effort, "verdict, known reason", known, _verdicts(known, rules, known=True), 15),
        _row(effort, "verdict, unknown reason", unknown, _verdicts(unknown, rules, known=False), 15),
        _row(effort, "decode + redact + classify, an Event", known, _taken_in(known, rules), 60),
    ]
    objects = deployments(500)
    name = "decode + redact + classify, a Deployment"
    rows.append(_row(effort, name, objects, _taken_in(objects, rules), 120))
    records = audit_records(500)
    rows.append(_row(effort, "decode + redact + classify, an audit record", records, _audited(records, rules), 300))
    rows.append(_row(effort, "decode + redact + classify + reply, an Event", known, _answered(known, rules), None))
    return rows + _growth(effort)


def _row(effort: Effort, name: str, sample: Sequence[Post], work: Callable[[], int], bound: float | None) -> Row:
    def parse() -> int:
        for _, body in sample:
            orjson.loads(body)
        return len(sample)

    return in_turns(
        name,
        _PARSE,
        "µs",
        lambda: microseconds_each(work),
        lambda: microseconds_each(parse),
        rounds=effort.turns(9),
        wanted=Wanted(MOST, bound, "ours") if bound else None,
    )


def strange(post: Post, number: int) -> Post:
    """Return the event with a reason and a message that no rule has heard of."""
    headers, body = post
    changed = {**orjson.loads(body), "reason": f"Odd{number}", "message": f"the gizmo {number} did as gizmos do"}
    return headers, orjson.dumps(changed)


def observation(post: Post, now: datetime) -> Observation:
    """Return the one observation of a request. Raises TypeError where it holds none."""
    decoded = decode(*post)
    found = observe(decoded, cluster="bench", now=now) if isinstance(decoded, CloudEvent) else decoded
    if not isinstance(found, list):
        raise TypeError(f"the sample holds what is no observation: {found}")
    return found[0]


def _verdicts(sample: Sequence[Post], rules: RuleSet, *, known: bool) -> Callable[[], int]:
    now = datetime.now(UTC)
    seen = [observation(post, now) for post in sample]
    right = sum(classify(each, rules).known is known for each in seen)
    if right < 0.9 * len(seen):  # the day has a few reasons of its own that no rule knows
        raise RuntimeError(f"only {right} of {len(seen)} reasons are {'known' if known else 'unknown'}")

    def work() -> int:
        for each in seen:
            classify(each, rules)
        return len(seen)

    return work


def _taken_in(sample: Sequence[Post], rules: RuleSet) -> Callable[[], int]:
    now = datetime.now(UTC)
    observation(sample[0], now)

    def work() -> int:
        for post in sample:
            classify(observation(post, now), rules)
        return len(sample)

    return work


def _audited(sample: Sequence[Post], rules: RuleSet) -> Callable[[], int]:
    context = Context("bench", datetime.now(UTC))

    def work() -> int:
        for _, body in sample:
            found = decode_payload(orjson.loads(body), context)
            if isinstance(found, Rejected):
                raise TypeError(f"the sample holds what is no audit record: {found.reason}")
            for each in found:
                classify(each, rules)
        return len(sample)

    return work


def _answered(sample: Sequence[Post], rules: RuleSet) -> Callable[[], int]:
    now = datetime.now(UTC)

    def work() -> int:
        for post in sample:
            found = observation(post, now)
            verdict = classify(found, rules)
            data = Classified(observation=found, verdict=verdict).model_dump(mode="json")
            kind, extensions = type_of_verdict(verdict.category), attributes.of(found, verdict)
            encode_structured(CloudEvent(found.identity, "bench", kind, extensions=extensions, data=data))
        return len(sample)

    return work


def _growth(effort: Effort) -> list[Row]:
    """The same observations among a hundred, a thousand and ten thousand rules."""
    now = datetime.now(UTC)
    seen = [observation(post, now) for post in posts(1000)]
    seen = [each.model_copy(update={"reason": f"Reason{number % 100}"}) for number, each in enumerate(seen)]
    few, more, many = (generated(count) for count in (100, 1000, 10_000))

    def verdicts(rules: RuleSet) -> Callable[[], float]:
        def work() -> int:
            for each in seen:
                classify(each, rules)
            return len(seen)

        return lambda: microseconds_each(work)

    return [
        in_turns(
            f"verdict among {len(rules):,} rules",
            "among 100 rules",
            "µs",
            verdicts(rules),
            verdicts(few),
            rounds=effort.turns(9),
            wanted=Wanted(MOST, bound),
        )
        for rules, bound in ((more, 1.2), (many, 2.0))
    ]


def generated(count: int) -> RuleSet:
    """Return so many rules as teams write them, through the real loader. Raises ValueError where it refuses one."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(0, count, 100):
            pack = {
                "pack": f"generated-{number}",
                "description": "What the benchmark writes",
                "defaults": {"category": "infrastructure", "subcategory": "workload", "severity": "medium"},
                "rules": [_rule(each) for each in range(number, number + 100)],
            }
            (Path(folder) / f"generated-{number}.yaml").write_text(yaml.safe_dump(pack), encoding="utf-8")
        loaded = load([folder])
    if loaded.problems:
        raise ValueError(f"the generated rules are refused: {loaded.problems[0]}")
    return loaded.ruleset


def _rule(number: int) -> dict[str, object]:
    """Return a rule: most name a reason, some a reason and words of the message, one in ten words only."""
    match: dict[str, object] = {"reason": f"Reason{number}"}
    if number % 10 == 9:
        match = {"message": {"regex": rf"gadget {number}x? (failed|stopped) after \d+ tries"}}
    elif number % 10 >= 7:
        match |= {"kind": ["Pod", "Node"], "message": {"contains": f"part {number} of"}}
    elif number % 10 >= 4:
        match |= {"kind": "Pod"}
    return {
        "name": f"rule-{number}",
        "match": match,
        "summary": "{kind} {namespace}/{name}: {reason}",
        "why": "Made for measuring.",
    }
