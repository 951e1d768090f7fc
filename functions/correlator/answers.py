"""From snapshots to CloudEvents."""

from shared.events.attributes import clean, of_change, of_episode
from shared.events.change import Change
from shared.events.cloudevent import CloudEvent, type_of_change, type_of_transition
from shared.events.echo import VIA, onward
from shared.events.episode import Episode
from shared.telemetry.trace import continued

SOURCE = "tidings/correlator"


def event_of(episode: Episode, cause: CloudEvent) -> CloudEvent:
    """Return the snapshot's event: the same snapshot always has the same id, and carries its cause's trace on."""
    return _event(episode, type_of_transition(episode.transition), of_episode(episode), cause)


def event_of_change(change: Change, cause: CloudEvent) -> CloudEvent:
    """Return the event of a change's snapshot, as `event_of` does of an episode's."""
    return _event(change, type_of_change(change.transition), of_change(change), cause)


def _event(snapshot: Episode | Change, kind: str, attributes: dict[str, str], cause: CloudEvent) -> CloudEvent:
    return CloudEvent(
        id=f"{snapshot.id}.{snapshot.revision}",
        source=SOURCE,
        type=kind,
        subject=clean(snapshot.object.path),
        time=snapshot.ended or snapshot.last_seen,
        extensions={**attributes, **continued(cause.extensions), VIA: onward(cause.extensions, "correlator")},
        data=snapshot.model_dump(mode="json"),
    )
