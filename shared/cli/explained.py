"""What would become of one observation, as values: verdict, why, Triggers, and what each destination would be sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from shared.cli.configured import effective
from shared.delivery.preview import Preview
from shared.episodes import rollouts
from shared.episodes.machine import Known, observe
from shared.episodes.policy import IMMEDIATE, Policies
from shared.episodes.record import Record
from shared.events import attributes
from shared.events.change import Change
from shared.events.cloudevent import CloudEvent, type_of_change, type_of_transition, type_of_verdict
from shared.events.episode import Episode
from shared.events.model import Classified, Observation, Verdict
from shared.events.outcome import Rejected
from shared.local.broker.filters import matches
from shared.local.broker.topology import Topology
from shared.rules.explanation import Explanation, explain
from shared.rules.ruleset import RuleSet
from shared.runtime.registry import FUNCTIONS, components, load
from shared.stores.registry import open_store
from shared.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Explained:
    """Everything about one observation."""

    observation: Observation
    explanation: Explanation
    triggers: tuple[str, ...] | str  # or why none is known
    episode: Episode | None
    previews: tuple[Preview | str, ...]


def row(observation: Observation, verdict: Verdict) -> dict[str, Any]:
    """Return what one line of `--output jsonl` says (surface.md §2)."""
    thing = observation.object
    return {
        "dialect": observation.dialect,
        "cluster": observation.cluster,
        "namespace": thing.namespace,
        "kind": thing.kind,
        "name": thing.name,
        "reason": observation.reason,
        "message": observation.message,
        "category": verdict.category,
        "subcategory": verdict.subcategory,
        "severity": verdict.severity,
        "phase": verdict.phase,
        "ticket": 0 < verdict.ticket_after <= observation.count,
        "problem_key": verdict.problem_key,
        "rule": verdict.rule,
        "version": verdict.version,
        "why": f"{verdict.why} ({verdict.source})" if verdict.source else verdict.why,
        "condition": verdict.condition,
        "ends": list(dict.fromkeys((*verdict.ends, *verdict.owner_ends))),
        "known": verdict.known,
        "masked": list(observation.masked),
    }


def explained(
    observation: Observation, ruleset: RuleSet, topology: Topology | str, destinations: Mapping[str, Any]
) -> Explained:
    """Return all about an observation, as if it were the first of its kind. Sends nothing, keeps nothing.

    In the place of a topology may stand why there is none.
    """
    explanation = explain(observation, ruleset)
    verdict = explanation.verdict
    classified = Classified(observation=observation, verdict=verdict)
    step = observe(Record(), classified, Known(), Policies(IMMEDIATE))
    episode = step.snapshots[-1].episode if step.snapshots else None
    events = [_event(type_of_verdict(verdict.category), attributes.of(observation, verdict), observation.object.path)]
    if episode is not None:
        named = attributes.of_episode(episode)
        events.append(_event(type_of_transition(episode.transition), named, episode.object.path))
    changes = rollouts.step(None, classified, observation.received.timestamp()).changes
    events += [_event(type_of_change(one.transition), attributes.of_change(one), one.object.path) for one in changes]
    return Explained(
        observation=observation,
        explanation=explanation,
        triggers=topology if isinstance(topology, str) else _matching(topology, events),
        episode=episode,
        previews=tuple(_previews(destinations, _Told(classified, episode, changes), _told(topology, events[0]))),
    )


def _told(topology: Topology | str, event: CloudEvent) -> frozenset[str]:
    """Return the functions that a Trigger sends this event to."""
    if isinstance(topology, str):
        return frozenset()
    return frozenset(topology.function_of(one.subscriber) for one in topology.triggers if matches(one.selection, event))


def _matching(topology: Topology, events: Sequence[CloudEvent]) -> tuple[str, ...]:
    return tuple(
        trigger.name for trigger in topology.triggers if any(matches(trigger.selection, event) for event in events)
    )


def previewers() -> dict[str, Any]:
    """Build each destination of the base, and others that are configured, so that they show what they would send.

    Examples stand for what is not configured of the base. One that is no part of it is shown where a setting names its
    system, or a mapping of it. Raises SettingsError for settings that are there and wrong.
    """
    environ = effective()
    wanted = components(environ)
    built: dict[str, Any] = {}
    for name, registered in FUNCTIONS.items():
        destination = registered.destination
        if destination is None:
            continue
        if name in wanted or not destination.component or destination.mapping in environ:
            own = destination.shown_by(environ)
            built[name] = load(name, own, Metrics(), store=open_store("memory:", own))
    return built


def actors() -> dict[str, Any]:
    """Build what acts on clusters, where a setting wants it, to show what it would do. Raises SettingsError."""
    environ = effective()
    return {
        name: load(name, environ, Metrics(), store=open_store("memory:", environ), clusters=())
        for name in components(environ)
        if FUNCTIONS[name].acts
    }


def as_dict(item: Explained) -> dict[str, Any]:
    """Return everything as JSON has it."""
    found = item.explanation
    return {
        **row(item.observation, found.verdict),
        "because": found.because,
        "matched": list(found.matched),
        "near_misses": [miss._asdict() for miss in found.near_misses],
        "lost": [lost._asdict() for lost in found.lost],
        "triggers": None if isinstance(item.triggers, str) else list(item.triggers),
        "sent": [
            {
                "destination": preview.destination,
                "method": preview.method,
                "url": preview.url,
                "body": preview.body,
                "shadow": preview.shadow,
            }
            for preview in item.previews
            if isinstance(preview, Preview)
        ],
    }


class _Told(NamedTuple):
    """What destinations can be told of an observation."""

    classified: Classified
    episode: Episode | None
    changes: tuple[Change, ...]


def _previews(destinations: Mapping[str, Any], made: _Told, told: frozenset[str]) -> list[Preview | str]:
    """Return what each destination would be sent; `told` are those that a Trigger sends the observation itself to."""
    classified, episode, changes = made
    found: list[Preview | str] = []
    for name, function in destinations.items():
        registered = FUNCTIONS[name].destination
        subject = registered.subject if registered is not None else "episode"
        if subject == "classified" or (subject == "any" and name in told):
            found += _shown(name, function.preview(classified), classified)
        if subject == "change":
            nothing = f"{name}: nothing, this begins no roll-out"
            found += [line for one in changes for line in _shown(name, function.preview(one), classified)] or [nothing]
        elif subject != "classified":
            nothing = f"{name}: nothing, this alone is no problem"
            found += [nothing] if episode is None else _shown(name, function.preview(episode), classified)
    return found


def _shown(name: str, made: Sequence[Preview] | Rejected, classified: Classified) -> list[Preview | str]:
    if isinstance(made, Rejected):
        return [f"{name}: {made.reason}"]
    after = classified.verdict.ticket_after
    when = f"a ticket opens from {after} occurrences on" if after else "this opens no ticket"
    return [*made] or [f"{name}: nothing, {when}"]


def _event(kind: str, extensions: Mapping[str, str], subject: str) -> CloudEvent:
    return CloudEvent(id="explain", source="tidings/explain", type=kind, subject=subject, extensions=extensions)
