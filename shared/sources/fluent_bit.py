"""Dialect `fluent-bit`: records as its output `http` posts them, each with its `date` (reference/inputs.md §1.8).

Events of its input `kubernetes_events` are those that others send. A line of a log file is read where it is the JSON of
a dialect, as of an audit log or of Falco's output; a line that says something in words is no observation.
"""

from typing import Any

import orjson

from shared.events.limits import exceeded
from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.sources.context import Context, mapping
from shared.sources.relayed import relayed

NAME = "fluent-bit"
_LOG_LINE = Rejected("decode", "a line of a log is no observation: send Events, audit records or alerts")


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode one record."""
    record = mapping(payload)
    if "log" in record and "involvedObject" not in record and "regarding" not in record:
        inner = _parsed(record["log"])
        return relayed(NAME, inner, context) if isinstance(inner, dict) else _LOG_LINE
    # When it was shipped is no part of an Event: shipped again, it is the same one.
    return relayed(NAME, {key: value for key, value in record.items() if key not in {"date", "log"}}, context)


def _parsed(line: Any) -> Any:
    """Return the JSON of a line; None where it is none."""
    if not isinstance(line, str) or not line.startswith("{"):
        return None
    body = line.encode(errors="replace")
    if exceeded(body) is not None:
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
