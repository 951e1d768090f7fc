"""What would become of one observation, as values: verdict, why, Triggers, and what each destination would be sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.cli.configured import effective
from shared.delivery.preview import Preview
from shared.episodes.fold import Policy
from shared.episodes.machine import observe
from shared.episodes.record import Record
from shared.events import attributes
from shared.events.cloudevent import CloudEvent, type_of_transition, type_of_verdict
from shared.events.episode import Episode
from shared.events.model import Classified, Observation, Verdict
from shared.events.outcome import Rejected
from shared.local.broker.filters import matches
from shared.local.broker.topology import Topology
from shared.rules.explanation import Explanation, explain
from shared.rules.ruleset import RuleSet
from shared.runtime.registry import FUNCTIONS, load
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
    step = observe(Record(), classified, {}, Policy())
    episode = step.snapshots[-1].episode if step.snapshots else None
    events = [_event(type_of_verdict(verdict.category), attributes.of(observation, verdict), observation.object.path)]
    if episode is not None:
        named = attributes.of_episode(episode)
        events.append(_event(type_of_transition(episode.transition), named, episode.object.path))
    return Explained(
        observation=observation,
        explanation=explanation,
        triggers=topology if isinstance(topology, str) else _matching(topology, events),
        episode=episode,
        previews=tuple(_previews(destinations, classified, episode)),
    )


def _matching(topology: Topology, events: Sequence[CloudEvent]) -> tuple[str, ...]:
    return tuple(
        trigger.name for trigger in topology.triggers if any(matches(trigger.selection, event) for event in events)
    )


def previewers() -> dict[str, Any]:
    """Build each destination of the base, and others that are configured, so that they show what they would send.

    Examples stand for what is not configured of the base.

    Raises SettingsError for settings that are there and wrong.
    """
    environ = effective()
    built: dict[str, Any] = {}
    for name, registered in FUNCTIONS.items():
        destination = registered.destination
        if destination is not None and (not destination.component or destination.configured(environ)):
            own = destination.shown_by(environ)
            built[name] = load(name, own, Metrics(), store=open_store("memory:"))
    return built


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
            {"destination": preview.destination, "method": preview.method, "url": preview.url, "body": preview.body}
            for preview in item.previews
            if isinstance(preview, Preview)
        ],
    }


def _previews(destinations: Mapping[str, Any], classified: Classified, episode: Episode | None) -> list[Preview | str]:
    found: list[Preview | str] = []
    for name, function in destinations.items():
        registered = FUNCTIONS[name].destination
        subject = episode if registered is not None and registered.subject == "episode" else classified
        if subject is None:
            found.append(f"{name}: nothing, this alone is no problem")
            continue
        made: Sequence[Preview] | Rejected = function.preview(subject)
        if isinstance(made, Rejected):
            found.append(f"{name}: {made.reason}")
        elif made:
            found += made
        else:
            after = classified.verdict.ticket_after
            when = f"a ticket opens from {after} occurrences on" if after else "this opens no ticket"
            found.append(f"{name}: nothing, {when}")
    return found


def _event(kind: str, extensions: Mapping[str, str], subject: str) -> CloudEvent:
    return CloudEvent(id="explain", source="tidings/explain", type=kind, subject=subject, extensions=extensions)
