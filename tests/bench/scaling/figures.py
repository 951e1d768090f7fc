"""What one function does on this machine, as the simulator needs it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Each:
    """One function: seconds of a core for an event with 50 in flight, for one of a storm (0: the same), of waiting."""

    cpu: float
    wait: float = 0.0
    storm_cpu: float = 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """The functions by their names in the cluster; seconds of a core for a bulk call; seconds of a process's start."""

    functions: Mapping[str, Each]
    bulk_cpu: float
    start: float

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Return what `as_json` was."""
        functions = {name: Each(**each) for name, each in data["functions"].items()}
        return cls(functions, float(data["bulk_cpu"]), float(data["start"]))
