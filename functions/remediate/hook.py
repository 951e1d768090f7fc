"""A hook: which problem makes what be done to which thing, and how often at most. Values only; pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, get_args

from shared.cluster.kinds import Kind
from shared.episodes.policy import Match, like, subject
from shared.episodes.relations import OF_GROUP
from shared.events.episode import Episode, EpisodeState
from shared.events.model import path_of

Do = Literal["restart", "evict", "scale", "cordon", "uncordon", "patch", "run-job"]
"""All that can be done. What is not here cannot be written in a hook."""
DOES: Final[tuple[Do, ...]] = get_args(Do)
MANAGER: Final = "tidings-remediate"
"""Who we are to the API server: the field manager of each change, and the service account's name."""

POD: Final = Kind("v1", "Pod")
NODE: Final = Kind("v1", "Node")
DEPLOYMENT: Final = Kind("apps/v1", "Deployment")
STATEFUL_SET: Final = Kind("apps/v1", "StatefulSet")
DAEMON_SET: Final = Kind("apps/v1", "DaemonSet")
REPLICA_SET: Final = Kind("apps/v1", "ReplicaSet")
JOB: Final = Kind("batch/v1", "Job")
CRON_JOB: Final = Kind("batch/v1", "CronJob")
KNOWN: Final = {one.name: one for one in (POD, NODE, DEPLOYMENT, STATEFUL_SET, DAEMON_SET, REPLICA_SET, JOB, CRON_JOB)}
ACTS_ON: Final[Mapping[Do, tuple[Kind, ...]]] = {
    "restart": (DEPLOYMENT, STATEFUL_SET, DAEMON_SET),
    "evict": (POD,),
    "scale": (DEPLOYMENT, STATEFUL_SET),
    "cordon": (NODE,),
    "uncordon": (NODE,),
    "patch": (),
    "run-job": (CRON_JOB,),
}
"""The kinds that each can be done to; a patch to whatever its `target` names."""
LEADS: Final[Mapping[Do, tuple[Kind, ...]]] = {
    "restart": (POD, REPLICA_SET),
    "scale": (POD, REPLICA_SET),
    "run-job": (JOB,),
}
"""The kinds whose controllers, one behind the other, lead to such a thing."""
_GUARDED: Final = ("kube-", "openshift")
"""What a namespace of the cluster itself begins with: a star does not mean it, only its own name does."""

_STARRED: Final = ", which a star does not mean: name it"


class Thing(NamedTuple):
    """An object by its kind and names; `namespace` is empty where the kind has none."""

    kind: Kind
    namespace: str
    name: str

    @property
    def path(self) -> str:
        """Return `kind/namespace/name`."""
        return path_of(self.kind.name, self.namespace, self.name)


class Globs(NamedTuple):
    """Names that may be meant: exact ones, and globs as the pieces between their stars."""

    texts: frozenset[str] = frozenset()
    globs: tuple[tuple[str, ...], ...] = ()

    def allow(self, name: str, *, guarded: bool = False) -> bool:
        """Return True for a name that is meant; with `guarded` no star stands for a namespace of the cluster itself."""
        if name in self.texts:
            return True
        return not (guarded and _is_guarded(name)) and any(like(name, glob) for glob in self.globs)


ANY: Final = Globs(globs=(("", ""),))


class Only(NamedTuple):
    """The allow-list of what a problem may lead to: all three must hold. Kinds are names, as `Deployment`."""

    kinds: frozenset[str]
    namespaces: Globs = Globs()
    names: Globs = ANY


class Scale(NamedTuple):
    """How many replicas: `to` so many, or `by` so many more while there are not `up_to`."""

    to: int | None = None
    by: int = 0
    up_to: int = 0


class Limit(NamedTuple):
    """At most so many acts of one hook within a time (seconds)."""

    acts: int = 3
    within: float = 3600.0


