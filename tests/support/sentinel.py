"""A secret that is planted where secrets stand, and what of an observation may hold it."""

from typing import Any

import orjson

from shared.events.model import Observation, observed_data
from tests.support.specimens import Place, changed, places

SENTINEL = "hunter2sEnTiNeL"
NAMING = ("object", "owner", "related", "cluster", "source_uid", "resource_version", "identity", "fingerprint")
"""Members that say which thing it is: what a name holds is no secret, and keys are made before anything is masked."""
_SECRET = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"a": SENTINEL}, "stringData": {"b": SENTINEL}}
PLANTED: dict[str, Any] = {
    "password": SENTINEL,
    "api_token": SENTINEL,
    "planted": _SECRET,
    "env": [{"name": "A", "value": SENTINEL}],
}
TEXT = f" password={SENTINEL} https://u:{SENTINEL}@host/"


def planted(payload: Any, choice: int) -> Any:
    """Return the payload with secrets in one of its objects and texts."""
    able: list[tuple[Place, Any]] = [found for found in places(payload) if isinstance(found[1], dict | str)]
    if not able:
        return payload
    place, value = able[choice % len(able)]
    return changed(payload, place, {**value, **PLANTED} if isinstance(value, dict) else value + TEXT)


def told(seen: Observation) -> bytes:
    """Return all that an observation tells besides names."""
    return orjson.dumps({key: value for key, value in observed_data(seen).items() if key not in NAMING})
