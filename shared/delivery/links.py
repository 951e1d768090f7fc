"""Where people see more of an episode: the object in OpenShift's console, Tidings itself, the SIEM. Pure.

Paths of the console are those of its own pages (github.com/openshift/console, resource links): kinds of Kubernetes by
their plural, all others as `group~version~Kind`.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import quote

from shared.events.episode import Episode
from shared.events.model import Frozen, ObjectRef
from shared.events.problem import did_you_mean
from shared.sources.resources import plural


class Links(Frozen):
    """Addresses for people; empty where it is not known where."""

    console: str = ""
    tidings: str = ""
    siem: str = ""


class Places(NamedTuple):
    """What is known of where people look.

    `consoles` are base URLs of consoles by cluster, that of the empty name for every other one; `tidings` is the base
    URL of the embedded system; `siem` the URL of a search with `{episode}`, `{problem_key}`, `{cluster}`, `{namespace}`
    and `{name}` in it.
    """

    consoles: Mapping[str, str] = {}
    tidings: str = ""
    siem: str = ""


NO_LINKS: Final = Links()
HELD: Final = ("episode", "problem_key", "cluster", "namespace", "name")
"""What the URL of a search may have in braces."""
_HELD: Final = re.compile(r"\{([^{}]*)\}")
_KINDS: Final = (
    "Pod Node Service Deployment StatefulSet DaemonSet ReplicaSet Job CronJob ConfigMap Secret Event PersistentVolume "
    "PersistentVolumeClaim ResourceQuota Route HorizontalPodAutoscaler PodDisruptionBudget LimitRange DeploymentConfig "
    "BuildConfig Build ServiceAccount Ingress NetworkPolicy StorageClass"
)
_PLAIN: Final = {kind: plural(kind) for kind in _KINDS.split()} | {"Namespace": "projects"}


def links_of(episode: Episode, places: Places) -> Links:
    """Return the links of an episode."""
    return Links(
        console=_console(episode.object, places.consoles.get(episode.cluster) or places.consoles.get("", "")),
        tidings=f"{places.tidings.rstrip('/')}/api/v1/episodes?id={quote(episode.id)}" if places.tidings else "",
        siem=_search(episode, places.siem),
    )


def wrong_search(url: str) -> str:
    """Return what is wrong in the URL of a search, nothing where it can be filled in."""
    for name in _HELD.findall(url):
        if name not in HELD:
            return f"knows no {{{name[:40]}}}: {did_you_mean(name, HELD)}"
    return "" if _HELD.search(url) else "needs what is searched for, as {problem_key}"


def _console(thing: ObjectRef, base: str) -> str:
    kind = _PLAIN.get(thing.kind) or _reference(thing)
    if not (base and kind and thing.name):
        return ""
    where = f"ns/{quote(thing.namespace, safe='')}" if thing.namespace else "cluster"
    return f"{base.rstrip('/')}/k8s/{where}/{kind}/{quote(thing.name, safe='')}"


def _reference(thing: ObjectRef) -> str:
    group, _, version = thing.api_version.partition("/")
    return quote(f"{group}~{version}~{thing.kind}", safe="~") if version and thing.kind else ""


def _search(episode: Episode, url: str) -> str:
    known = {
        "episode": episode.id,
        "problem_key": episode.problem_key,
        "cluster": episode.cluster,
        "namespace": episode.object.namespace,
        "name": episode.object.name,
    }
    return _HELD.sub(lambda found: quote(known.get(found[1], ""), safe=""), url)
