"""`oidc`: a token that the cluster, or another issuer, gave a sender for us: what Knative sends with OIDC on.

Signatures by RSA and elliptic curves alone: `alg: none` and those with a shared secret are refused before a key is
looked for, so that no public key can ever serve as a secret. `aud` must be our own name; `sub` is who sends.
"""

import base64
import binascii
from typing import Any, Final

import orjson

from shared.events.limits import Limits, exceeded
from shared.runtime.auth.asked import MALFORMED, MISSING, Asked, Denied, Known, Reason
from shared.runtime.auth.discovery import of
from shared.runtime.auth.keys import Key, Keys
from shared.runtime.auth.settings import AuthSettings
from shared.runtime.auth.token import bearer

_ALGORITHMS: Final = {
    "RS256": "RS",
    "RS384": "RS",
    "RS512": "RS",
    "ES256": "ES256",
    "ES384": "ES384",
    "ES512": "ES512",
}
_LEEWAY: Final = 60
"""Seconds by which clocks may differ."""
_LONGEST: Final = 8192
_HEADER: Final = Limits(body=_LONGEST, depth=8)
_PARTS: Final = 3
_CLAIMS: Final = ("exp", "iss", "aud", "sub")


class Oidc:
    """Senders by the subject of their token; `audience` is our own name."""

    def __init__(self, keys: Keys, audience: str) -> None:
        self._keys = keys
        self._audience = audience

    async def ask(self, asked: Asked) -> Known | Denied:
        """Return whose token it is."""
        token = bearer(asked)
        if not token:
            return MISSING
        header = _header(token)
        if header is None:
            return MALFORMED
        algorithm, key_id = header
        found = await self._keys.find(key_id, _ALGORITHMS[algorithm])
        if isinstance(found, Denied):
            return found
        known, keys = found
        verdict: Known | Denied = Denied("key")
        for key in keys:  # nearly always one
            verdict = self._verified(token, key, algorithm, known.issuer)
            if verdict != Denied("wrong"):
                break
        return verdict

    def _verified(self, token: str, key: Key, algorithm: str, issuer: str) -> Known | Denied:
        import jwt  # see discovery

        try:
            claims = jwt.decode(
                token,
                key.public,
                algorithms=[algorithm],
                audience=self._audience,
                issuer=issuer,
                leeway=_LEEWAY,
                options={"require": list(_CLAIMS)},
            )
        except jwt.PyJWTError as error:
            return Denied(_reason(type(error).__name__))
        except (ValueError, TypeError, OverflowError, RecursionError):
            return MALFORMED  # what the library does not foresee in claims, which are the issuer's own by then
        subject = claims["sub"]
        return Known(subject) if isinstance(subject, str) and subject else Denied("claims")


def new(settings: AuthSettings) -> Oidc:
    """Build the method from the settings; the issuer is asked when the first token comes."""
    return Oidc(Keys(of(settings).fetch), settings.oidc_audience)


_REASONS: Final[dict[str, Reason]] = {
    "InvalidSignatureError": "wrong",
    "ExpiredSignatureError": "expired",
    "ImmatureSignatureError": "not_yet",
    "InvalidAudienceError": "audience",
    "InvalidIssuerError": "issuer",
    "DecodeError": "malformed",
    "InvalidTokenError": "malformed",
}


def _reason(error: str) -> Reason:
    return _REASONS.get(error, "claims")


def _header(token: str) -> tuple[str, str | None] | None:
    """Return algorithm and key id of a token, nothing of which is believed yet; None for what can be none of ours."""
    parts = token.split(".", _PARTS)
    if len(token) > _LONGEST or len(parts) != _PARTS or not all(parts):
        return None
    try:
        raw = base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4))
        header: Any = None if exceeded(raw, _HEADER) else orjson.loads(raw)
    except (binascii.Error, ValueError):
        return None
    if not isinstance(header, dict) or "crit" in header:
        return None
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS or not isinstance(key_id, str | None):
        return None
    return algorithm, key_id
