"""Settings of the siem_forwarder function: the collector's, and its own."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from shared.destinations.splunk.settings import SplunkSettings
from shared.runtime import mappings
from shared.runtime.pseudonyms import PseudonymSettings

MAPPING: Final = Path(__file__).parent / "mapping.yaml"
READY: Final = MAPPING.parent / mappings.READY
Count = Annotated[int, Field(ge=1)]


class SiemSettings(SplunkSettings, PseudonymSettings):
    """How classified observations go to Splunk."""

    mapping: Annotated[Path, BeforeValidator(mappings.ready_in(READY))] = Field(
        default=MAPPING,
        alias="SPLUNK_MAPPING",
        description="A ready mapping by its name, as `ocsf`, or an own mapping file.",
    )
    batch_events: Count = Field(default=500, alias="SPLUNK_BATCH_EVENTS", description="Most events of one call.")
    batch_bytes: Count = Field(
        default=1_000_000, alias="SPLUNK_BATCH_BYTES", description="Most bytes of one call, before compression."
    )
    waiting: Count = Field(
        default=2_000, alias="SPLUNK_WAITING", description="Most events that may wait here; more are answered 503."
    )
