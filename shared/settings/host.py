"""The settings of every function, whatever it does: where it listens, what it logs, whether it asks who sends."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from shared.settings.environment import Environ, Settings, read


def _in_lower_case(text: str) -> str:
    return text.lower()


# Not `str.lower`: pydantic asks a validator for its signature, and that of a built-in is parsed from its text, 1.5 ms.
Level = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_in_lower_case)]
_LEVEL = ("LOG_LEVEL", "LOG_LEVEL_FILE")


class HostSettings(Settings):
    """What a host reads before it builds its function."""

    host: str = Field(default="127.0.0.1", alias="HOST", description="Address to listen on.")
    port: int = Field(default=8080, alias="PORT", ge=0, le=65_535, description="Port to listen on.")
    cert_file: str = Field(
        default="", alias="TLS_CERT_FILE", description="PEM file with the certificate of this port, which is then TLS."
    )
    key_file: str = Field(
        default="", alias="TLS_KEY_FILE", description="PEM file with its key, where that is not in the same file."
    )
    log_level: Level = Field(default="info", alias="LOG_LEVEL", description="`debug`, `info`, `warning` or `error`.")


def asks(environ: Environ) -> bool:
    """Return False where no setting says who may send, but for AUTH=none: then nothing of the gate is loaded."""
    return any(name.startswith("AUTH_") for name in environ) or environ.get("AUTH", "none") not in {"", "none"}


def log_level(environ: Environ, default: Level = "info") -> Level:
    """Return the level of the logs, whatever else is wrong with the settings. Raises SettingsError."""
    return read(
        HostSettings, {"LOG_LEVEL": default} | {name: environ[name] for name in _LEVEL if environ.get(name)}
    ).log_level
