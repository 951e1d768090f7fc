"""What a segment's manifest says, and the names of its files. Pure.

A segment is a span of one topic: a file of lines, a file with a hash for each line, and the manifest, which is written
last: without it there is no segment. Each manifest holds the hash of the one before it, so that a segment that was
taken from the middle, or put there, shows.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Self

import orjson
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.archive.merkle import HASH_BYTES

LINES: Final = ".jsonl.gz"
LEAVES: Final = ".leaves"
_TOPIC: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,248}")
_HEX: Final = re.compile(rf"[0-9a-f]{{{2 * HASH_BYTES}}}")
_SEGMENT: Final = re.compile(rf"({_TOPIC.pattern})\.(\d{{8}})")
_FEW: Final = 12  # hex digits of a hash that tell two files of one name apart


class NoManifestError(ValueError):
    """What is no manifest, or not written as one is."""


def check_topic(topic: str) -> str:
    """Return the name of a topic that can be a folder's. Raises ValueError for others."""
    if not _TOPIC.fullmatch(topic):
        raise ValueError("an archived topic is named by letters, digits, `.`, `_` and `-`")
    return topic


def check_hash(text: str) -> str:
    """Return a SHA-256 in hex. Raises ValueError for what is none."""
    if not _HEX.fullmatch(text):
        raise ValueError("it is no SHA-256")
    return text


Hash = Annotated[str, AfterValidator(check_hash)]
Name = Annotated[str, AfterValidator(check_topic)]


class Written(BaseModel):
    """Something that is written in one way only: read back, its bytes must be those that it would be written as."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_bytes(self) -> bytes:
        """Return it as JSON with sorted names."""
        return orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return what was written. Raises NoManifestError, also where a single byte differs."""
        try:
            found = cls.model_validate_json(data)
        except ValidationError as error:
            raise NoManifestError(_unread(error)) from None
        if found.to_bytes() != data:
            raise NoManifestError("it is damaged: it is not written as it is written there")
        return found


def _unread(error: ValidationError) -> str:
    newer = any(one["loc"] == ("version",) and one["type"] == "less_than_equal" for one in error.errors())
    if newer:
        return "a newer Tidings wrote it, which has to read it"
    return "it is damaged: it is not what is written there"


class Manifest(Written):
    """What a segment holds."""

    version: Annotated[int, Field(ge=1, le=1)] = 1
    topic: Name
    sequence: Annotated[int, Field(ge=1, lt=10**8)]
    """1 for the topic's first segment, and on without a gap."""
    source: str
    """The bus that it came from, as `nats`."""
    records: Annotated[int, Field(ge=1)]
    first: AwareDatetime
    last: AwareDatetime
    """When the oldest and the newest record came, by the bus."""
    positions: Mapping[int, tuple[int, int]]
    """The first and the last position of each partition that is in it."""
    after: Mapping[int, int]
    """The last position of each partition in this segment and all before it: where the next one begins."""
    ends: Mapping[int, Hash]
    """The leaf of the record at each of these positions: by it the next export knows that it is the same bus."""
    file: str
    size: Annotated[int, Field(ge=1)]
    sha256: Hash
    """Of the compressed file, as it lies there."""
    root: Hash
    """Of the Merkle tree over its lines."""
    previous: str = ""
    """SHA-256 of the manifest before it; empty for the first."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.file != file_name(self.topic, self.sequence, self.first, self.sha256):
            raise ValueError("its file is named otherwise")
        return self

    @property
    def name(self) -> str:
        """Return the name of the segment, as commands take it."""
        return segment_name(self.topic, self.sequence)

    @property
    def lines_path(self) -> str:
        """Return where its lines lie, below the archive."""
        return f"{self.topic}/{self.file}"

    @property
    def leaves_path(self) -> str:
        """Return where the hashes of its lines lie, 32 bytes each."""
        return f"{self.topic}/{self.file.removesuffix(LINES)}{LEAVES}"

    @property
    def files(self) -> set[str]:
        """Return both: what goes when it is erased."""
        return {self.lines_path, self.leaves_path}

    def digest(self) -> str:
        """Return the hash by which the next manifest, and the seal, name this one."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def segment_name(topic: str, sequence: int) -> str:
    """Return the name of a segment."""
    return f"{topic}.{sequence:08d}"


def parsed_name(name: str) -> tuple[str, int] | None:
    """Return topic and number of a segment's name, None for what is none."""
    found = _SEGMENT.fullmatch(name)
    return (found[1], int(found[2])) if found else None


def manifest_path(topic: str, sequence: int) -> str:
    """Return where a manifest lies, below the archive."""
    return f"{topic}/{segment_name(topic, sequence)}.json"


def erased_path(topic: str, sequence: int) -> str:
    """Return where it lies that a segment was erased, among the roots and in the archive."""
    return f"{topic}/{segment_name(topic, sequence)}.erased.json"


def file_name(topic: str, sequence: int, first: datetime, sha256: str) -> str:
    """Return the name of a file of lines: two exports at once never write the same one."""
    return f"{segment_name(topic, sequence)}.{first:%Y%m%dT%H%M%SZ}.{sha256[:_FEW]}{LINES}"
