"""The kinds of Knative's own API groups (reference/knative.md): one that is none of them is a slip of the pen."""

from shared.events.problem import did_you_mean
from shared.local.broker.located import Located
from shared.local.broker.parse_filters import Report

_KINDS: dict[str, tuple[str, ...]] = {
    "eventing.knative.dev": (
        *("Broker", "Trigger", "EventPolicy", "EventTransform", "EventType", "KafkaSink", "RequestReply"),
    ),
    "serving.knative.dev": ("Service", "Configuration", "DomainMapping", "Revision", "Route"),
}
_LISTS = "List"
_TRIGGER = ("apiVersion", "kind", "metadata", "spec", "status")
_SUBSCRIBER = ("ref", "uri", "CACerts", "audience")
_REFERENCE = ("apiVersion", "kind", "name", "namespace", "group", "address")


def check_kind(root: Located, report: Report) -> None:
    """Report a kind that its API group does not have: nobody would read the document, and a Trigger would be gone."""
    group, _, _ = root.text("apiVersion").partition("/")
    kinds, kind = _KINDS.get(group, ()), root.text("kind")
    if kinds and kind.removesuffix(_LISTS) not in kinds:
        report(root.get("kind") or root, f'{group} has no kind "{kind}"', did_you_mean(kind, kinds))


def check_trigger(root: Located, report: Report) -> None:
    """Report fields that a Trigger does not have around its spec: a filter that stands too far left filters nothing."""
    _check(root, _TRIGGER, "a Trigger", report, 'indent it below "spec"')
    subscriber = root.get("spec", "subscriber")
    if subscriber is not None:
        _check(subscriber, _SUBSCRIBER, "a subscriber", report)
        reference = subscriber.get("ref") or Located({}, 0)
        _check(reference, _REFERENCE, "a ref", report)
        if reference.text("kind"):
            check_kind(reference, report)


def _check(place: Located, known: tuple[str, ...], what: str, report: Report, otherwise: str = "") -> None:
    for name, child in place.mapping().items():
        if name not in known:
            report(child, f'{what} has no field "{name}"', did_you_mean(name, known, otherwise))
