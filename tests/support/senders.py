"""Those who send and those who vouch for them: an issuer of tokens with its own keys, and certificates of an own CA."""

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import digest
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from shared.runtime.asgi import Receive, Scope, Send, answer_json

AUDIENCE = "tidings/classifier"
SUBJECT = "system:serviceaccount:tidings:classifier-oidc-eventing.knative.dev-trigger"
RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())


def jwk(key: Any, key_id: str, algorithm: str) -> dict[str, Any]:
    """Return a public key as an issuer publishes it."""
    kind = jwt.algorithms.RSAAlgorithm if algorithm.startswith("RS") else jwt.algorithms.ECAlgorithm
    entry = json.loads(kind.to_jwk(key.public_key()))
    entry.pop("key_ops", None)
    return {**entry, "kid": key_id, "alg": algorithm, "use": "sig"}


@dataclass
class Issuer:
    """An issuer as an ASGI app, in the shape of the API server's; `url` is what its tokens call it."""

    url: str = "https://kubernetes.default.svc.cluster.local"
    token: str = ""
    keys: list[dict[str, Any]] = field(default_factory=lambda: [jwk(RSA, "one", "RS256"), jwk(EC, "two", "ES256")])
    asked: list[str] = field(default_factory=list)
    down: bool = False

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.asked.append(scope["path"])
        headers = dict(scope["headers"])
        if self.down:
            await answer_json(send, 500, {})
        elif self.token and headers.get(b"authorization") != f"Bearer {self.token}".encode():
            await answer_json(send, 401, {"kind": "Status"})
        elif scope["path"] == "/.well-known/openid-configuration":
            await answer_json(send, 200, {"issuer": self.url, "jwks_uri": f"{self.url}/openid/v1/jwks"})
        elif scope["path"] == "/openid/v1/jwks":
            await answer_json(send, 200, {"keys": self.keys})
        else:
            await answer_json(send, 404, {})

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of a good token of a service account, and these; None leaves one out."""
        now = int(time.time())
        good = {"iss": self.url, "aud": [AUDIENCE], "sub": SUBJECT, "exp": now + 600, "nbf": now, "iat": now}
        return {name: value for name, value in {**good, **changes}.items() if value is not None}

    def sign(self, key: Any = RSA, algorithm: str = "RS256", key_id: str | None = "one", **changes: Any) -> str:
        """Return a signed token."""
        headers = {} if key_id is None else {"kid": key_id}
        return jwt.encode(self.claims(**changes), key, algorithm=algorithm, headers=headers)


def part(value: Mapping[str, Any]) -> str:
    """Return a part of a token, for those that no library signs."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def webhook(secret: bytes, body: bytes, name: str = "msg_1", at: float | None = None) -> dict[str, str]:
    """Return the headers of a message that is signed as Standard Webhooks says."""
    stamp = str(int(time.time() if at is None else at))
    signature = base64.b64encode(digest(secret, f"{name}.{stamp}.".encode() + body, sha256)).decode()
    return {"webhook-id": name, "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"}


class Authority:
    """A certificate authority of its own, whose files lie in a folder."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        own = _builder(self._subject, self._subject, self._key, days=1)
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        own = own.add_extension(_signs_certificates(), critical=True)
        own = own.add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *alternatives: x509.GeneralName, days: int = 1) -> Path:
        """Return one PEM file with a key and its certificate, for a server or a client."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(subject, self._subject, key, days)
        # Python 3.13 and later want it said whose signature it is.
        of_issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(of_issuer, critical=False)
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        form = serialization.PrivateFormat.PKCS8
        written = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        file = self._folder / f"{name}.pem"
        file.write_bytes(written + certificate)
        return file

    def for_loopback(self) -> Path:
        """Return the certificate of a server on 127.0.0.1."""
        return self.issue("server", x509.IPAddress(ip_address("127.0.0.1")))


def _signs_certificates() -> x509.KeyUsage:
    used = dict.fromkeys(
        (
            *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
            *("crl_sign", "encipher_only", "decipher_only"),
        ),
        False,
    )
    return x509.KeyUsage(key_cert_sign=True, **used)


def _builder(subject: x509.Name, issuer: x509.Name, key: Any, days: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=days))
    )
