"""Settings of the webhook function: the target's, and its own."""

from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from shared.destinations.webhook.settings import WebhookSettings
from shared.runtime.parts import ready_mapping
from shared.runtime.ticketing import TicketSettings

MAPPING: Final = Path(__file__).parent / "mapping.yaml"
READY: Final = MAPPING.parent / "mappings"


def _chosen(value: Any) -> Any:
    return ready_mapping(READY, value) if isinstance(value, str) else value


class NoticeSettings(WebhookSettings, TicketSettings):
    """How notices go out."""

    mapping: Annotated[Path, BeforeValidator(_chosen)] = Field(
        default=MAPPING,
        alias="WEBHOOK_MAPPING",
        description="A ready mapping by its name, as `slack`, or an own mapping file.",
    )
    idempotent: bool = Field(
        default=False,
        alias="WEBHOOK_IDEMPOTENT",
        description="The target knows a key that comes again: no claim is kept.",
    )
