"""The rights that a hook takes: what its Role must grant, and no more. Pure."""

from collections.abc import Iterator
from typing import Any

from functions.remediate.hook import ACTS_ON, CRON_JOB, LEADS, Do, Hook, Thing
from functions.remediate.verbs import Right, known, right_to


def rights_of(hook: Hook) -> tuple[Right, ...]:
    """Return the rights for each namespace that a hook names; none for those that only a star means."""
    return tuple(dict.fromkeys(_rights(hook)))


def _rights(hook: Hook) -> Iterator[Right]:
    if hook.target is not None:
        yield from _acting(hook.do, hook.target)
        return
    if hook.only is None:
        return
    kinds = [kind for kind in ACTS_ON[hook.do] if kind.name in hook.only.kinds]
    namespaced = not all(kind.name == "Node" for kind in kinds)
    for namespace in sorted(hook.only.namespaces.texts) if namespaced else [""]:
        for kind in LEADS.get(hook.do, ()):  # what is looked at on the way to the thing
            yield right_to("get", known(Thing(kind, namespace, "")))
        for kind in kinds:
            yield from _acting(hook.do, Thing(kind, namespace, ""))


def _acting(do: Do, thing: Thing) -> Iterator[Right]:
    found = known(thing)
    yield right_to("get", found)
    if do == "evict":
        yield right_to("create", found, "pods/eviction")
    elif thing.kind == CRON_JOB and do == "run-job":
        yield right_to("create", found, "jobs")
    else:
        yield right_to("patch", found)


def review_of(right: Right) -> dict[str, Any]:
    """Return the SelfSubjectAccessReview that asks whether we have a right (kubernetes.io, authorization.k8s.io/v1)."""
    named, _, group = right.resource.partition(".")
    resource, _, subresource = named.partition("/")
    asked = {"verb": right.verb, "group": group, "resource": resource, "subresource": subresource}
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {**asked, "namespace": right.namespace}},
    }
