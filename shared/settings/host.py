"""The settings of every function, whatever it does: where it listens, who may send, what it logs."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from shared.settings.environment import Environ, Settings, read

Level = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(str.lower)]
_LEVEL = ("LOG_LEVEL", "LOG_LEVEL_FILE")


class HostSettings(Settings):
    """What a host reads before it builds its function."""

    host: str = Field(default="127.0.0.1", alias="HOST", description="Address to listen on.")
    port: int = Field(default=8080, alias="PORT", ge=0, le=65_535, description="Port to listen on.")
    auth: Literal["", "none"] = Field(
        default="",
        alias="AUTH",
        description="Who may send. `none` must be said aloud to listen on anything but a loopback address.",
    )
    log_level: Level = Field(default="info", alias="LOG_LEVEL", description="`debug`, `info`, `warning` or `error`.")


def log_level(environ: Environ, default: Level = "info") -> Level:
    """Return the level of the logs, whatever else is wrong with the settings. Raises SettingsError."""
    return read(
        HostSettings, {"LOG_LEVEL": default} | {name: environ[name] for name in _LEVEL if environ.get(name)}
    ).log_level
