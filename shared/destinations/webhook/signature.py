"""Signatures by Standard Webhooks 1.0.0 (github.com/standard-webhooks, spec/standard-webhooks.md): `v1`, symmetric."""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

_PREFIX: Final = "whsec_"
_SIZES: Final = range(24, 65)  # bytes
_MOST: Final = 2
TOLERANCE: Final = 300.0
"""Seconds by which a receiver lets our clock differ from its own."""


def keys_of(text: str) -> tuple[bytes, ...]:
    """Return the keys of one secret, or of two while they are rotated, with white space between them.

    Raises ValueError.
    """
    words = text.split()
    if not 1 <= len(words) <= _MOST:
        raise ValueError("must be one secret, or two with white space between them while they are rotated")
    return tuple(_key(word) for word in words)


def signed(keys: Sequence[bytes], key: str, timestamp: int, body: bytes) -> Mapping[str, str]:
    """Return the three headers. `key` names the event and holds no full stop; `timestamp` is that of this very try."""
    content = f"{key}.{timestamp}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(one, content, "sha256")).decode() for one in keys)
    return {
        "webhook-id": key,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _key(word: str) -> bytes:
    if not word.startswith(_PREFIX):
        raise ValueError(f"must begin with {_PREFIX}")
    encoded = word.removeprefix(_PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"must be base64 behind {_PREFIX}") from None
    if len(key) not in _SIZES:
        raise ValueError(f"must hold {_SIZES[0]} to {_SIZES[-1]} bytes")
    return key
