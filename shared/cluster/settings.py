"""Which clusters and kinds are watched: the same settings for `watch` and `reconcile`, so that both mean the same."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator

from shared.cluster.access import AccessError, Cluster, contexts, from_kubeconfig, in_cluster, is_in_cluster
from shared.cluster.kinds import DEFAULT_KINDS, Kind, parse_kind
from shared.settings.environment import Settings, SettingsError
from shared.sources.registry import UNKNOWN_CLUSTER


def _words(value: object) -> object:
    return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]


class ClusterSettings(Settings):
    """What `watch` and `reconcile` have in common."""

    kubeconfig: str = Field(
        default="",
        alias="KUBECONFIG",
        description="A kubeconfig, read again when it changes. Without it the service account of the Pod is used.",
    )
    contexts: Words = Field(
        default=(),
        alias="WATCH_CONTEXTS",
        description="Contexts of the kubeconfig, each a cluster of its own, as `prod-eu1,test=admin@kind-test` where "
        "the cluster's name is another than the context's. The current one if not set.",
    )
    kinds: Words = Field(
        default=DEFAULT_KINDS,
        alias="WATCH_KINDS",
        description="Kinds by version and name. Those that a cluster does not serve are looked for now and then.",
    )
    cluster: str = Field(default="", alias="CLUSTER", description="Name of the cluster, where there is one only.")
    own_namespace: str = Field(
        default="", alias="OWN_NAMESPACE", description="Namespace of Tidings itself, which is left out."
    )
    store_url: str = Field(
        default="memory:",
        alias="STORE_URL",
        description="Where is kept what was seen: `sqlite:///path/to/file`, `nats://host/BUCKET`, or `memory:`, "
        "which forgets with its process.",
    )
    sink: str = Field(
        default="", alias="K_SINK", description="The broker, as a ContainerSource or SinkBinding sets it."
    )

    @field_validator("kinds")
    @classmethod
    def _are_kinds(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            parse_kind(text)
        return value

    @property
    def parsed_kinds(self) -> tuple[Kind, ...]:
        """Return the kinds, each once."""
        return tuple(dict.fromkeys(map(parse_kind, self.kinds)))

    def selector(self, *, namespaced: bool) -> str:
        """Return the field selector of a list: all namespaces but our own."""
        return f"metadata.namespace!={self.own_namespace}" if namespaced and self.own_namespace else ""


def clusters(settings: ClusterSettings, environ: Mapping[str, str]) -> tuple[Cluster, ...]:
    """Return the clusters that the settings name. Raises SettingsError for those that there cannot be."""
    if settings.contexts and not settings.kubeconfig:
        raise SettingsError(["WATCH_CONTEXTS are those of a kubeconfig: set KUBECONFIG"])
    return clusters_of(settings.kubeconfig, settings.cluster, environ, settings.contexts)


def clusters_of(
    kubeconfig: str, cluster: str, environ: Mapping[str, str], wanted: tuple[str, ...] = ()
) -> tuple[Cluster, ...]:
    """Return the cluster of a Pod's service account, or a kubeconfig's by its `wanted` contexts, else its current one.

    `cluster` is its name, where there is one only. Raises SettingsError for those that there cannot be.
    """
    if not kubeconfig:
        if not is_in_cluster(environ):
            raise SettingsError(["KUBECONFIG is not set, and this is no Pod of a cluster: set it to a kubeconfig"])
        return (Cluster(cluster or UNKNOWN_CLUSTER, partial(in_cluster, environ)),)
    path = Path(kubeconfig)
    try:
        current, known = contexts(path)
    except AccessError as error:
        raise SettingsError([f"KUBECONFIG: {error}"]) from None
    named = wanted or (f"{cluster or current}={current}",)
    found = {name: context or name for name, _, context in (text.partition("=") for text in named)}
    missing = [context for context in found.values() if context not in known]
    if missing or len(found) < len(named):
        what = f"has no context {missing[0]!r}; there are: {', '.join(known)}" if missing else "names a cluster twice"
        raise SettingsError([f"{'KUBECONFIG' if missing else 'WATCH_CONTEXTS'} {what}"])
    return tuple(Cluster(name, partial(from_kubeconfig, path, context)) for name, context in found.items())
