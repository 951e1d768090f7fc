"""A filter as somebody writes it beside a command: the Trigger's own language, as JSON or as a CESQL expression."""

from typing import Any

import orjson

from shared.events.problem import Problem
from shared.local.broker.filters import Test, compiled
from shared.local.broker.located import Located
from shared.local.broker.parse_filters import parse_selection, reporter


def selection(text: str) -> Test | list[Problem]:
    """Return what tells whether an event passes: all do where the text is empty. What is wrong is returned instead.

    JSON is one filter, as `{"exact": {"severity": "critical"}}`, or a list of which all must pass; else it is CESQL.
    """
    if not text.strip():
        return lambda _event: True
    written: Any = [{"cesql": text}]
    if text.lstrip()[:1] in {"{", "["}:
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            return [Problem("--filter", 0, f"not valid JSON: {error.msg}", "or write a CESQL expression")]
        written = found if isinstance(found, list) else [found]
    problems: list[Problem] = []
    filters = parse_selection(Located({"filters": _located(written)}, 0), reporter("--filter", problems))
    if not problems and not filters.filters:
        problems = [Problem("--filter", 0, "there is no filter in it", "leave it out to take every event")]
    return problems or compiled(filters.effective())


def _located(value: Any) -> Located:
    if isinstance(value, dict):
        return Located({name: _located(child) for name, child in value.items()}, 0)
    if isinstance(value, list):
        return Located([_located(child) for child in value], 0)
    return Located(value, 0)
