"""What `tidings doctor --kubeconfig` finds on a cluster: what must be there first, each manifest, whether events flow.

Reads only, but for the probe (`cluster_probe`). Plurals and scopes come from the API server's own discovery: a new kind
of manifest needs nothing here.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from shared.cli.cluster_flow import NOT_READY, Flow, dead_letters, flows, others
from shared.cluster.access import Cluster, from_kubeconfig
from shared.cluster.api import Api, ApiError
from shared.events.words import counted
from shared.local.broker.loader import documents
from shared.local.broker.located import Located
from shared.local.broker.topology import Topology
from shared.runtime.registry import FUNCTIONS, canonical

Row = dict[str, Any]

_PRODUCTS = {
    "Knative Eventing": ("eventing.knative.dev/v1", "Trigger", "triggers.eventing.knative.dev"),
    "Knative Serving": ("serving.knative.dev/v1", "Service", "services.serving.knative.dev"),
    "Kafka Broker": ("eventing.knative.dev/v1alpha1", "KafkaSink", "kafkasinks.eventing.knative.dev"),
}
"""What must be installed first: an API of it, a kind in that API, and the definition that carries its version."""
_REMEDIES = {
    "Kafka Broker": "install the Knative broker for Apache Kafka; on OpenShift set broker and sink in KnativeKafka",
}
_WITH_SECONDS = 6  # fields of a schedule
_VERSION = "app.kubernetes.io/version"
_CLASS = "eventing.knative.dev/broker.class"
_LEFT_OUT = {
    "Service": "and no Trigger to it: left out, or not applied yet",
    "Trigger": "and its Service neither: left out, or not applied yet",
}
_CONNECTIONS = 8
_WORDS = 200  # characters of what a controller says


class _Oldest(NamedTuple):
    """The oldest Knative that the manifests can run on, and why."""

    version: tuple[int, int] = (0, 0)
    why: str = ""


class _Kind(NamedTuple):
    plural: str
    namespaced: bool


class _Wanted(NamedTuple):
    """A manifest, and where it is looked for."""

    manifest: Located
    api: str
    kind: str
    name: str
    namespace: str


class _Look(NamedTuple):
    """What is wrong with a manifest on the cluster, empty where nothing is; `absent` where it is not there at all."""

    wrong: str
    absent: bool = False


async def examine(
    kubeconfig: Path, knative: Path, components: Sequence[str], flow: Flow, environ: Mapping[str, str]
) -> list[Row]:
    """Return rows of system, state (`good`, `bad`, `unseen`) and finding.

    What names no namespace is looked for in that of `flow`; `environ` may name the bus that has the dead letters.
    """
    api = Api(Cluster("", partial(from_kubeconfig, kubeconfig)), _CONNECTIONS)
    try:
        version = await api.get("/version")
        rows = [_row("cluster", "good", f"Kubernetes {version.get('gitVersion', '?')} at {api.server}")]
        wanted = [_wanted(one, flow.namespace) for one in documents(knative, components)]
        served = await _served(api, {one.api for one in wanted} | {product[0] for product in _PRODUCTS.values()})
        oldest = _oldest([one.manifest for one in wanted])
        rows += [await _product(api, name, served, oldest) for name in _PRODUCTS]
        bound = asyncio.Semaphore(_CONNECTIONS)
        found = await asyncio.gather(*(_looked_at(api, bound, one, served) for one in wanted))
        ready = not any(look.wrong for one, look in zip(wanted, found, strict=True) if one.kind == "Broker")
        rows += [*_summed(wanted, found, flow.topology, components), await dead_letters(wanted, environ)]
        if ready:
            names = {one.name for one in wanted if one.kind == "Trigger"}
            return [*rows, *await others(api, flow, names, _unready_words), await flows(api, flow)]
        return [*rows, _row("events", "unseen", NOT_READY)]
    except ApiError as error:
        return [_row("cluster", "bad", _where(api, error) or _in_words(error))]
    finally:
        await api.close()


def _wanted(manifest: Located, namespace: str) -> _Wanted:
    own = manifest.text("metadata", "namespace") or namespace
    name = manifest.text("metadata", "name")
    return _Wanted(manifest, manifest.text("apiVersion"), manifest.text("kind"), name, own)


async def _served(api: Api, versions: Iterable[str]) -> dict[tuple[str, str], _Kind]:
    """Return what the API server serves of these API versions."""
    found: dict[tuple[str, str], _Kind] = {}
    for version in sorted(versions):
        try:
            answer = await api.get(_root(version))
        except ApiError as error:
            if error.why != "absent":
                raise
            continue
        for one in answer.get("resources", ()):
            if "/" not in one["name"]:
                found[version, one["kind"]] = _Kind(one["name"], bool(one["namespaced"]))
    return found


def _root(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _oldest(manifests: Iterable[Located]) -> _Oldest:
    """Return what the manifests ask of Knative (docs/decisions/0093-triggers-by-filters.md)."""
    found = _Oldest()
    for one in manifests:
        if one.text("kind") == "PingSource" and len(one.text("spec", "schedule").split()) == _WITH_SECONDS:
            return _Oldest((1, 13), "PingSources take seconds from Knative 1.13 on")
        if one.text("kind") == "Trigger" and one.get("spec", "filters") is not None:
            found = _Oldest((1, 12), "Triggers have filters from Knative 1.12 on")
    return found


async def _product(api: Api, name: str, served: Mapping[tuple[str, str], _Kind], oldest: _Oldest) -> Row:
    version, kind, definition = _PRODUCTS[name]
    if (version, kind) not in served:
        return _row(name, "bad", f"is not there: {_REMEDIES.get(name, f'install {name}')}")
    try:
        found = await api.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{definition}")
    except ApiError as error:
        return _row(name, "good", f"is there; its version is not known: {_in_words(error)}")
    label = str(found["metadata"].get("labels", {}).get(_VERSION, ""))
    if _is_older(label, oldest.version):
        return _row(name, "bad", f"is {label}: {oldest.why}")
    return _row(name, "good", label or "is there; it does not say which version")


def _is_older(label: str, version: tuple[int, int]) -> bool:
    parts = label.removeprefix("v").split(".")[:2]
    return len(parts) > 1 and all(map(str.isdecimal, parts)) and tuple(map(int, parts)) < version


async def _looked_at(
    api: Api, bound: asyncio.Semaphore, wanted: _Wanted, served: Mapping[tuple[str, str], _Kind]
) -> _Look:
    kind = served.get((wanted.api, wanted.kind))
    if kind is None:
        return _Look(f"{wanted.name} cannot be there: the cluster does not know {wanted.api} {wanted.kind}")
    place = f"/namespaces/{wanted.namespace}" if kind.namespaced else ""
    try:
        async with bound:
            there = await api.get(f"{_root(wanted.api)}{place}/{kind.plural}/{wanted.name}")
    except ApiError as error:
        if error.why == "absent":
            return _Look(f"{wanted.name} is not there: apply it", absent=True)
        return _Look(f"{wanted.name}: {_in_words(error)}")
    return _Look(_difference(wanted, there) or _unready(wanted, there))


def _difference(wanted: _Wanted, there: Mapping[str, Any]) -> str:
    """Return where what is there routes otherwise than the file says."""
    if wanted.kind == "Broker":
        mine = wanted.manifest.text("metadata", "annotations", _CLASS)
        other = there["metadata"].get("annotations", {}).get(_CLASS, "")
        return f"{wanted.name} is of class {other or 'that is the default'}, not {mine}" if mine != other else ""
    if wanted.kind == "Trigger":
        spec: Mapping[str, Any] = there.get("spec", {})
        for field in ("filter", "filters"):
            mine_there = wanted.manifest.get("spec", field)
            if (mine_there.plain() if mine_there is not None else None) != (spec.get(field) or None):
                return f"{wanted.name} filters otherwise than its file: apply it"
    return ""


def _unready(wanted: _Wanted, there: Mapping[str, Any]) -> str:
    return _unready_words(wanted.name, there) if "knative.dev" in wanted.api else ""


def _unready_words(name: str, there: Mapping[str, Any]) -> str:
    conditions = there.get("status", {}).get("conditions", ())
    ready = next((one for one in conditions if one.get("type") == "Ready"), None)
    if ready is None:
        return f"{name} is not ready: no controller has looked at it"
    if ready.get("status") == "True":
        return ""
    said = ": ".join(str(ready[part]) for part in ("reason", "message") if ready.get(part))
    return f"{name} is not ready: {said[:_WORDS] or 'it does not say why'}"


def _summed(
    wanted: Sequence[_Wanted], found: Sequence[_Look], topology: Topology, components: Collection[str]
) -> Iterator[Row]:
    """Yield a row for each thing that is wrong, or left out, and one for each kind of which all else is well."""
    absent = {(one.kind, one.name) for one, look in zip(wanted, found, strict=True) if look.absent}
    left_out = _left_out(topology, absent, components)
    by_kind: dict[str, list[Row]] = {}
    for one, look in zip(wanted, found, strict=True):
        row = _row(one.kind, "bad" if look.wrong else "good", look.wrong)
        if (one.kind, one.name) in left_out:
            row = _row(one.kind, "absent", f"{one.name} is not there, {_LEFT_OUT[one.kind]}")
        by_kind.setdefault(one.kind, []).append(row)
    for kind, rows in by_kind.items():
        told = [row for row in rows if row["state"] != "good"]
        yield from told
        well = len(rows) - len(told)
        if well and all(row["state"] == "absent" for row in told):
            yield _row(kind, "good", f"{counted(well, 'manifest')} as in the files")


def _left_out(
    topology: Topology, absent: Collection[tuple[str, str]], components: Collection[str]
) -> set[tuple[str, str]]:
    """Return the Services of destinations that are absent with all their Triggers, and these: nobody wants them there.

    A destination that the settings name is wanted. What has no destination is never left out.
    """
    found: set[tuple[str, str]] = set()
    for name, service in topology.services.items():
        together = {("Service", name), *(("Trigger", one.name) for one in topology.triggers if one.subscriber == name)}
        registered = FUNCTIONS.get(canonical(service.function))
        is_destination = registered is not None and registered.destination is not None
        if is_destination and name not in components and together <= {*absent}:
            found |= together
    return found


def _where(api: Api, error: ApiError) -> str:
    """Return which address does not answer, and how it failed; empty where that is not what is wrong."""
    return f"{api.server} is {error}; see the kubeconfig" if error.why == "unreachable" else ""


def _in_words(error: ApiError) -> str:
    words = {
        "forbidden": "this user may not read it",
        "unauthenticated": "the API server does not know this user: renew the token",
        "unreachable": "the API server does not answer",
    }
    return words.get(error.why, str(error))


def _row(system: str, state: str, finding: str) -> Row:
    return {"system": system, "state": state, "finding": finding}
