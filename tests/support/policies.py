"""NetworkPolicies as a cluster adds them up: what all that select a Pod let through together."""

from collections.abc import Mapping
from typing import Any

from tests.support.kustomize import Manifest, of_kind

Labels = Mapping[str, str]


def selects(selector: Mapping[str, Any], labels: Labels) -> bool:
    """Return whether a label selector takes these labels; the only operator that is known is `In`."""
    for expression in selector.get("matchExpressions", ()):
        assert expression["operator"] == "In", expression
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return bool(selector.get("matchLabels", {}).items() <= labels.items())


def of_pod(items: list[Manifest], labels: Labels, direction: str) -> list[Manifest]:
    """Return the policies that select a Pod for `Ingress` or `Egress`; with none of them everything is let through."""
    return [
        item
        for item in of_kind(items, "NetworkPolicy")
        if direction in item["spec"]["policyTypes"] and selects(item["spec"]["podSelector"], labels)
    ]


def rules(items: list[Manifest], labels: Labels, direction: str) -> list[Mapping[str, Any]]:
    """Return the rules of all policies that select a Pod, of which any one suffices."""
    found = of_pod(items, labels, direction)
    assert found, f"nothing holds the Pod back: {labels}"
    return [rule for item in found for rule in item["spec"].get(direction.lower(), [])]


def ports(items: list[Manifest], labels: Labels) -> set[int]:
    """Return the ports that a Pod may speak to, wherever."""
    return {port["port"] for rule in rules(items, labels, "Egress") for port in rule["ports"]}


def may_speak(items: list[Manifest], who: Labels, to: Labels, port: int) -> bool:
    """Return whether a Pod may speak to another of the same namespace, as both sides' policies say."""
    out = [rule.get("to") for rule in rules(items, who, "Egress") if port in _ports(rule)]
    into = [rule.get("from") for rule in rules(items, to, "Ingress") if port in _ports(rule)]
    return any(_names(peers, to) for peers in out) and any(_names(peers, who) for peers in into)


def _ports(rule: Mapping[str, Any]) -> list[int]:
    return [port["port"] for port in rule["ports"]]


def _names(peers: list[Mapping[str, Any]] | None, labels: Labels) -> bool:
    """Return whether peers take in a Pod of the namespace `tidings`; where there are none everybody is meant."""
    namespace = {"kubernetes.io/metadata.name": "tidings"}
    return peers is None or any(
        selects(peer.get("namespaceSelector", {}), namespace) and selects(peer.get("podSelector", {}), labels)
        for peer in peers
    )
