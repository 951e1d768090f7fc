"""What `tidings doctor` says of a webhook: reach, TLS, credentials as far as OPTIONS shows them, and the clocks."""

import time
from email.utils import parsedate_to_datetime
from typing import Final

from shared.destinations.http import Answer
from shared.destinations.remedy import Remedy
from shared.destinations.webhook.answers import SERVER_ERROR, UNAUTHORIZED
from shared.destinations.webhook.client import WebhookClient
from shared.destinations.webhook.signature import TOLERANCE

_SECONDS: Final = 10.0
_CREDENTIALS: Final = "WEBHOOK_TOKEN, WEBHOOK_USERNAME and _PASSWORD, or WEBHOOK_HEADERS"
_REMEDY: Final = Remedy("WEBHOOK_URL", "WEBHOOK_CA_FILE", _CREDENTIALS)

Line = tuple[bool, str]


async def check(client: WebhookClient) -> list[Line]:
    """Return lines for people, each with whether it is good. Sends no event: a target has no other thing to be asked.

    What takes the events may answer anything to OPTIONS, so that only what is certainly wrong is called wrong.
    """
    answer = await client.ask(_SECONDS)
    if not isinstance(answer, Answer):
        return [(False, f"{client.origin}: cannot be used: {_REMEDY.to(answer.reason)}")]
    if answer.status >= SERVER_ERROR:
        return [(False, f"{client.origin}: reached, and it answers {answer.status}")]
    if answer.status in {*UNAUTHORIZED, 403}:
        wrong = _REMEDY.to(f"it refuses the credentials ({answer.status})")
        return [(False, f"{client.origin}: reached, and {wrong}")]
    reached = f"{client.origin}: reached; whether it takes what is sent shows with the first event"
    return [(True, reached), _clock(answer.headers.get("date", ""), signs=client.signs)]


def _clock(date: str, *, signs: bool) -> Line:
    """Compare clocks: a receiver refuses a signature that is older or younger than five minutes."""
    try:
        skew = time.time() - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return True, "the target does not tell its time: its clock could not be compared"
    if abs(skew) <= TOLERANCE:
        return True, "the clocks agree"
    ahead = "ahead of" if skew > 0 else "behind"
    refused = ": it refuses our signatures" if signs else ""
    return False, f"the clock here is {abs(skew):.0f} s {ahead} the target's{refused}"
