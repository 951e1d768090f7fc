"""Say what an observation means: pure, total, the same on every replica."""

from typing import Any

from shared.events.identity import fingerprint, problem_key, workload_name, workload_of
from shared.events.model import Observation, Verdict, trusted
from shared.rules.fields import getter
from shared.rules.regex import group
from shared.rules.ruleset import Rule, RuleSet, version_of

SUMMARY_LENGTH = 160
ENDS_ALL = ("*",)
# Whose deletion may end what all pods of a workload share; old ReplicaSets are deleted while their Deployment lives.
_WORKLOADS = frozenset(
    {"Pod", "Deployment", "DeploymentConfig", "StatefulSet", "DaemonSet", "ReplicationController", "Job", "CronJob"}
)
_OF_OBJECTS = frozenset({"apiserver-resource", "apiserver-reference", "kubewatch", "k8sobjects", "botkube"})
"""The dialects whose `delete` is of the object itself, not of an Event about it or an attempt that may have failed."""
NAME_LENGTH = 253  # of a Kubernetes name


def classify(observation: Observation, ruleset: RuleSet) -> Verdict:
    """Return the verdict of the most specific rule; where no rule matches, of what the words of the observation say.

    The deletion of an object ends every problem of that object, whatever rule matched it.
    """
    return verdict_of(ruleset.match(observation), observation, ruleset)


def verdict_of(rule: Rule | None, observation: Observation, ruleset: RuleSet) -> Verdict:
    """Return the verdict that a rule gives, or the fallback's where it is None."""
    decided = rule is not None
    if rule is None:
        # What it knows of words is some 10 ms that a start does not need, and most functions never.
        from shared.rules import fallback

        rule, part, ends, why = fallback.judge(observation)
        owner_ends: tuple[str, ...] = ()
        known = rule.name in fallback.IMPLICIT
    else:
        known, why = True, rule.why
        part = part_of(rule, observation) if rule.part else ""
        ends = ruleset.ends.get(rule.name, ())
        owner_ends = ruleset.owner_ends.get(rule.name, ())
    if observation.operation == "delete" and observation.dialect in _OF_OBJECTS:
        ends = ENDS_ALL
        owner_ends = ENDS_ALL if observation.object.kind in _WORKLOADS else ()
    key = ""
    if rule.phase == "problem":
        thing = observation.object if rule.about == "object" else workload_of(observation.object)
        key = problem_key(observation.cluster, thing, rule.condition, part)
    return trusted(
        Verdict,
        {
            "category": rule.category,
            "subcategory": rule.subcategory,
            "severity": rule.severity,
            "phase": rule.phase,
            "condition": rule.condition,
            "part": part,
            "about": rule.about,
            "problem_key": key,
            "ends": ends,
            "owner_ends": owner_ends,
            "ticket_after": rule.ticket_after,
            "hold": rule.hold,
            "expires": rule.expires,
            "summary": summary_of(rule, observation, part),
            "rule": rule.name,
            "source": rule.source,
            "version": ruleset.version(rule) if decided else version_of(rule),
            "why": why,
            "runbook": rule.runbook,
            "known": known,
        },
    )


def part_of(rule: Rule, observation: Observation) -> str:
    """Return which part of the object the observation is about, empty where it does not say."""
    match rule.part:
        case ("container",):
            return _container(observation.object.field_path)
        case ("message",):
            return observation.fingerprint or fingerprint(observation.message)
        case ("field", field):
            value = getter(field)(observation)
            return str(value)[:NAME_LENGTH] if isinstance(value, str | int | float) else ""
        case ("group", field, *patterns):
            return _group(patterns, getter(field)(observation))
    return ""


def _container(field_path: str) -> str:
    """Return the name in `spec.containers{web}`."""
    _, opening, rest = field_path.partition("{")
    return rest.partition("}")[0][:NAME_LENGTH] if opening else ""


def _group(patterns: list[str], value: Any) -> str:
    if not isinstance(value, str):
        return ""
    found = next((part for part in (group(pattern, "part", value) for pattern in patterns) if part), "")
    return found[:NAME_LENGTH]


def summary_of(rule: Rule, observation: Observation, part: str) -> str:
    """Fill in the rule's summary: one line, at most 160 characters. Event data is put in as it is, never expanded."""
    pieces = list(rule.summary)
    for place in range(1, len(pieces), 2):
        pieces[place] = _word(pieces[place], observation, part) or "-"
    text = "".join(pieces)
    if not text.isprintable():
        text = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return text if len(text) <= SUMMARY_LENGTH else f"{text[: SUMMARY_LENGTH - 1]}…"


def _word(name: str, observation: Observation, part: str) -> str:
    if name == "part":
        return part
    if name == "owner":
        return workload_name(observation.object)
    if name in ("name", "namespace", "kind"):
        return str(getattr(observation.object, name))
    return str(getattr(observation, name))
