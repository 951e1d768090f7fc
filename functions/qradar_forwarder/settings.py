"""Settings of the qradar_forwarder function: the receiver's, and its own."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from shared.destinations.qradar.settings import QradarSettings
from shared.runtime.pseudonyms import PseudonymSettings

MAPPING: Final = Path(__file__).parent / "mapping.yaml"
Count = Annotated[int, Field(ge=1)]


class ForwarderSettings(QradarSettings, PseudonymSettings):
    """How classified observations go to QRadar."""

    mapping: Path = Field(default=MAPPING, alias="QRADAR_MAPPING", description="An own mapping file.")
    batch_events: Count = Field(default=500, alias="QRADAR_BATCH_EVENTS", description="Most lines that go together.")
    waiting: Count = Field(
        default=2_000, alias="QRADAR_WAITING", description="Most events that may wait here; more are answered 503."
    )
