"""The bus of `tidings up`, where no other is configured: a file beside the broker's, with all its topics."""

from collections.abc import Mapping
from pathlib import Path

from shared.bus.registry import open_bus, or_embedded
from shared.bus.topology import wanted


async def prepared(environ: Mapping[str, str], data: Path) -> Mapping[str, str]:
    """Return the settings that lead to it, its topics made; none where another bus is configured.

    Raises BusUnavailableError.
    """
    settings = or_embedded(environ, data)
    if settings:
        bus = open_bus("embedded", settings)
        try:
            for topic in wanted(1):
                await bus.ensure(topic)
        finally:
            await bus.close()
    return settings
