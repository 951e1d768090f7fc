"""EventPolicies as Knative's Broker asks them: whether a source may send an event of a type."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import yaml

from shared.events.cloudevent import CloudEvent
from shared.local.broker.filters import matches
from shared.local.broker.located import read_documents
from shared.local.broker.parse_filters import parse_selection, reporter
from tests.support.kustomize import Manifest, of_kind

_LONGEST, _HEAD = 63, 31


def account(source: Manifest) -> str:
    """Return the name of the account that Knative makes for a source (eventing:pkg/auth/serviceaccount.go).

    A ContainerSource has none: it sends as its SinkBinding (eventing:pkg/reconciler/containersource/resources).
    """
    kind, name = source["kind"], source["metadata"]["name"]
    if kind == "ContainerSource":
        kind, name = "SinkBinding", _child(name, "-sinkbinding")
    group = source["apiVersion"].partition("/")[0]
    return _child(name, f"-oidc-{group}-{kind}").lower()


def _child(parent: str, suffix: str) -> str:
    """Return a name of at most 63 characters (knative.dev/pkg:kmeta/names.go)."""
    if len(parent) + len(suffix) <= _LONGEST:
        return parent + suffix
    if len(suffix) < _HEAD:
        return parent[: _HEAD - len(suffix)] + _md5(parent) + suffix
    found = parent[:_HEAD] + _md5(parent + suffix)
    return (found + suffix[: _LONGEST - len(found)]).rstrip("-.")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def may_send(items: list[Manifest], source: Manifest, types: Iterable[str], folder: Path) -> set[str]:
    """Return those of the types that a source among `items` may send to the Broker; `folder` is room for files."""
    found: set[str] = set()
    for policy in of_kind(items, "EventPolicy"):
        if any(_names(items, sender, source) for sender in policy["spec"]["from"]):
            found |= {kind for kind in types if lets(policy, CloudEvent(id="1", source="/", type=kind), folder)}
    return found


def lets(policy: Manifest, event: CloudEvent, folder: Path) -> bool:
    """Return whether whoever a policy names may send an event; `folder` is room for files."""
    (folder / "filters.yaml").write_text(yaml.safe_dump({"filters": policy["spec"]["filters"]}))
    documents = read_documents(folder / "filters.yaml", "filters.yaml")
    assert isinstance(documents, list), documents
    problems: list[object] = []
    selection = parse_selection(documents[0], reporter("filters.yaml", problems))  # type: ignore[arg-type]
    assert problems == []
    return matches(selection, event)


def _names(items: list[Manifest], sender: Manifest, source: Manifest) -> bool:
    if "ref" in sender:
        kind, name = sender["ref"]["kind"], sender["ref"]["name"]
        there = [item for item in items if (item["kind"], item["metadata"]["name"]) == (kind, name)]
        assert there, f"the policy will never be ready: {kind} {name} is not there"
        return there == [source]
    own = f"system:serviceaccount:tidings:{account(source)}"
    said: str = sender["sub"]
    return own.startswith(said[:-1]) if said.endswith("*") else own == said
