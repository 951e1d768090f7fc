"""What `tidings validate` warns of where all names are right: what passes nothing, or not the same everywhere."""

from collections.abc import Sequence

from shared.local.broker.event_kinds import EventKind
from shared.local.broker.filters import expressions
from shared.local.broker.located import Located
from shared.local.broker.parse_filters import Report
from shared.local.broker.reach import constant, differing, selection
from shared.local.broker.topology import Trigger


def advise_reach(trigger: Trigger, spec: Located, kinds: Sequence[EventKind], warn: Report) -> None:
    """Warn of what is hardly meant, of what passes nothing, and of what brokers read differently."""
    place = spec.get("filters") or spec.get("filter") or spec
    _warn_of_present(trigger, spec, warn)
    unseen = spec.get("filter", "attributes")
    if unseen is not None and trigger.selection.filters:
        warn(unseen, "filter is not looked at where filters has entries", "say all of it in filters")
    doubted = False
    for text, tree in expressions(trigger.selection.effective()):
        from shared.local.broker.cesql.advice import doubts  # Lark, only where there is an expression

        for message, suggestion in doubts(text, tree):
            doubted = True
            warn(place, message, suggestion)
    if doubted:
        return  # what comes of it, is no news
    chosen = selection(trigger.selection)
    answer = constant(chosen, kinds)
    if answer is not None and chosen.filters:
        what = "every event passes" if answer else "no event can pass"
        warn(place, f"{what} this filter", "see with `tidings triggers` which events there are")
    event = differing(chosen, kinds)
    if event is not None:
        attributes = {"type": event.type, **{name: event.attribute(name) for name in chosen.values}}
        said = ", ".join(f"{name} {value or 'missing'}" for name, value in attributes.items())
        message = f"Kafka's broker and Knative's others differ on an event with {said}"
        warn(place, message, "ask with EXISTS first for an attribute that may be missing")


def _warn_of_present(trigger: Trigger, spec: Located, warn: Report) -> None:
    plain = spec.get("filter", "attributes")
    for name, value in plain.mapping().items() if plain is not None and not trigger.selection.filters else ():
        if not value.value:
            message = f"an empty {name} asks for nothing on Kafka's broker; on Knative's others {name} must be there"
            warn(value, message, f"leave it out, or write `filters: [cesql: EXISTS {name}]`")
