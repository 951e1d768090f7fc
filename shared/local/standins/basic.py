"""Basic authentication (RFC 7617), as all servers that a stand-in plays read it."""

import base64
import binascii


def credentials(value: str) -> tuple[str, str] | None:
    """Return name and secret of what stands behind `Basic`, None where it cannot be read."""
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return name, secret
