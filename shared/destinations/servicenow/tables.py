"""Which table takes which tickets (SERVICENOW_TABLE_MAPPING): by category, or by the streams of other event routers."""

import json
import re
from collections.abc import Mapping
from typing import Final

from shared.events.problem import did_you_mean
from shared.events.vocabulary import CATEGORIES, Category

STREAMS: Final[Mapping[str, tuple[Category, ...]]] = {
    "kubernetes-events": CATEGORIES,
    "security-events": ("security",),
    "infrastructure-changes": (),
}
"""Streams of event routers by the problems that travel in them; changes are servicenow_change's."""
_OF_CHANGES: Final = "change_request"
_TABLE: Final = re.compile(r"[a-z][a-z0-9_]{0,79}")
_PAIR: Final = re.compile(r"\s*(?P<key>[\w-]+)\s*[:=]\s*(?P<table>\S+?)\s*")


def parse_tables(text: object) -> object:
    """Return tables by category, of JSON or of pairs as `security:sn_si_incident`. Raises ValueError with the mistake.

    What names a category goes before what names a stream of several.
    """
    if not isinstance(text, str):
        return text
    pairs = _pairs(text)
    known = [*CATEGORIES, *STREAMS]
    tables: dict[Category, str] = {}
    for key, table in sorted(pairs.items(), key=lambda pair: (pair[0] in CATEGORIES, pair[0])):
        if key not in known:
            raise ValueError(f'knows no "{key[:80]}": {did_you_mean(key, known)}')
        if not isinstance(table, str) or not _TABLE.fullmatch(table):
            raise ValueError(f'needs the name of a table for "{key}", as incident')
        categories: tuple[Category, ...] = STREAMS.get(key) or tuple(one for one in CATEGORIES if one == key)
        if key != "infrastructure-changes" and table == _OF_CHANGES:
            raise ValueError(
                f'cannot make change requests of problems ("{key}"): servicenow_change makes them of roll-outs'
            )
        if key != "infrastructure-changes":
            tables |= dict.fromkeys(categories, table)
    return tables


def _pairs(text: str) -> Mapping[str, object]:
    if text.lstrip().startswith("{"):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError("is not JSON: write it as the object that it begins, or as pairs key:table") from None
        return value if isinstance(value, dict) else {}
    found = [(part, _PAIR.fullmatch(part)) for part in re.split(r"[,\n]", text) if part.strip()]
    for part, pair in found:
        if pair is None:
            raise ValueError(
                f'holds "{part.strip()[:80]}", which is no pair: write key:table, as security:sn_si_incident'
            )
    return {pair["key"]: pair["table"] for _, pair in found if pair is not None}
