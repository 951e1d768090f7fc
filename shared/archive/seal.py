"""Seals: signed words about segments, kept elsewhere, so that who can change the archive cannot change the proof.

A seal says that a segment's manifest and root were so at a time, and names the seal before it. That a segment was
erased on purpose is signed as well. Ed25519 (RFC 8032), by the package `cryptography`.
"""

import hashlib
import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import AwareDatetime, Field

from shared.archive.manifest import Hash, Manifest, Name, Written, segment_name
from shared.settings.environment import SettingsError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_CONTEXT: Final = b"tidings archive statement 1\n"
"""Before what is signed, so that nothing else that the key may sign is a statement."""

_PEM: Final = re.compile(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)
_KEY_DIGITS: Final = 16


class Statement(Written):
    """What is said of a segment."""

    kind: Literal["sealed", "erased"]
    topic: Name
    sequence: Annotated[int, Field(ge=1, lt=10**8)]
    manifest: Hash
    """SHA-256 of the segment's manifest."""
    root: Hash
    records: Annotated[int, Field(ge=1)]
    at: AwareDatetime
    why: str = ""
    """Why it was erased."""
    previous: str = ""
    """SHA-256 of the seal before it; where the segment was erased, of its own seal."""

    @property
    def name(self) -> str:
        """Return the name of the segment."""
        return segment_name(self.topic, self.sequence)

    def fits(self, manifest: Manifest) -> bool:
        """Return True where it speaks of this very manifest."""
        told = (self.topic, self.sequence, self.manifest, self.root, self.records)
        return told == (manifest.topic, manifest.sequence, manifest.digest(), manifest.root, manifest.records)


class Signed(Written):
    """A statement with its signature, as it lies among the roots."""

    statement: Statement
    key: str
    """Which key signed it: the first digits of the SHA-256 of its 32 bytes."""
    signature: Annotated[str, Field(pattern="^[0-9a-f]{128}$")]
    """64 bytes in hex, which has one spelling; base64 has several."""

    def digest(self) -> str:
        """Return the hash by which the next seal names this one."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


class Sealer:
    """Signs, with one private key. Raises SettingsError where the text is none."""

    def __init__(self, pem: str) -> None:
        self._key = _private(pem)
        self._name = _key_name(self._key.public_key())

    def sign(self, statement: Statement) -> Signed:
        """Return the statement with its signature."""
        signature = self._key.sign(_CONTEXT + statement.to_bytes())
        return Signed(statement=statement, key=self._name, signature=signature.hex())


class Judge:
    """Knows the public keys whose signatures count: several, where keys were changed over the years."""

    def __init__(self, keys: "Mapping[str, Ed25519PublicKey]") -> None:
        self._keys = keys

    @classmethod
    def of(cls, pem: str) -> "Judge":
        """Read one public key, or several one after the other. Raises SettingsError where there is none."""
        found = [_public(text) for text in _PEM.findall(pem)]
        if not found:
            raise SettingsError(["the public key must be PEM, as `openssl pkey -pubout` writes it"])
        return cls({_key_name(key): key for key in found})

    def problem(self, signed: Signed) -> str:
        """Return what is wrong with a signature, nothing where it is right."""
        from cryptography.exceptions import InvalidSignature  # only where keys are

        key = self._keys.get(signed.key)
        if key is None:
            return f"it was signed by another key ({signed.key})"
        try:
            key.verify(bytes.fromhex(signed.signature), _CONTEXT + signed.statement.to_bytes())
        except InvalidSignature:
            return "its signature is wrong"
        return ""


def sealed_path(topic: str, sequence: int) -> str:
    """Return where a seal lies among the roots."""
    return f"{topic}/{segment_name(topic, sequence)}.sealed.json"


def _private(pem: str) -> "Ed25519PrivateKey":
    _need()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):  # the latter where it has a password
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(["ARCHIVE_SEAL_KEY is no Ed25519 key in PEM: openssl genpkey -algorithm ed25519 makes one"])
    return key


def _public(pem: str) -> "Ed25519PublicKey":
    _need()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem.encode())
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise SettingsError(["a public key is no Ed25519 key in PEM: openssl pkey -pubout writes one"])
    return key


def _need() -> None:
    if find_spec("cryptography") is None:
        raise SettingsError(["seals need what requirements/archive.txt installs (the extra `archive`)"])


def _key_name(key: "Ed25519PublicKey") -> str:
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:_KEY_DIGITS]
