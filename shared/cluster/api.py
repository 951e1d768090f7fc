"""One cluster's API server over HTTP: what can go wrong with it as few reasons, its answers whole or piece by piece."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from shared.cluster.access import Access, AccessError, Cluster
from shared.delivery.failure import Ambiguous, Refused, Temporary
from shared.destinations.answer import Answer, retry_after
from shared.destinations.http import Client, exchange, new_api_client
from shared.destinations.reading import BrokenAnswerError, Opened, opened

Why = Literal["credentials", "unreachable", "unauthenticated", "forbidden", "absent", "expired", "busy", "broken"]
"""What is wrong: `expired` is a version that the server no longer has, `busy` whatever may pass by itself."""

_BY_STATUS: dict[int, Why] = {401: "unauthenticated", 403: "forbidden", 404: "absent", 410: "expired"}
_HEAD_SECONDS = 15.0
_OK = 200
_GOOD = frozenset({200, 202, 204})


class ApiError(Exception):
    """A request to an API server had no use; `after` is when it wants to be asked again, in seconds."""

    def __init__(self, why: Why, detail: str = "", after: float = 0.0) -> None:
        super().__init__(f"{why}: {detail}" if detail else why)
        self.why = why
        self.after = after


def error_of(status: int, detail: str = "", after: float = 0.0) -> ApiError:
    """Return what an answer with this status means."""
    return ApiError(_BY_STATUS.get(status, "busy"), detail or f"status {status}", after)


class Api:
    """Speaks to one API server. The client is built anew where server, authorities or certificate changed."""

    def __init__(self, cluster: Cluster, connections: int) -> None:
        """`connections` may be open at once: one for each watch, and some for lists.

        `server` is its address, once it was asked; `date`, once it has answered, its time then.
        """
        self.cluster = cluster.name
        self.server = ""
        self.date: datetime | None = None
        self._read = cluster.read
        self._connections = connections
        self._access: Access | None = None
        self._client: Client | None = None

    async def get(self, path: str, params: Mapping[str, str | int] | None = None, *, seconds: float = 15.0) -> Any:
        """Return the JSON of a small answer. Raises ApiError."""
        return (await self._answer(await self._request(path, params or {}), seconds)).json

    async def text(self, path: str, params: Mapping[str, str | int], *, seconds: float = 15.0) -> str:
        """Return a small answer that is text, as a Pod's log. Raises ApiError."""
        return (await self._answer(await self._request(path, params), seconds)).body.decode("utf-8", "replace")

    async def post(self, path: str, headers: Iterable[tuple[str, str]], body: bytes, *, seconds: float = 15.0) -> None:
        """Send something through the API server, as its proxy of a Service passes it on. Raises ApiError."""
        await self._answer(await self._request(path, {}, "POST", dict(headers), body), seconds)

    async def ask(  # noqa: PLR0913 - what a request is
        self,
        method: str,
        path: str,
        params: Mapping[str, str | int] | None = None,
        body: bytes | None = None,
        kind: str = "application/json",
        *,
        seconds: float = 15.0,
    ) -> Answer | Temporary | Ambiguous | Refused:
        """Send a request and return its answer whatever its status, or how it failed: for who changes something.

        `kind` is the body's content type. Raises ApiError, `credentials`, before anything is sent.
        """
        headers = {"content-type": kind} if body is not None else None
        return await exchange(*await self._request(path, params or {}, method, headers, body), seconds=seconds)

    async def _answer(self, request: tuple[Client, Any], seconds: float) -> Answer:
        found = await exchange(*request, seconds=seconds)
        if not isinstance(found, Answer):
            raise ApiError("unreachable", found.reason)
        self.date = _date(found.headers.get("date", ""))
        if found.status not in _GOOD:
            raise error_of(found.status, after=retry_after(found.headers) or 0.0)
        return found

    @asynccontextmanager
    async def open(self, path: str, params: Mapping[str, str | int], *, seconds: float) -> AsyncIterator[Opened]:
        """Open an answer that is read as it comes, whole within `seconds`. Raises ApiError."""
        client, request = await self._request(path, params)
        try:
            async with opened(client, request, head=_HEAD_SECONDS, seconds=seconds) as found:
                if not isinstance(found, Opened):
                    raise ApiError("unreachable", found.reason)
                if found.status != _OK:
                    raise error_of(found.status, after=retry_after(found.headers) or 0.0)
                yield found
        except BrokenAnswerError as error:
            raise ApiError("broken", str(error)) from error

    async def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        client, self._client, self._access = self._client, None, None
        if client is not None:
            await client.aclose()

    async def _request(
        self,
        path: str,
        params: Mapping[str, str | int],
        method: str = "GET",
        more: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> tuple[Client, Any]:
        try:
            access = await asyncio.to_thread(self._read)
            client = await self._client_for(access)
        except (AccessError, OSError, ssl.SSLError) as error:
            text = str(error) if isinstance(error, AccessError) else "a certificate or key cannot be used"
            raise ApiError("credentials", text) from error
        headers = {**(more or {}), "accept": "application/json, */*;q=0.5"}
        if access.token:
            headers["authorization"] = f"Bearer {access.token}"
        request = client.build_request(method, path, params=dict(params), headers=headers, content=body)
        if access.server_name:
            request.extensions = {**request.extensions, "sni_hostname": access.server_name}
        return client, request

    async def _client_for(self, access: Access) -> Client:
        known = self._access
        self._access = access
        if self._client is not None and known is not None and _connection(known) == _connection(access):
            return self._client
        client = new_api_client(
            access.server,
            authorities=access.authorities,
            certificate=access.certificate,
            connections=self._connections,
        )
        before, self._client, self.server = self._client, client, access.server
        if before is not None:
            await before.aclose()  # streams that it carries break, and go on with the new one
        return client


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None


def _connection(access: Access) -> tuple[str, str, str, bytes]:
    return access.server, access.authorities, access.server_name, access.certificate
