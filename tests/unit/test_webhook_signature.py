"""Signatures of webhooks, verified by Standard Webhooks' own library, which we did not write."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from shared.destinations.webhook.signature import keys_of, signed
from shared.local.standins.webhook.app import is_signed

BYTES = st.binary(min_size=24, max_size=64)
TEXT = st.text(max_size=200).filter(lambda text: text.isprintable())


def secret(key: bytes) -> str:
    return f"whsec_{base64.b64encode(key).decode()}"


@given(BYTES, TEXT)
def test_their_library_and_our_stand_in_verify_what_we_sign(key: bytes, text: str) -> None:
    body, now = text.encode(), int(time.time())
    headers = dict(signed(keys_of(secret(key)), "episode-1", now, body))
    Webhook(secret(key)).verify(body, headers, json_parse=False)
    assert is_signed(headers, body, (secret(key),), now)


@given(BYTES, BYTES)
def test_during_a_rotation_either_secret_verifies(old: bytes, new: bytes) -> None:
    keys = keys_of(f"{secret(old)}\n{secret(new)}")
    headers = dict(signed(keys, "episode-1", int(time.time()), b"{}"))
    for one in (old, new):
        Webhook(secret(one)).verify(b"{}", headers, json_parse=False)
    assert len(headers["webhook-signature"].split(" ")) == 2


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", ""])
def test_what_was_changed_on_the_way_is_not_verified(name: str) -> None:
    key, now = secret(b"k" * 24), int(time.time())
    headers = dict(signed(keys_of(key), "episode-1", now, b"{}"))
    body = b"{}" if name else b"{ }"
    other = {"webhook-id": "episode-2", "webhook-timestamp": str(now - 1)}
    changed = {**headers, name: other[name]} if name else headers
    with pytest.raises(WebhookVerificationError):
        Webhook(key).verify(body, changed, json_parse=False)
    assert not is_signed(changed, body, (key,), time.time())


def test_a_signature_of_six_minutes_ago_is_not_verified() -> None:
    key, old = secret(b"k" * 24), int(time.time()) - 360
    headers = dict(signed(keys_of(key), "episode-1", old, b"{}"))
    with pytest.raises(WebhookVerificationError):
        Webhook(key).verify(b"{}", headers, json_parse=False)
    assert not is_signed(headers, b"{}", (key,), time.time())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "one secret"),
        ("a b c", "one secret"),
        ("dGlkaW5ncw==", "begin with whsec_"),
        ("whsec_!", "base64"),
        (secret(b"short"), "24 to 64 bytes"),
        (secret(b"x" * 65), "24 to 64 bytes"),
    ],
)
def test_a_secret_that_cannot_sign_is_refused_with_what_to_do(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        keys_of(text)
