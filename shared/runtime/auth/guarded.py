"""An app behind the gate: nothing of it runs, and no body is read, before it is known who sends."""

from typing import Final

from shared.events.limits import DEFAULT
from shared.runtime.asgi import (
    SENDER,
    App,
    BodyTooLargeError,
    BodyTooSlowError,
    ClientDisconnectedError,
    HeaderList,
    Message,
    Receive,
    Scope,
    Send,
    answer_error,
    discard,
    flat_headers,
    read_body,
)
from shared.runtime.auth.asked import Asked, Denied
from shared.runtime.auth.gate import Admitted, Gate, Pending, Place
from shared.runtime.paths import status_of_later
from shared.runtime.request import Refusal, has_too_many_headers

_BODY_SECONDS: Final = 10.0
_DISCARD_SECONDS: Final = 1.0
_TOO_MANY: Final = 429
_OURS: Final = 500
_SIGNED_AT_ONCE: Final = 32
"""Bodies of 1 MiB at most that wait for their signature: memory that a stranger can make us use."""


class Guarded:
    """An ASGI app that asks the gate first. The app below finds the sender in its scope, and no secret in its path."""

    def __init__(self, app: App, gate: Gate) -> None:
        self._app = app
        self._gate = gate
        self._signed = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope (ASGI 3)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        root = scope.get("root_path", "")
        place = self._gate.place(scope["method"], scope["path"].removeprefix(root) or "/")
        if place is None:
            await self._app(scope, receive, send)
            return
        if has_too_many_headers(scope, DEFAULT):
            await _answer(scope, receive, send, Refusal(431, "too many or too large headers"))
            return
        admitted = await self._gate.admit(place, _asked(scope, place))
        if isinstance(admitted, Pending):
            await self._signed_body(place, admitted, scope, receive, send)
        elif isinstance(admitted, Denied):
            await self._deny(place, admitted, scope, receive, send)
        else:
            await self._app(_known(scope, root, place, admitted), receive, send)

    async def _signed_body(self, place: Place, pending: Pending, scope: Scope, receive: Receive, send: Send) -> None:
        if self._signed >= _SIGNED_AT_ONCE:
            await self._later(place, "too many requests at once", scope, receive, send)
            return
        self._signed += 1
        try:
            body = await read_body(receive, DEFAULT.body, _BODY_SECONDS)
        except ClientDisconnectedError:
            return
        except BodyTooLargeError:
            await _answer(scope, receive, send, Refusal(413, "too large"))
            return
        except BodyTooSlowError:
            await answer_error(send, 400, "the body did not arrive in time", [("connection", "close")])
            return
        finally:
            self._signed -= 1
        admitted = pending.complete(body)
        if isinstance(admitted, Denied):
            await self._deny(place, admitted, scope, receive, send)
        else:
            known = _known(scope, scope.get("root_path", ""), place, admitted)
            await self._app(known, _again(body, receive), _forgetting(pending, send))

    async def _deny(self, place: Place, denied: Denied, scope: Scope, receive: Receive, send: Send) -> None:
        if denied.status == 503:  # noqa: PLR2004
            await self._later(place, denied.text, scope, receive, send)
            return
        asked = self._gate.challenges(place) if denied.status == 401 else []  # noqa: PLR2004
        headers = [("www-authenticate", challenge) for challenge in asked]
        await _answer(scope, receive, send, Refusal(denied.status, denied.text), headers)

    @staticmethod
    async def _later(place: Place, reason: str, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = Refusal(status_of_later(place.path), reason)
        await _answer(scope, receive, send, refusal, [("retry-after", "1")])


def _asked(scope: Scope, place: Place) -> Asked:
    client = scope.get("client")
    return Asked(
        flat_headers(scope),
        secret=place.secret,
        peer=client[0] if client else "",
        certificate=scope.get("state", {}).get("certificate"),
    )


def _known(scope: Scope, root: str, place: Place, admitted: Admitted) -> Scope:
    """Return the scope for the app below: with the sender, and without the secret that was in the path."""
    path = root + place.path
    return {**scope, SENDER: admitted, "path": path, "raw_path": path.encode("utf-8", "surrogatepass")}


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what receives a body that was read before, and then what comes after it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return messages.pop() if messages else await receive()

    return received


def _forgetting(pending: Pending, send: Send) -> Send:
    """Return what sends an answer, and before one that means "come again" lets the same message do so."""

    async def sent(message: Message) -> None:
        status = message.get("status", 0)  # which the answer's start alone has
        if status == _TOO_MANY or status >= _OURS:
            pending.forget()
        await send(message)

    return sent


async def _answer(scope: Scope, receive: Receive, send: Send, refusal: Refusal, headers: HeaderList = ()) -> None:
    """Refuse and close. What was sent already is read and forgotten within the limit, or the sender sees no answer.

    Who waits to be told to go on with the body is not told to.
    """
    if all(name != b"expect" for name, _ in scope["headers"]):
        await discard(receive, DEFAULT.body, _DISCARD_SECONDS)
    await answer_error(send, refusal.status, refusal.reason, [("connection", "close"), *headers])
