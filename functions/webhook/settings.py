"""Settings of the webhook function: the target's, and its own."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from shared.destinations.webhook.settings import WebhookSettings
from shared.runtime import mappings
from shared.runtime.linking import LinkSettings
from shared.runtime.ticketing import TicketSettings

MAPPING: Final = Path(__file__).parent / "mapping.yaml"
READY: Final = MAPPING.parent / mappings.READY


class NoticeSettings(WebhookSettings, LinkSettings, TicketSettings):
    """How notices go out."""

    mapping: Annotated[Path, BeforeValidator(mappings.ready_in(READY))] = Field(
        default=MAPPING,
        alias="WEBHOOK_MAPPING",
        description="A ready mapping by its name, as `slack`, or an own mapping file.",
    )
    idempotent: bool = Field(
        default=False,
        alias="WEBHOOK_IDEMPOTENT",
        description="The target knows a key that comes again: no claim is kept.",
    )
