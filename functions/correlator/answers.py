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
    return CloudEvent(
        id=f"{episode.id}.{episode.revision}",
        source=SOURCE,
        type=type_of_transition(episode.transition),
        subject=clean(episode.object.path),
        time=episode.resolved or episode.last_seen,
        extensions={**of_episode(episode), **continued(cause.extensions), VIA: onward(cause.extensions, "correlator")},
        data=episode.model_dump(mode="json"),
    )


def event_of_change(change: Change, cause: CloudEvent) -> CloudEvent:
    """Return the event of a change's snapshot, as `event_of` does of an episode's."""
    return CloudEvent(
        id=f"{change.id}.{change.revision}",
        source=SOURCE,
        type=type_of_change(change.transition),
        subject=clean(change.object.path),
        time=change.ended or change.last_seen,
        extensions={**of_change(change), **continued(cause.extensions), VIA: onward(cause.extensions, "correlator")},
        data=change.model_dump(mode="json"),
    )
