"""What tests of roll-outs share: objects as their controllers write them, and the way of each version to a change."""

from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from typing import Any

from shared.changes.authors import Author
from shared.changes.made import observations
from shared.changes.record import Record
from shared.changes.step import seen_of, step
from shared.episodes import rollouts
from shared.episodes.rollouts import Rollout
from shared.events.change import Change
from shared.events.model import Classified
from shared.rules.classify import classify
from shared.rules.ruleset import RuleSet
from shared.rules.shipped import load_shipped
from shared.sources.registry import decode
from tests.support.objects import DAYS, NOW, Object, manager, sent, thing

START = NOW.timestamp()
MOVES, DONE, STUCK = "ReplicaSetUpdated", "NewReplicaSetAvailable", "ProgressDeadlineExceeded"


@cache
def rules() -> RuleSet:
    return load_shipped(None)


def deployment(version: int, image: str, reason: str = DONE, updated: int = 3, **more: Any) -> Object:
    """Return a Deployment whose template is its third, second ... version; `behind`: its controller has not seen it."""
    generation = int(more.pop("generation", 1))
    notes = {"annotations": {"tidings.dev/planned-change": more.pop("plan")}} if "plan" in more else {}
    condition = {
        "type": "Progressing",
        "status": "False" if reason == STUCK else "True",
        "reason": reason,
        "message": "so it is",
    }
    return thing(
        "Deployment",
        version,
        {
            "generation": generation,
            "managedFields": [manager("argocd", "spec")],
            **notes,
        },
        spec={"replicas": 3, "template": {"spec": {"containers": [{"name": "web", "image": image}]}}},
        status={
            "observedGeneration": generation - 1 if more.pop("behind", False) else generation,
            "replicas": 3,
            "updatedReplicas": updated,
            "conditions": [condition],
        },
    )


def upgraded() -> list[tuple[float, Object]]:
    """Return the versions of a Deployment that is rolled out, by seconds: known, changed, under way, complete."""
    return [
        (-3600, deployment(1, "shop/web:1.4")),
        (0, deployment(2, "shop/web:1.5", generation=2, behind=True)),
        (1, deployment(3, "shop/web:1.5", MOVES, 1, generation=2)),
        (20, deployment(4, "shop/web:1.5", MOVES, 2, generation=2)),
        (40, deployment(5, "shop/web:1.5", DONE, 3, generation=2)),
    ]


def seen(versions: Iterable[tuple[float, Object]], author: Author | None = None) -> list[Classified]:
    """Return what the classifier says of what `changes` tells of an object's versions."""
    record: Record | None = None
    found: list[Classified] = []
    for seconds, data in versions:
        operation = "delete" if data["metadata"].get("gone") else "update"
        decoded = decode(sent(data, operation, seconds), cluster="", now=NOW + timedelta(seconds=seconds))
        assert isinstance(decoded, list)
        one = seen_of(decoded[0], data, DAYS)
        done = step(record, one)
        record = done.record or record
        if done.answer is not None:
            made = observations(one, done.answer, author=author)
            found += [Classified(observation=item, verdict=classify(item, rules())) for item in made]
    return found


class Track:
    """One object's changes as they go: `told` is every snapshot, in the order it was told in."""

    def __init__(self) -> None:
        self.rollout: Rollout | None = None
        self.told: list[Change] = []
        self.again: list[Change] = []

    def take(self, found: Iterable[Classified]) -> "Track":
        for one in found:
            if rollouts.concerns(one):
                done = rollouts.step(self.rollout, one, one.observation.received.timestamp(), {"team": "shop"})
                self.rollout = done.rollout
                self.told += done.changes
                self.again += done.again
        return self

    def tick(self, seconds: float) -> "Track":
        assert self.rollout is not None
        done = rollouts.tick(self.rollout, START + seconds)
        self.rollout = done.rollout
        self.told += done.changes
        return self

    @property
    def line(self) -> list[tuple[str, int]]:
        return [(one.state, one.revision) for one in self.told]
