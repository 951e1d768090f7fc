"""Settings of the elastic_forwarder function: the cluster's, and its own."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from shared.destinations.elastic.settings import ElasticSettings
from shared.runtime import mappings
from shared.runtime.pseudonyms import PseudonymSettings

MAPPING: Final = Path(__file__).parent / "mapping.yaml"
READY: Final = MAPPING.parent / mappings.READY
Count = Annotated[int, Field(ge=1)]


class ForwarderSettings(ElasticSettings, PseudonymSettings):
    """How classified observations go to Elasticsearch or OpenSearch."""

    mapping: Annotated[Path, BeforeValidator(mappings.ready_in(READY))] = Field(
        default=MAPPING,
        alias="ELASTIC_MAPPING",
        description="A ready mapping by its name, as `ocsf`, or an own mapping file.",
    )
    batch_events: Count = Field(default=500, alias="ELASTIC_BATCH_EVENTS", description="Most events of one call.")
    batch_bytes: Count = Field(
        default=2_000_000, alias="ELASTIC_BATCH_BYTES", description="Most bytes of one call, before compression."
    )
    waiting: Count = Field(
        default=2_000, alias="ELASTIC_WAITING", description="Most events that may wait here; more are answered 503."
    )
