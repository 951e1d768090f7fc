"""The client: one request an event, with who we are, the key by which copies are known, and the signature."""

import asyncio
import base64
import time
from collections.abc import Callable, Mapping
from typing import Final, Generic, TypeVar
from urllib.parse import SplitResult, urlsplit

from shared.delivery.failure import Ambiguous, Failure, Refused, Temporary
from shared.destinations.again import again
from shared.destinations.answer import Answer
from shared.destinations.bucket import each_second
from shared.destinations.finding import Finding
from shared.destinations.http import exchange, naming, new_client
from shared.destinations.refusals import Refusals
from shared.destinations.webhook.answers import CREDENTIALS, judge, may_help
from shared.destinations.webhook.record import Asked, Place, body_of
from shared.destinations.webhook.settings import WebhookSettings, headers_of
from shared.destinations.webhook.signature import keys_of, signed
from shared.events.outcome import Rejected
from shared.settings.environment import Secret
from shared.settings.http import is_token
from shared.telemetry.metrics import Metrics

T = TypeVar("T")

UNREADABLE: Final = Temporary("the credentials cannot be read", after=10.0)
_MOVED: Final = Temporary("WEBHOOK_URL names another host now: start again", after=60.0)
_SHORT: Final = 1.0  # seconds left below which no second try is made


class WebhookClient:
    """One target. Belongs to one event loop."""

    def __init__(
        self, settings: WebhookSettings, metrics: Metrics, name: str, clock: Callable[[], float] = time.time
    ) -> None:
        """Build it without I/O. Raises SettingsError for a CA file that cannot be used."""
        self._settings = settings
        self._metrics = metrics
        self._name = name
        self._clock = clock
        self._target = Followed(settings.url, Target)
        self._keys = Followed(settings.secret, keys_of)
        self._headers = Followed(settings.headers, headers_of)
        self.origin = Target(settings.url.value()).origin
        """Scheme, host and port of the target: all of its URL that may be shown, and where alone is sent."""
        with naming("WEBHOOK_CA_FILE"):
            self._client = new_client(
                self.origin,
                ca_file=settings.ca_file,
                tls_min=settings.tls_min,
                connections=settings.connections,
                told=self._address_refused,
                bucket=each_second(settings.requests_per_second),
            )
        self._refusals = Refusals()

    def clocks(self) -> list[Finding]:
        """Return what `tidings doctor` says of the clocks: receivers refuse signatures that are minutes old."""
        signs = self._settings.secret is not None
        return self._client.clock.lines("receivers may refuse our signatures" if signs else "")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send(self, request: Asked, key: str, seconds: float) -> Failure | Rejected | None:
        """Send one request under a key; None once the target has taken it. Raises nothing for what others do."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        for last in (False, True):
            failure = await self._once(request, key, min(until - loop.time(), self._settings.seconds))
            if last or not may_help(failure) or until - loop.time() < _SHORT:
                break
            if not await again(self._client, self._metrics, self._name):
                break
        return failure

    async def ask(self, seconds: float) -> Answer | Temporary | Ambiguous | Refused:
        """Ask the target what it takes, which by RFC 9110 §9.3.7 changes nothing there."""
        try:
            target = self._target.now()
            headers, _ = self._credentials(Place())
        except (OSError, ValueError):
            return UNREADABLE
        assert target is not None  # noqa: S101 - the setting is required
        request = self._client.build_request("OPTIONS", target.path(""), headers=dict(headers))
        return await exchange(self._client, request, seconds=seconds)

    async def _once(self, request: Asked, key: str, seconds: float) -> Failure | Rejected | None:
        try:
            target = self._target.now()
            credentials, token = self._credentials(request.place)
            keys = self._keys.now()
        except (OSError, ValueError):  # a file that is gone, or holds what cannot be one any more
            self._client.standing.failed(UNREADABLE.reason)
            return UNREADABLE
        if target is None or target.origin != self.origin:
            return _MOVED
        if self._refusals.holds((credentials, token)):
            return CREDENTIALS
        content = body_of(request, token)
        if isinstance(content, Rejected):
            return content
        if len(content) > self._settings.max_bytes:
            return Refused("the request is larger than WEBHOOK_MAX_BYTES")
        headers: dict[str, str | bytes] = {name: text.encode() for name, text in request.headers.items()}
        headers |= credentials
        headers[self._settings.key_header.lower()] = key
        if keys:
            headers |= signed(keys, key, int(self._clock()), content)
        built = self._client.build_request(request.method, target.path(request.path), content=content, headers=headers)
        answer = await exchange(self._client, built, seconds=seconds)
        failure = judge(answer, request.success) if isinstance(answer, Answer) else answer
        if failure is CREDENTIALS:
            self._metrics.count("tidings_auth_failures_total", destination=self._name)
            self._refusals.note((credentials, token))
        return failure

    def _credentials(self, place: Place) -> tuple[Mapping[str, str], str]:
        """Return the headers that say who we are, and the token that belongs into the body.

        Raises OSError, ValueError.
        """
        settings = self._settings
        headers = dict(self._headers.now() or {})
        if settings.password is not None:
            pair = f"{settings.username}:{settings.password.value()}".encode()
            headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        if settings.token is None:
            return headers, ""
        token = settings.token.value()
        if not is_token(token):
            raise ValueError("no token")
        if place.member:
            return headers, token
        headers[place.header] = f"{place.scheme} {token}".strip()
        return headers, ""

    def _address_refused(self, why: str) -> None:
        self._metrics.count("tidings_addresses_refused_total", destination=self._name, why=why)


def shown(url: str, added: str = "") -> str:
    """Return a target's URL as it may be shown: of many, what follows the host is the credential."""
    target = Target(url)
    return f"{target.origin}{'/…' if target.path('') != '/' else ''}{added}"


class Followed(Generic[T]):
    """What is read of a secret's text, anew once the text changes."""

    def __init__(self, secret: Secret | None, read: Callable[[str], T]) -> None:
        self._secret = secret
        self._read = read
        self._text: str | None = None
        self._found: T | None = None

    def now(self) -> T | None:
        """Return it, None where there is no secret. Raises OSError for a file that is gone, ValueError for its text."""
        if self._secret is None:
            return None
        text = self._secret.value()
        if text != self._text:
            self._found, self._text = self._read(text), text
        return self._found


class Target:
    """The URL of the settings in its parts."""

    def __init__(self, url: str) -> None:
        self._parts: SplitResult = urlsplit(url)
        self.origin = f"{self._parts.scheme}://{self._parts.netloc}"

    def path(self, added: str) -> str:
        """Return path and query of a request: the setting's own, then what the mapping adds."""
        own, query = self._parts.path, self._parts.query
        below, _, asked = added.partition("?")
        whole = (f"{own.rstrip('/')}{below}" if below else own) or "/"
        queries = "&".join(part for part in (query, asked) if part)
        return f"{whole}?{queries}" if queries else whole
