"""The answer of an OAuth server that gives an access token (RFC 6749 §5.1)."""

from shared.destinations.answer import Answer
from shared.settings.http import is_token

_EARLY = 60.0
"""Seconds before its end at which a token is renewed."""


def access_token(answer: Answer, usual: float) -> tuple[str, float] | None:
    """Return the token and the seconds after which it is to be renewed, None where no usable one was given.

    `usual` is how many seconds it lives where the answer does not say.
    """
    body = answer.json if isinstance(answer.json, dict) else {}
    token = body.get("access_token")
    if answer.status != 200 or not isinstance(token, str) or not token or not is_token(token):  # noqa: PLR2004
        return None
    expires = body.get("expires_in")
    life = float(expires) if isinstance(expires, int | float) else usual
    return token, max(life - _EARLY, life / 2)
