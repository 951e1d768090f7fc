"""What the destinations of the embedded system were told, as a value."""

from typing import TYPE_CHECKING

from shared.runtime.registry import FUNCTIONS
from shared.runtime.shadow import Shadow

if TYPE_CHECKING:
    from shared.local.system import System


def destinations(system: "System") -> list[dict[str, object]]:
    """Return of each destination whether a stand-in plays it, what waits, and what became of its deliveries."""
    rows: list[dict[str, object]] = []
    metrics, statuses = system.metrics, system.broker.status()
    for name, function in system.functions.items():
        destination = FUNCTIONS[name].destination
        if destination is not None:
            label = destination.label
            done = metrics.total("tidings_deliveries_total", destination=label, result="done")
            unsent = metrics.total("tidings_deliveries_total", destination=label, result="shadow")
            retries = metrics.series("tidings_retries_total", "reason", destination=label)
            real = name in system.settings.real
            waiting = sum(one.waiting for one in statuses if one.subscriber == system.services[name])
            row = {"stand_in": not real, "done": int(done), "waiting": waiting, "retries": retries}
            rows.append({"name": name, **row, "in_shadow": isinstance(function, Shadow), "shadow": int(unsent)})
    return rows