class Circuit(NamedTuple):
    """When a hook stops by itself, for `within` (seconds): after `failures` in a row, or `returns` of one thing."""

    failures: int = 3
    returns: int = 3
    within: float = 86_400.0


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook. Either `only` says what of a problem's things is meant, or `target` names the one thing.

    `cooldown` is how long a thing is left alone after anything was done to it; `after` how long the problem must have
    lasted; times are seconds.
    """

    name: str
    when: Match
    do: Do
    why: str = ""
    state: EpisodeState = "open"
    only: Only | None = None
    target: Thing | None = None
    after: float = 0.0
    cooldown: float = 3600.0
    max_per_episode: int = 1
    limit: Limit = field(default_factory=Limit)
    circuit: Circuit = field(default_factory=Circuit)
    dry_run: bool = False
    scale: Scale | None = None
    patch: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


def taking(hooks: Sequence[Hook], episode: Episode) -> Iterator[Hook]:
    """Yield the hooks that take a problem: what they ask for holds, and it may lead to what their allow-list has."""
    return (hook for hook in hooks if not passed_over(hook, episode))


def passed_over(hook: Hook, episode: Episode) -> str:
    """Return why a hook does not take a problem, empty where it does."""
    if OF_GROUP in episode.relations:
        return "it stands for a group: hooks take its members, each for itself"
    if not hook.when.takes(subject(episode.model_dump(), episode.labels)):
        return "its `when` does not hold"
    start = start_of(hook, episode)
    if start is None:
        return f"nothing that it is about can be {_DONE[hook.do]}"
    there = start.kind in ACTS_ON[hook.do] or hook.only is None
    if allows(hook, start) if there else _leads_where(hook, start):
        return ""
    named = "" if hook.only is None or not hook.only.namespaces.globs or not _is_guarded(start.namespace) else _STARRED
    return f"its `only` does not allow {start.path if there else f'the namespace {start.namespace}'}{named}"


def _is_guarded(namespace: str) -> bool:
    return namespace == "default" or namespace.startswith(_GUARDED)


def _leads_where(hook: Hook, start: Thing) -> bool:
    """Return True where a controller of this may be allowed: it is in the same namespace."""
    return hook.only is not None and hook.only.namespaces.allow(start.namespace, guarded=True)


def allows(hook: Hook, thing: Thing) -> bool:
    """Return True where a hook's allow-list has this thing."""
    if hook.only is None:
        return thing == hook.target
    only = hook.only
    return (
        thing.kind.name in only.kinds
        and (not thing.namespace or only.namespaces.allow(thing.namespace, guarded=True))
        and only.names.allow(thing.name)
    )


def start_of(hook: Hook, episode: Episode) -> Thing | None:
    """Return where the way to the thing begins: it, or what its controllers lead from; None where there is none."""
    if hook.target is not None:
        return hook.target
    if ACTS_ON[hook.do] == (NODE,):
        node = _node_of(episode)
        return Thing(NODE, "", node) if node else None
    kinds = {kind.name: kind for kind in (*ACTS_ON[hook.do], *LEADS.get(hook.do, ()))}
    thing = episode.object
    if thing.kind not in kinds or not thing.name or not thing.namespace:
        return None
    return Thing(kinds[thing.kind], thing.namespace, thing.name)


def _node_of(episode: Episode) -> str:
    """Return the node that a problem is of, or what it is of runs on; empty where there is none.

    A node is in no namespace. One that is was named by an Event of whoever may create Events there (F51): an API server
    takes it, for it only compares the two namespaces (k8s.io/kubernetes, pkg/apis/core/validation/events.go).
    """
    if episode.object.kind != NODE.name:
        return episode.relations.get("node", "")
    return "" if episode.object.namespace else episode.object.name


def held(episode: Episode) -> str:
    """Return why nothing is done about a problem whatever hooks say, empty where something may be."""
    if episode.baseline:
        return "it was there before first contact with the cluster"
    if episode.quiet:
        return f"people want quiet there ({episode.quiet})"
    if episode.cause is not None and episode.cause.kind == "consequence":
        return "it is the consequence of another problem"
    if any(MANAGER in suspect.who for suspect in episode.suspects):
        return "a change of our own is a suspect"
    return ""


def lasted(episode: Episode, now: datetime) -> float:
    """Return the seconds that a problem has lasted since it began, or came back."""
    back = [turn.time for turn in episode.timeline if turn.what == "back"]
    return (now - max([episode.started, *back])).total_seconds()


_DONE: Final[Mapping[Do, str]] = {
    "restart": "restarted",
    "evict": "evicted",
    "scale": "scaled",
    "cordon": "cordoned",
    "uncordon": "uncordoned",
    "patch": "patched",
    "run-job": "run again",
}
