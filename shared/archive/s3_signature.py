"""AWS Signature Version 4 for S3: the headers that say who asks. Pure.

Written here, for what signs without a whole SDK is unkept or needs a newer Python (docs/decisions/0101-archive.md). The
algorithm and its examples: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote

EMPTY: Final = hashlib.sha256().hexdigest()
"""SHA-256 of a request without a body."""

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_UNRESERVED: Final = "-_.~"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks, and in which region."""

    access_key: str
    secret_key: str
    region: str
    token: str = ""


def target(path: str, query: Iterable[tuple[str, str]] = ()) -> str:
    """Return path and query as they are signed, and must be sent: encoded once, the query sorted."""
    encoded = quote(path, safe=f"/{_UNRESERVED}")
    pairs = sorted((quote(name, safe=_UNRESERVED), quote(value, safe=_UNRESERVED)) for name, value in query)
    return encoded + ("?" + "&".join(f"{name}={value}" for name, value in pairs) if pairs else "")


def signed(  # noqa: PLR0913, PLR0917 - what of a request is signed
    who: Identity, method: str, sent: str, headers: Mapping[str, str], sha256: str, now: datetime
) -> dict[str, str]:
    """Return all headers of a request, the signature among them.

    `sent` is what `target` made, `headers` have the host by lower-case names, `sha256` is that of the body, in hex.
    """
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    every = {**headers, "x-amz-content-sha256": sha256, "x-amz-date": stamp}
    if who.token:
        every["x-amz-security-token"] = who.token
    names = ";".join(sorted(every))
    path, _, query = sent.partition("?")
    lines = [f"{name}:{' '.join(every[name].split())}" for name in sorted(every)]
    request = "\n".join([method, path, query, *lines, "", names, sha256])
    scope = f"{stamp[:8]}/{who.region}/s3/aws4_request"
    text = "\n".join([_ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{who.secret_key}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    credential = f"Credential={who.access_key}/{scope}"
    signature = _hmac(key, text).hex()
    every["authorization"] = f"{_ALGORITHM} {credential},SignedHeaders={names},Signature={signature}"
    return every


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
