"""An archive in S3, or what speaks its protocol: objects below a prefix of one bucket, addressed by path.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html has the calls:
ListObjectsV2, GetObject by ranges, PutObject with If-None-Match, DeleteObject.
"""

import asyncio
import contextlib
import hashlib
import re
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from shared.archive.lines import digest, pieces
from shared.archive.place import PlaceError
from shared.archive.s3_signature import EMPTY, Identity, signed, target
from shared.archive.settings import S3Settings
from shared.destinations.answer import Answer
from shared.destinations.http import exchange, naming, new_client
from shared.destinations.standing import Unsaid
from shared.settings.environment import Environ, SettingsError, read

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PIECE: Final = 4 * 1024 * 1024
_SECONDS: Final = 30.0
_UPLOAD_SECONDS: Final = 600.0
_PAUSES: Final = (0.5, 1.0, 2.0, 4.0)
_OK, _NO_CONTENT, _PARTIAL, _MISSING, _EXISTS = 200, 204, 206, 404, 412
_AGAIN: Final = frozenset({409, 429, 500, 502, 503, 504})
_TOTAL: Final = re.compile(r"bytes \d+-\d+/(\d+)")


class S3Place:
    """Objects of a bucket, below a prefix."""

    def __init__(self, bucket: str, prefix: str, settings: S3Settings) -> None:
        self.where = f"s3://{bucket}/{prefix}".rstrip("/")
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._settings = settings
        url = settings.endpoint or f"https://s3.{settings.region}.amazonaws.com"
        with naming("ARCHIVE_S3_CA_FILE"):
            self._client = new_client(url, ca_file=settings.ca_file)
        self._client.standing = Unsaid(url)

    @classmethod
    def of(cls, where: str, environ: Environ) -> Self:
        """Return the place at s3://BUCKET/PREFIX. Raises SettingsError."""
        parts = urlsplit(where)
        if not _BUCKET.fullmatch(parts.netloc) or parts.query or parts.fragment:
            raise SettingsError([f"{where} is no place of an archive: write s3://BUCKET/PREFIX"])
        settings = read(S3Settings, environ)
        if not settings.access_key or settings.secret_key is None:
            raise SettingsError(["ARCHIVE_S3_ACCESS_KEY and ARCHIVE_S3_SECRET_KEY are not both set: S3 needs them"])
        return cls(parts.netloc, parts.path.strip("/"), settings)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a folder of this machine; what cannot be written there is told with the place that it was for."""
        try:
            with tempfile.TemporaryDirectory(prefix="tidings-archive-") as folder:
                yield Path(folder)
        except OSError as error:
            where = error.filename or tempfile.gettempdir()
            raise PlaceError(f"{where}, by way of which {self.where} is used: {error.strerror}") from error

    async def names(self, folder: str) -> AsyncIterator[str]:
        """Iterate the names below a folder."""
        async for page in self._pages(f"{folder}/"):
            for key in page.iterfind("{*}Contents/{*}Key"):
                name = (key.text or "").removeprefix(self._prefix)
                if "/" not in name.removeprefix(f"{folder}/"):
                    yield name

    async def folders(self) -> AsyncIterator[str]:
        """Iterate the folders."""
        async for page in self._pages("", ("delimiter", "/")):
            for prefix in page.iterfind("{*}CommonPrefixes/{*}Prefix"):
                yield (prefix.text or "").removeprefix(self._prefix).rstrip("/")

    async def read(self, name: str) -> bytes | None:
        """Return a small object."""
        answer = await self._asked("GET", name, good=(_OK, _MISSING))
        return answer.body if answer.status == _OK else None

    @asynccontextmanager
    async def open(self, name: str) -> AsyncIterator[Path | None]:
        """Give a copy on this machine."""
        with self.scratch() as folder:
            yield await self._fetched(name, folder / "object")

    async def put(self, name: str, source: Path | bytes) -> bool:
        """Put an object there under a name that it never had before.

        An answer that did not come may have been a yes: what then is there already is ours where it has our bytes.
        """
        sha256 = hashlib.sha256(source).hexdigest() if isinstance(source, bytes) else await _digest(source)
        answer = await self._asked("PUT", name, source=source, sha256=sha256, good=(_OK, _EXISTS))
        if answer.status == _OK:
            return True
        with self.scratch() as folder:
            there = await self._fetched(name, folder / "object")
            return there is not None and await _digest(there) == sha256

    async def remove(self, name: str) -> None:
        """Remove an object; of a bucket with versions, older ones stay."""
        await self._asked("DELETE", name, good=(_OK, _NO_CONTENT, _MISSING))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _pages(self, below: str, *more: tuple[str, str]) -> AsyncIterator[ET.Element]:
        query = [("list-type", "2"), ("prefix", f"{self._prefix}{below}"), *more]
        token = ""
        while True:
            asked = [*query, *([("continuation-token", token)] if token else [])]
            answer = await self._asked("GET", "", query=asked, good=(_OK,))
            try:
                page = ET.fromstring(answer.body)  # noqa: S314 - bounded by exchange, its entities by expat
            except ET.ParseError as error:
                raise PlaceError(f"{self.where}: the answer is not S3's") from error
            yield page
            token = page.findtext("{*}NextContinuationToken") or ""
            if not token:
                return

    async def _fetched(self, name: str, file: Path) -> Path | None:
        """Copy an object piece by piece; return None where there is none."""
        begin, total = 0, 1
        with file.open("wb") as stream:
            while begin < total:
                wanted = {"range": f"bytes={begin}-{begin + _PIECE - 1}"}
                answer = await self._asked("GET", name, headers=wanted, good=(_OK, _PARTIAL, _MISSING))
                if answer.status == _MISSING:
                    return None
                found = _TOTAL.fullmatch(answer.headers.get("content-range", ""))
                stream.write(answer.body)
                begin += len(answer.body)
                total = int(found[1]) if found and answer.body else begin
        return file

    async def _asked(  # noqa: PLR0913 - the parts of a request
        self,
        method: str,
        name: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        source: Path | bytes = b"",
        sha256: str = EMPTY,
        good: Sequence[int],
    ) -> Answer:
        """Return one of the answers that are good, after several tries where that can help. Raises PlaceError."""
        key = f"/{self._prefix}{name}" if name else ""
        sent = target(f"/{self._bucket}{key}", query)
        answer: Answer | None = None
        for pause in (*_PAUSES, 0.0):
            found = await self._sent(method, sent, dict(headers or {}), source, sha256)
            answer = found if isinstance(found, Answer) else None
            why = f"status {found.status}{_code(found.body)}" if isinstance(found, Answer) else found.reason
            if answer is not None and answer.status in good:
                return answer
            if answer is not None and answer.status not in _AGAIN:
                break
            await asyncio.sleep(pause)
        raise PlaceError(f"{self.where}: {method} of {name or 'the list'}: {why}")

    async def _sent(self, method: str, sent: str, headers: dict[str, str], source: Path | bytes, sha256: str) -> Any:
        content, length = (source, len(source)) if isinstance(source, bytes) else (_stream(source), _size(source))
        if method == "PUT":
            headers |= {"if-none-match": "*"}
        told = {"content-length": str(length)} if method == "PUT" else {}  # else the library would send it in chunks
        request = self._client.build_request(method, sent, headers=told, content=content)
        whole = {"host": request.headers["host"], **headers}
        request.headers.update(signed(self._identity(), method, sent, whole, sha256, datetime.now(UTC)))
        seconds = _SECONDS if isinstance(source, bytes) else _UPLOAD_SECONDS
        return await exchange(self._client, request, seconds=seconds)

    def _identity(self) -> Identity:
        """Return who we are; secrets are read now, as their files may have changed. Raises PlaceError."""
        settings = self._settings
        try:
            secret = settings.secret_key.value() if settings.secret_key else ""
            token = settings.session_token.value() if settings.session_token else ""
        except OSError as error:
            raise PlaceError("the file of a key of S3 cannot be read") from error
        return Identity(settings.access_key, secret, settings.region, token)


async def _digest(file: Path) -> str:
    return await asyncio.to_thread(digest, file)


async def _stream(file: Path) -> AsyncIterator[bytes]:
    for piece in pieces(file):
        yield piece


def _size(file: Path) -> int:
    return file.stat().st_size


def _code(body: bytes) -> str:
    """Return S3's own word for a refusal, as AccessDenied."""
    found = re.search(rb"<Code>([A-Za-z0-9]{1,64})</Code>", body)
    return f" {found[1].decode()}" if found else ""
