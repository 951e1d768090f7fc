"""What an event of ours says: its data as the model of its type. The one table of types and models. Pure."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from shared.events.cloudevent import CHANGE_PREFIX, DELIVERY, PROBLEM_PREFIX, CloudEvent, type_of_verdict
from shared.events.versions import is_unread
from shared.events.vocabulary import CATEGORIES

if TYPE_CHECKING:  # each is built by whom it concerns: a model costs start-up time
    from shared.events.change import Change
    from shared.events.delivery import DeliveryReport
    from shared.events.episode import Episode
    from shared.events.model import Classified

_VERDICTS = frozenset(type_of_verdict(category) for category in CATEGORIES)


def model_of(event_type: str) -> "type[Classified | Episode | Change | DeliveryReport] | None":
    """Return the model of what events of a type hold; None for types of others, of other versions, and without one."""
    if is_unread(event_type):
        return None
    if event_type in _VERDICTS:
        from shared.events.model import Classified

        return Classified
    if event_type.startswith(PROBLEM_PREFIX):
        from shared.events.episode import Episode

        return Episode
    if event_type.startswith(CHANGE_PREFIX):
        from shared.events.change import Change

        return Change
    if event_type == DELIVERY:
        from shared.events.delivery import DeliveryReport

        return DeliveryReport
    return None


def said_by(
    event: CloudEvent, wanted: Collection[type] | None = None
) -> "Classified | Episode | Change | DeliveryReport | None":
    """Return what an event says; None for one that is of no model, or of none of the wanted.

    Raises pydantic.ValidationError for data that its type does not stand for.
    """
    model = model_of(event.type)
    if model is None or (wanted is not None and model not in wanted):
        return None
    return model.model_validate(event.data)
