"""Where an issuer's keys are: OpenID Connect Discovery 1.0, by the one HTTP client.

The cluster's own API server issues the tokens of service accounts, and says so at `/.well-known/openid-configuration`
and `/openid/v1/jwks` (Kubernetes, service account issuer discovery). Its `issuer` may be another name than the one it
is reached by, so that what it says is taken; of all others it must be the very URL that is set. The API server wants to
know who asks: it alone is told the token.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from shared.destinations.answer import Answer
from shared.destinations.http import exchange, new_client
from shared.runtime.auth.keys import Key, KeySet
from shared.runtime.auth.settings import AuthSettings
from shared.settings.addresses import is_api_server
from shared.settings.environment import Secret
from shared.settings.http import check_url

log = logging.getLogger("tidings.auth")

_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_CLUSTER_KEYS: Final = "/openid/v1/jwks"
_SECONDS: Final = 5.0
_MOST: Final = 64
_CURVES: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


class Discovery:
    """One issuer, by its URL; `ca_file` signs its certificate, `token` is for the API server alone."""

    def __init__(self, issuer: str, ca_file: str | None, token: Secret | None) -> None:
        self._issuer = issuer
        self._ca_file = ca_file
        self._is_cluster = is_api_server(urlsplit(issuer).hostname or "")
        self._token = token if self._is_cluster else None

    async def fetch(self) -> KeySet | None:
        """Return what the issuer says now; None, which the log explains, where it cannot be had."""
        try:
            return await self.ask()
        except (OSError, ValueError) as error:  # also a file that cannot be read, an address that may not be used
            log.warning("the issuer's keys cannot be had: %s", error)
            return None

    async def ask(self) -> KeySet:
        """Ask for the document and then for the keys. Raises ValueError, OSError, whose text says what is wrong."""
        parts = urlsplit(self._issuer)
        document = await self._get(f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/") + _WELL_KNOWN)
        issuer = document.get("issuer")
        if not isinstance(issuer, str) or not (self._is_cluster or issuer.rstrip("/") == self._issuer):
            raise ValueError("it names another issuer")
        return KeySet(issuer, public_keys(await self._get(*self._place_of_keys(document))))

    def _place_of_keys(self, document: Mapping[str, Any]) -> tuple[str, str]:
        """Return base URL and path of the keys. Raises ValueError for a place that nobody may be led to."""
        if self._is_cluster:
            return self._issuer, _CLUSTER_KEYS
        parts = urlsplit(check_url(str(document.get("jwks_uri", ""))))
        return f"{parts.scheme}://{parts.netloc}", parts.path + (f"?{parts.query}" if parts.query else "")

    async def _get(self, url: str, path: str) -> dict[str, Any]:
        headers = {"accept": "application/json, application/jwk-set+json"}
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token.value()}"
        async with new_client(url, ca_file=self._ca_file, connections=1, api_server=self._is_cluster) as client:
            answer = await exchange(client, client.build_request("GET", path, headers=headers), seconds=_SECONDS)
        document = answer.json if isinstance(answer, Answer) and answer.status == 200 else None  # noqa: PLR2004
        if isinstance(document, dict):
            return document
        if isinstance(answer, Answer):
            raise ValueError(f"it answers {answer.status} to {path}, or what is no JSON object")  # noqa: TRY004 - not ours
        raise ValueError(answer.reason)


def of(settings: AuthSettings) -> Discovery:
    """Return the issuer that the settings name."""
    return Discovery(settings.oidc_issuer, settings.oidc_ca_file, settings.oidc_token)


def public_keys(document: Mapping[str, Any]) -> tuple[Key, ...]:
    """Return the keys of a JWK Set (RFC 7517) that may sign, at most 64; what is none of them is left out."""
    listed = document.get("keys")
    entries = listed[:_MOST] if isinstance(listed, list) else []
    return tuple(key for entry in entries if isinstance(entry, dict) and (key := _public_key(entry)) is not None)


def _public_key(entry: dict[str, Any]) -> Key | None:
    from jwt import PyJWK, PyJWTError  # with it cryptography, some 60 ms: only for those who send tokens

    kind = entry.get("kty")
    family = "RS" if kind == "RSA" else _CURVES.get(str(entry.get("crv"))) if kind == "EC" else None
    algorithm = "RS256" if family == "RS" else family
    named = str(entry.get("alg", algorithm))
    if algorithm is None or entry.get("use", "sig") != "sig" or "d" in entry:
        return None
    if (named[:2] if family == "RS" else named) != family:
        return None
    try:
        return Key(str(entry.get("kid", "")), str(family), PyJWK(entry, algorithm=algorithm).key)
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
