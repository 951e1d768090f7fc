"""Which thing a hook means, as the cluster has it now: a problem names a Pod, and its controllers lead on."""

import re
from typing import Final

from functions.remediate.asking import Asking, Trouble
from functions.remediate.hook import ACTS_ON, JOB, KNOWN, Hook, Thing, allows, start_of
from functions.remediate.ledger import Refusal
from functions.remediate.mark import SWITCH, mark_on
from functions.remediate.objects import annotations, controller_of, member
from functions.remediate.verbs import Found, getting, known
from shared.cluster.api import ApiError
from shared.cluster.kinds import find
from shared.events.episode import Episode
from shared.events.outcome import Rejected, Retry

_HOPS: Final = 3
_ABSENT: Final = 404
GONE: Final = Refusal("it is gone")
OTHER: Final = Refusal("there is another of its name by now")
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
"""What may stand in a path as it is: events say these names, and anybody may have sent one (F47)."""


async def thing_of(hook: Hook, episode: Episode, asking: Asking, own_namespace: str) -> Found | Refusal | Trouble:
    """Return what is to be changed, looked at, or why nothing is; in our own namespace nothing ever is."""
    start = start_of(hook, episode)
    if start is None:
        return Refusal("nothing that it is about can be changed so")
    if start.namespace and start.namespace == own_namespace:
        return Refusal("it is in our own namespace")
    found = await _looked(start, asking)
    if not isinstance(found, Found):
        return found
    uid = episode.object.uid if start.namespace else ""  # a kubelet's Events have a node's name there
    if (
        hook.target is None
        and start.kind.name == episode.object.kind
        and uid not in {"", found.object["metadata"]["uid"]}
    ):
        return OTHER
    led = await _led(hook, found, asking)
    return led if not isinstance(led, Found) else _guarded(hook, led) or led


async def _led(hook: Hook, found: Found, asking: Asking) -> Found | Refusal | Trouble:
    """Follow controllers until there is something that it can be done to."""
    wanted = ACTS_ON[hook.do]
    for _ in range(_HOPS):
        if not wanted or found.thing.kind in wanted:
            return found
        # Of Jobs alone: a ReplicaSet bears the annotations of its Deployment, and so the mark of its last restart.
        if found.thing.kind == JOB and mark_on(found.object) is not None:
            return Refusal(f"{found.thing.path} is of our own making")
        reference = controller_of(found.object)
        kind = None if reference is None else KNOWN.get(str(reference.get("kind")))
        if reference is None or kind is None or reference.get("apiVersion") != kind.api_version:
            break
        after = await _looked(Thing(kind, found.thing.namespace, str(reference.get("name"))), asking)
        if not isinstance(after, Found):
            return after
        if reference.get("uid") != after.object["metadata"]["uid"]:
            return OTHER
        found = after
    return Refusal(f"{found.thing.path} belongs to nothing that can be changed so")


def _guarded(hook: Hook, found: Found) -> Refusal | None:
    if not allows(hook, found.thing):
        return Refusal(f"its `only` does not allow {found.thing.path}", foreign=True)
    if annotations(found.object).get(SWITCH) == "off":
        return Refusal(f"people keep us from it ({SWITCH}: off)")
    return None


async def _looked(thing: Thing, asking: Asking) -> Found | Refusal | Trouble:
    if not all(_NAME.fullmatch(name) for name in (thing.name, thing.namespace or "none")):
        return Refusal("its name is none that an object can have")
    found = known(thing) if thing.kind in KNOWN.values() else await _served(thing, asking)
    if not isinstance(found, Found):
        return found
    there = await asking.send(getting(found))
    if isinstance(there, Trouble):
        return GONE if there.status == _ABSENT else there
    if not isinstance(member(there, "metadata", "uid"), str):
        return Trouble(Retry("the API server's answer is no object"))
    return found._replace(object=there)


async def _served(thing: Thing, asking: Asking) -> Found | Trouble:
    """Ask what resource a kind is; of custom ones nobody can guess it."""
    try:
        resource = await find(asking.api, thing.kind)
    except ApiError as error:
        if error.why != "absent":
            return Trouble(Retry(f"the API server cannot be asked ({error.why})", error.after or None))
        resource = None
    if resource is None:
        return Trouble(Rejected("hooks", f"the cluster has no {thing.kind}"))
    return Found(thing, resource.plural, {})
