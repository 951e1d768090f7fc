"""Previews: what a destination would be sent, computed without sending anything (`tidings explain`, shadow)."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Preview:
    """One request as it would go out, without credentials. `body` is its JSON value.

    `shadow` says that its destination is in shadow, so that it would not go out.
    """

    destination: str
    method: str
    url: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    shadow: bool = False
