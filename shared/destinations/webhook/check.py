"""What `tidings doctor` says of a webhook: reach, TLS, credentials as far as OPTIONS shows them, and the clocks."""

from typing import Final

from shared.destinations.answer import Answer
from shared.destinations.finding import Finding
from shared.destinations.remedy import Remedy
from shared.destinations.tls_min import TlsMin
from shared.destinations.webhook.answers import SERVER_ERROR, UNAUTHORIZED
from shared.destinations.webhook.client import WebhookClient

_SECONDS: Final = 10.0
_CREDENTIALS: Final = "WEBHOOK_TOKEN, WEBHOOK_USERNAME and _PASSWORD, or WEBHOOK_HEADERS"
_REMEDY: Final = Remedy("WEBHOOK_URL", "WEBHOOK_CA_FILE", "WEBHOOK_TLS_MIN", _CREDENTIALS)


async def check(client: WebhookClient, tls_min: TlsMin) -> list[Finding]:
    """Return lines for people, each with whether it is good. Sends no event: a target has no other thing to be asked.

    `tls_min` is what the settings say.
    """
    return [*await _asked(client), *_REMEDY.allowed(tls_min)]


async def _asked(client: WebhookClient) -> list[Finding]:
    """What takes the events may answer anything to OPTIONS, so that only what is certainly wrong is called wrong."""
    answer = await client.ask(_SECONDS)
    if not isinstance(answer, Answer):
        return [(False, f"{client.origin}: cannot be used: {_REMEDY.to(answer.reason)}")]
    if answer.status >= SERVER_ERROR:
        return [(False, f"{client.origin}: reached, and it answers {answer.status}")]
    if answer.status in {*UNAUTHORIZED, 403}:
        wrong = _REMEDY.to(f"it refuses the credentials ({answer.status})")
        return [(False, f"{client.origin}: reached, and {wrong}")]
    unseen = (None, "whether it takes what is sent shows with the first event")
    return [(True, f"{client.origin}: reached"), unseen, *client.clocks()]
