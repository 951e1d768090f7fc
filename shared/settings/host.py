"""The settings of every function, whatever it does: where it listens, who may send, what it logs."""

from typing import Literal

from pydantic import Field

from shared.settings.environment import Settings


class HostSettings(Settings):
    """What a host reads before it builds its function."""

    host: str = Field(default="127.0.0.1", alias="HOST", description="Address to listen on.")
    port: int = Field(default=8080, alias="PORT", ge=0, le=65_535, description="Port to listen on.")
    auth: Literal["", "none"] = Field(
        default="",
        alias="AUTH",
        description="Who may send. `none` must be said aloud to listen on anything but a loopback address.",
    )
    log_level: str = Field(default="info", alias="LOG_LEVEL", description="`debug`, `info`, `warning` or `error`.")
