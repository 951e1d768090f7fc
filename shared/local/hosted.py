"""The functions of the embedded system, each behind its own edge."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from shared.local.broker.topology import Service, Topology
from shared.local.settings import portable
from shared.runtime.edge import Edge
from shared.runtime.function import Function
from shared.runtime.registry import canonical, load
from shared.settings.environment import SettingsError
from shared.settings.host import log_level
from shared.telemetry.metrics import Metrics

# Its paths are the system's own, whatever manifests there are.
_ALWAYS = {"intake": Service("intake", "intake", {}, "", 0)}
_WATCH = {"watch": Service("watch", "watch", {}, "", 0)}


class Hosted(NamedTuple):
    """A function by its name, the service that it runs as, and its edge."""

    name: str
    service: str
    function: Function
    edge: Edge


def hosted(
    topology: Topology,
    environ: Mapping[str, str],
    metrics: Metrics,
    parts: Mapping[str, Any],
    *,
    kubeconfig: Path | None,
) -> list[Hosted]:
    """Build every function that the manifests name, from these `parts`, and `watch` where there is a kubeconfig.

    Raises SettingsError, which names what is wrong with any of them, and the host's.
    """
    found: list[Hosted] = []
    problems: list[str] = []
    try:
        log_level(environ)
    except SettingsError as error:
        problems += error.problems
    if kubeconfig is None:
        # Whatever a KUBECONFIG of the shell says: a cluster is watched when asked for.
        parts = {**parts, "clusters": ()}
    else:
        environ = {**environ, "KUBECONFIG": str(kubeconfig)}
    for service in {**_ALWAYS, **(_WATCH if kubeconfig else {}), **topology.services}.values():
        name = canonical(service.function)
        own = {**portable(service.environment), **environ}
        try:
            function = load(name, own, metrics, **parts)
        except SettingsError as error:
            problems += error.problems
            continue
        found.append(Hosted(name, service.name, function, Edge(function, metrics)))
    if problems:
        raise SettingsError(list(dict.fromkeys(problems)))
    return found
