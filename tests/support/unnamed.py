"""Events of operators that no rule names: what falls to the tables."""

from shared.events.model import Observation
from shared.rules.specimen import build


def unnamed(thing: str, type_: str, reason: str, message: str, component: str = "widget-operator") -> Observation:
    """Return an Event's observation; `thing` is a kind, behind a blank its apiVersion."""
    kind, _, version = thing.partition(" ")
    event = {"component": component, "kind": kind, "type": type_, "reason": reason, "message": message}
    made = build({**event, "api_version": version})
    assert isinstance(made, Observation), made
    return made
