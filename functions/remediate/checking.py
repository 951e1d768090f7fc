"""What `tidings doctor` says of remediation: the hooks, the switch, and for each hook the rights that are missing."""

from collections.abc import Sequence
from typing import Final

from functions.remediate.acting import switched
from functions.remediate.asking import Asking, Trouble
from functions.remediate.hook import Hook
from functions.remediate.objects import member
from functions.remediate.rights import review_of, rights_of
from functions.remediate.settings import RemediateSettings
from functions.remediate.verbs import Request, Right, switch_of
from shared.destinations.finding import Finding
from shared.events.words import counted

_REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_ABSENT: Final = 404


async def check(
    settings: RemediateSettings, hooks: Sequence[Hook], cluster: str, asking: Asking | None
) -> list[Finding]:
    """Return a line for each; only questions are sent. Without a cluster to ask, its lines are left out."""
    said = f"{counted(len(hooks), 'hook')}, REMEDIATE is {settings.mode}"
    if asking is None:
        return [(True, said)]
    found: list[Finding] = [(True, f"{said}, for problems of the cluster `{cluster}` alone (CLUSTER)")]
    if settings.switch:
        found.append(await _switch(settings.switch, asking))
    return [*found, *[await _rights(hook, asking) for hook in hooks]]


async def _switch(switch: str, asking: Asking) -> Finding:
    there = await asking.send(switch_of(switch))
    if isinstance(there, Trouble):
        why = "it is not there" if there.status == _ABSENT else there.outcome.reason
        return False, f"the switch {switch}: {why}; nothing is done without it"
    return True, f"the switch {switch} is {switched(member(there, 'data'))}"


async def _rights(hook: Hook, asking: Asking) -> Finding:
    rights = rights_of(hook)
    missing: list[Right] = []
    for right in rights:
        answer = await asking.send(Request("POST", _REVIEWS, right, review_of(right)))
        if isinstance(answer, Trouble):
            return False, f"{hook.name}: {answer.outcome.reason}"
        if member(answer, "status", "allowed") is not True:
            missing.append(right)
    if missing:
        return False, f"{hook.name}: a Role must grant: {'; '.join(map(str, missing))}"
    if hook.only is not None and hook.only.namespaces.globs and hook.do not in {"cordon", "uncordon"}:
        return None, f"{hook.name}: it names namespaces by a star: whether each has a Role is not looked at"
    return True, f"{hook.name}: has the {counted(len(rights), 'right')} that it takes"
