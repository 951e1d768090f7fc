"""The receiver: looks at the token and the signature, keeps what came, and answers as the target of that path does."""

import base64
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass

from shared.local.standins.faults import Faults
from shared.local.standins.frame import Frame, Request, Response, json_response
from shared.local.standins.webhook import page, targets
from shared.local.standins.webhook.store import Kept, Store
from shared.runtime.asgi import Receive, Scope, Send

TOKEN = "tidings-webhook-token"  # noqa: S105 -- of a stand-in
SECRET = "whsec_dGlkaW5ncy13ZWJob29rLXN0YW5kLWlu"  # noqa: S105 -- of a stand-in
_TOLERANCE = 300.0
_MOST = 1_000_000
_SHOWN = 200
_SENDING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Options:
    """How this receiver is set up; may be replaced while it runs.

    `token` is wanted as a bearer token, where there is one; `secrets` are those of Standard Webhooks, of which one must
    have signed, where there are any; `key_header` names the key by which copies are known; `ahead` is how many seconds
    its clock is ahead.
    """

    token: str = TOKEN
    secrets: tuple[str, ...] = ()
    key_header: str = "idempotency-key"
    ahead: float = 0.0


class Receiver:
    """One receiver: an ASGI app, and what came."""

    def __init__(self, store: Store, options: Options, faults: Faults) -> None:
        self.options = options
        self.faults = faults
        self._store = store
        self._frame = Frame(self._handle, self._control, operation, faults)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        await self._frame(scope, receive, send)

    def notices(self, *, copies: bool = True) -> list[Kept]:
        """Return what was taken, in order; without `copies` only the first of each key."""
        return [one for one in self._store.latest(_MOST) if copies or not one["again"]]

    def count(self) -> int:
        """Return how many requests were taken."""
        return self._store.count()

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    def _handle(self, request: Request) -> Response:
        if request.method == "GET" and request.path == "/":
            return page.notices_page(self._store.latest(_SHOWN), self.count())
        refused = self._refused(request)
        if refused is not None:
            return refused
        if request.method == "OPTIONS":
            return Response(204, headers={"allow": "OPTIONS, POST"})
        if request.method not in _SENDING:
            return json_response(405, {"error": "method not allowed"})
        answer = targets.answer(request)
        if answer.status < 300:  # noqa: PLR2004 - taken
            key = request.headers.get(self.options.key_header, "")
            self._store.add(request.method, request.target, request.headers, key, request.body)
        return answer

    def _refused(self, request: Request) -> Response | None:
        options = self.options
        if options.token and not hmac.compare_digest(
            request.headers.get("authorization", "").encode(), f"Bearer {options.token}".encode()
        ):
            return json_response(401, {"error": "unauthorized"})
        signed = request.method == "OPTIONS" or not options.secrets
        if not signed and not is_signed(request.headers, request.body, options.secrets, time.time() + options.ahead):
            return json_response(400, {"error": "no signature that can be verified"})
        return None

    def _control(self, request: Request) -> Response:
        if request.method == "GET" and request.path == "/_standin/notices":
            rows = [{name: value for name, value in one.items() if name != "raw"} for one in self._store.latest(_SHOWN)]
            return json_response(200, {"count": self.count(), "notices": rows})
        return json_response(404, {"error": "no such control path"})


def is_signed(headers: Mapping[str, str], body: bytes, secrets: tuple[str, ...], now: float) -> bool:
    """Verify a signature as a receiver of Standard Webhooks does: any of the secrets, within five minutes."""
    key, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not key or not stamp.isdecimal() or abs(now - int(stamp)) > _TOLERANCE:
        return False
    content = f"{key}.{stamp}.".encode() + body
    for secret in secrets:
        digest = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), content, "sha256")
        wanted = f"v1,{base64.b64encode(digest).decode()}".encode()
        given = headers.get("webhook-signature", "").split(" ")
        if any(hmac.compare_digest(one.encode(), wanted) for one in given):
            return True
    return False


def new_app(database: str = ":memory:", *, options: Options | None = None, faults: Faults | None = None) -> Receiver:
    """Build a receiver on a database file or `:memory:`."""
    return Receiver(Store(database), options or Options(), faults or Faults())


def operation(request: Request) -> str:
    """Return what a request does, for fault rules and the log."""
    return "notice" if request.method in _SENDING else "other"
