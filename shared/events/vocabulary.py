"""The closed sets of words that rules, events, metrics and the command line share (architecture.md §1)."""

from typing import Literal, get_args

Category = Literal["infrastructure", "security", "admission"]
Subcategory = Literal[
    "node",
    "pod",
    "storage",
    "network",
    "workload",
    "virtualization",
    "control-plane",
    "rbac",
    "authentication",
    "pod-security",
    "image",
    "network-policy",
    "certificate",
    "runtime",
    "validating-webhook",
    "mutating-webhook",
    "quota",
    "limitrange",
    "policy",
]
Severity = Literal["critical", "high", "medium", "low", "info"]
Phase = Literal["problem", "recovery", "change", "info"]
About = Literal["object", "owner"]
"""Whose problem it is: that of the object alone, or of all pods of its workload together."""

CATEGORIES: tuple[Category, ...] = get_args(Category)
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
PHASES: tuple[Phase, ...] = get_args(Phase)

SUBCATEGORIES: dict[Category, tuple[Subcategory, ...]] = {
    "infrastructure": (
        "node",
        "pod",
        "storage",
        "network",
        "workload",
        "virtualization",
        "control-plane",
    ),
    "security": (
        "rbac",
        "authentication",
        "pod-security",
        "image",
        "network-policy",
        "certificate",
        "runtime",
    ),
    "admission": ("validating-webhook", "mutating-webhook", "quota", "limitrange", "policy"),
}


def severity_rank(severity: Severity) -> int:
    """Return 1 for critical to 5 for info, so that a smaller number is the graver one."""
    return SEVERITIES.index(severity) + 1


def worse(left: Severity, right: Severity) -> Severity:
    """Return the graver of two severities."""
    return left if severity_rank(left) <= severity_rank(right) else right
