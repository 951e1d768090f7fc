"""Observations that the siem_forwarder is given at the same time."""

import asyncio
from collections.abc import Mapping

from functions.siem_forwarder.handler import new
from shared.events.model import Classified
from shared.events.outcome import Outcome
from shared.runtime.function import Call
from shared.telemetry.metrics import Metrics
from tests.support.records import classified_event


def forwarded(environ: Mapping[str, str], *subjects: Classified, seconds: float = 5.0) -> list[Outcome]:
    """Forward observations that come at the same time; return what became of each."""

    async def inside() -> list[Outcome]:
        function = new(environ, Metrics())
        await function.start()
        call = Call(asyncio.get_running_loop().time() + seconds)
        try:
            results = await asyncio.gather(*(function.handle(classified_event(one), call) for one in subjects))
        finally:
            await function.stop()
        return [result.outcome for result in results]

    return asyncio.run(inside())
