"""The function `intake`: producers' own payloads by their paths, CloudEvents on `/`; all of it to the broker."""

from pathlib import Path

from pydantic import Field

from functions.intake.layouts import load_layouts
from functions.intake.requests import NAME, Requests
from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Done, Rejected, Retry
from shared.runtime.function import Call, Readiness, Result
from shared.runtime.handover import Acceptance, Handover
from shared.settings.environment import Environ, Settings, SettingsError, read
from shared.sources.registry import UNKNOWN_CLUSTER
from shared.telemetry.metrics import Metrics


class IntakeSettings(Settings):
    """Settings of intake."""

    cluster: str = Field(
        default="", alias="CLUSTER", description="Name of the cluster, where neither address nor payload has one."
    )
    sink: str = Field(default="", alias="K_SINK", description="The broker, as a SinkBinding sets it.")
    layouts: Path | None = Field(
        default=None,
        alias="INTAKE_LAYOUTS",
        description="A file that says where the payloads of a path have which field, for exporters with a layout.",
    )


class Intake:
    """Takes requests by their paths (`requests`) and CloudEvents; without a broker it is not ready."""

    name = NAME

    def __init__(self, handover: Handover | None, requests: Requests) -> None:
        self._handover = handover
        self.requests = requests

    async def start(self) -> None:
        """Open nothing: connections to the broker are opened by the first event."""

    async def handle(self, event: CloudEvent, call: Call) -> Result:  # noqa: ARG002 - the sink has its own time-out
        """Hand one CloudEvent over as it is."""
        if self._handover is None:
            return Result(Retry("K_SINK is not set"))
        found = await self._handover.accept([event])
        if found == "accepted":
            return Result(Done())
        return Result(Retry("the broker cannot take it now") if found == "full" else Rejected("broker", "refused"))

    def readiness(self) -> Readiness:
        """Return not ready without a broker."""
        return Readiness(() if self._handover is not None else ("K_SINK is not set: where events go",))

    async def stop(self) -> None:
        """Close the connections to the broker, where they are ours."""
        close = getattr(self._handover, "close", None)
        if close is not None:
            await close()


class _Nowhere:
    """The broker that nobody named."""

    async def accept(self, _events: object) -> Acceptance:
        return "full"


def new(environ: Environ, metrics: Metrics, *, handover: Handover | None = None) -> Intake:
    """Build the function from the environment, without I/O but for its file of layouts. Raises SettingsError."""
    settings = read(IntakeSettings, environ)
    layouts = {} if settings.layouts is None else load_layouts(settings.layouts)
    if isinstance(layouts, list):
        raise SettingsError([f"INTAKE_LAYOUTS: {problem}" for problem in layouts])
    if handover is None and settings.sink:
        from shared.runtime.sink import HttpPublisher  # the HTTP client, only where it is used

        handover = HttpPublisher(settings.sink)
    cluster = settings.cluster or UNKNOWN_CLUSTER
    return Intake(handover, Requests(handover or _Nowhere(), metrics, cluster, layouts))
