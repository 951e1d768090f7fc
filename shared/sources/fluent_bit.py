"""Dialect `fluent-bit`: Events of its input `kubernetes_events`, as its output `http` posts them (inputs.md §1.8).

They are those that others send, with the `date` of their record beside. Lines of log files, which it ships too, are
read by the dialect of what stands in them (shared.sources.wrapped).
"""

from typing import Any

from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.sources.context import Context, mapping
from shared.sources.relayed import relayed

NAME = "fluent-bit"


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode one Event. When it was shipped is no part of it: shipped again, it is the same one."""
    return relayed(NAME, {key: value for key, value in mapping(payload).items() if key != "date"}, context)
