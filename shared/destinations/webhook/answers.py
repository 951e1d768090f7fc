"""What a target's answer means: taken, not now, or never."""

from typing import Any, Final

from shared.delivery.failure import Ambiguous, Failure, Refused, Temporary
from shared.destinations.answer import Answer, retry_after
from shared.destinations.webhook.record import ANY, Success
from shared.events.outcome import Rejected

CREDENTIALS: Final = Temporary("the credentials are refused", after=60.0)
FORBIDDEN: Final = Temporary("the target does not allow this request")
"""Of one request: what guards a target may dislike a body, and knows nothing of the others."""
UNAUTHORIZED: Final = frozenset({401, 407})
_FORBIDDEN: Final = 403
SERVER_ERROR: Final = 500
_WAIT: Final = frozenset({425, 429, 503})  # they said that they did nothing
_UNSURE: Final = frozenset(
    {408, 409}
)  # 409: the same key is being worked on (draft-ietf-httpapi-idempotency-key-header)
_NEVER: Final = {
    404: "the target does not know the address",
    410: "the target does not know the address any more",
    413: "the request is larger than the target takes",
}
_SAID: Final = "the target answers {}"
_AGAIN: Final = frozenset(_SAID.format(status) for status in (408, 409, 425, *range(500, 600)))
_TAKEN: Final = range(200, 300)


def judge(answer: Answer, success: Success) -> Failure | None:
    """Return None where the request was taken, by its status and by what its body must say."""
    status = answer.status
    if status in _TAKEN:
        taken = any(status in codes for codes in success.status) and _says(answer, success)
        return None if taken else Ambiguous("the answer is not the one that means success")
    if status in UNAUTHORIZED:
        return CREDENTIALS
    if status == _FORBIDDEN:
        return FORBIDDEN
    if status in _WAIT or status in _UNSURE or status >= SERVER_ERROR:
        return _later(status, retry_after(answer.headers))
    return Refused(_NEVER.get(status, "the target refuses the request"))


def may_help(failure: Failure | Rejected | None) -> bool:
    """Return True where a second try may help at once: they failed, and did not say when to come again."""
    after = failure.after if isinstance(failure, Temporary) else None
    again = isinstance(failure, Temporary | Ambiguous) and failure.reason in _AGAIN
    return again and after is None


def _later(status: int, after: float | None) -> Temporary | Ambiguous:
    reason = _SAID.format(status)
    return Temporary(reason, after) if status in _WAIT or after is not None else Ambiguous(reason)


def _says(answer: Answer, success: Success) -> bool:
    """Return True where the body says what it must; a page for people never does where nothing was asked for."""
    if success.text and answer.body.strip() != success.text.encode():
        return False
    if success.json is not None:
        return _holds(answer.json, success.json)
    return bool(success.text) or "html" not in answer.headers.get("content-type", "").lower()


def _holds(value: Any, wanted: Any) -> bool:
    """Return True where a JSON value is as the mapping wants it; of a list each member must be, and one must be there.

    A text names the values that will do, as `inserted|updated`, or after `!` those that will not.
    """
    if isinstance(value, list):
        return bool(value) and all(_holds(member, wanted) for member in value)
    if isinstance(wanted, dict):
        return isinstance(value, dict) and all(_holds(value.get(name), inner) for name, inner in wanted.items())
    if wanted == ANY:
        return value not in (None, "", {})
    text = _spelt(wanted)
    return (_spelt(value) in text.removeprefix("!").split("|")) is not text.startswith("!")


def _spelt(value: Any) -> str:
    return "true" if value is True else "false" if value is False else str(value)
