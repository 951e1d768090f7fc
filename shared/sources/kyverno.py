"""Dialect `kyverno`: results of policies, as reports or as policy-reporter posts them (reference/inputs.md §1.7).

Reports are PolicyReport and ClusterPolicyReport of wgpolicyk8s.io and their successors of openreports.io; any engine
may write them. A result is said in the words of Kyverno's own Events on a resource, so that a violation is one problem
whether an Event, a report or policy-reporter (its pkg/target/http/model.go) tells it.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.sources.context import Context, at_most, mapping, message_text, name_text, number
from shared.sources.observed import Told, go_time, observed

NAME = "kyverno"

_REASONS = {"fail": "PolicyViolation", "warn": "PolicyViolation", "error": "PolicyError", "pass": "PolicyApplied"}
_GONE = "PolicyResultGone"
_NOT_HELD = frozenset({"pass", "error"})  # of a report that is deleted: it held no violation
_FRAME = ("apiVersion", "kind", "source")
_NAMES = ("apiVersion", "kind", "name", "namespace", "uid", "resourceVersion", "creationTimestamp")


class _Result(NamedTuple):
    """What one policy says of one resource; `original` is what was sent, with this result alone."""

    said: Mapping[str, Any]
    result: str
    resource: Mapping[str, Any]
    time: datetime | None
    version: str
    original: Mapping[str, Any]


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode one result, or a report into an observation of each result that says something of the resource.

    A result that was skipped says nothing, nor does a sign of life of policy-reporter: they hold no observation.
    """
    found = mapping(payload)
    results: list[_Result] | Rejected
    if "metadata" in found:
        results = at_most(_of_report(found))
        if isinstance(results, Rejected):
            return results
    elif found.get("event") == "heartbeat":
        results = []
    else:
        if not name_text(found.get("policy")):
            return Rejected("decode", "a result of a policy must name the policy")
        resource, time = mapping(found.get("resource")), go_time(found.get("creationTimestamp"))
        results = [_Result(found, name_text(found.get("status")), resource, time, "", found)]
    seen = (_observation(result, context) for result in results)
    return list({item.identity: item for item in seen if item is not None}.values())


def _of_report(report: Mapping[str, Any]) -> Iterator[_Result]:
    """Yield each result with a report that holds it alone: the whole one, each time, would be its square."""
    frame = {key: report[key] for key in _FRAME if key in report}
    # Of what is repeated with each result no more than which it is: labels and annotations would make it a square.
    for name in ("metadata", "scope"):
        whole = mapping(report.get(name))
        frame[name] = {key: whole[key] for key in _NAMES if key in whole}
    version = name_text(frame["metadata"].get("resourceVersion"))
    results = report.get("results")
    for item in map(mapping, results if isinstance(results, list) else ()):
        seconds = number(mapping(item.get("timestamp")).get("seconds"))
        time = datetime.fromtimestamp(seconds, UTC) if seconds else None
        said = {"source": report.get("source"), **item}
        resources = _resources(report, item)
        own = item if len(resources) == 1 else {key: item[key] for key in item if key != "properties"}
        for resource in resources:
            alone = {**frame, "results": [{**own, "resources": [resource]}]}
            yield _Result(said, name_text(item.get("result")), resource, time, version, alone)


def _resources(report: Mapping[str, Any], result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what a result is about: the resources that it names itself, else the one that the report is about.

    A benchmark's result names none and is about the cluster.
    """
    own = result.get("resources", result.get("subjects"))
    named = [mapping(item) for item in own] if isinstance(own, list) else []
    return [item for item in named if name_text(item.get("name"))] or [mapping(report.get("scope"))]


def _observation(found: _Result, context: Context) -> Observation | None:
    """Return the observation of one result, or None where it says nothing.

    It is about the resource, but for a policy that cannot be evaluated: that would be as many problems as resources.
    """
    gone, broken = context.operation == "delete", found.result == "error"
    namespace, _, policy = name_text(found.said.get("policy")).rpartition("/")
    rule = name_text(found.said.get("rule"))
    if found.result not in _REASONS or not policy or (gone and found.result in _NOT_HELD):
        return None
    reference = {"kind": "Policy" if namespace else "ClusterPolicy", "namespace": namespace, "name": policy}
    name = f"policy {policy}/{rule}" if rule else f"policy {policy}"
    names = tuple(name_text(found.resource.get(member)) for member in ("kind", "namespace", "name"))
    when = found.time.isoformat() if found.time else found.version or f"{context.received:%Y-%m-%dT%H:%M}"
    told = Told(
        thing=reference if broken else found.resource,
        identity=(policy, rule, *names, found.result, when, "deleted" if gone else ""),
        related=found.resource if broken else reference,
        reason=_GONE if gone else _REASONS[found.result],
        message=f"{name} is no longer reported" if gone else _sentence(name, found),
        type=found.said.get("severity"),
        component=name_text(found.said.get("source")) or NAME,
        time=None if gone else found.time,
        annotations=found.said.get("properties"),
    )
    return observed(NAME, context, found.original, told)


def _sentence(name: str, found: _Result) -> str:
    said = message_text(found.said.get("message")) or message_text(found.said.get("description"))
    return f"{name} {found.result}: {said}" if said or found.result != "pass" else f"{name} pass"
