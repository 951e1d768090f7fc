"""Signed webhooks: over the body as it came, within their time, once."""

import asyncio
import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.auth.asked import MALFORMED, MISSING, WRONG, Asked, Denied, Finding, Known, Signed
from shared.runtime.auth.credentials import Credentials
from shared.runtime.auth.signature import Seen, Signature
from shared.settings.environment import Secret
from tests.support.senders import webhook

KEY = "a-secret-of-some-length"
BODY = b'{"a": 1}\r\n'
NOW = 1_800_000_000.0


def method(secret: str = KEY, remembered: int = 100) -> Signature:
    return Signature(Credentials(Secret(secret), "hmac"), now=lambda: NOW, remembered=remembered)


def tell(signature: Signature, headers: dict[str, str], body: bytes = BODY) -> Finding:
    found = asyncio.run(signature.ask(Asked(headers)))
    return found.check(body) if isinstance(found, Signed) else found


def test_the_specifications_own_example_is_signed() -> None:
    """A vector that another implementation made (the `standardwebhooks` package 1.1.0)."""
    key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    signature = Signature(Credentials(Secret(key), "hmac"), now=lambda: 1614265330.0)
    assert tell(signature, headers, b'{"test": 2432232314}') == Known("hmac")


def test_the_body_counts_as_it_came() -> None:
    headers = webhook(KEY.encode(), BODY, at=NOW)
    assert tell(method(), headers, BODY) == Known("hmac")
    assert tell(method(), headers, BODY.replace(b" ", b"")) == WRONG
    assert tell(method(), headers, b"") == WRONG
    assert tell(method(), webhook(KEY.encode(), b"", at=NOW), b"") == Known("hmac")


def test_another_secret_time_or_id_does_not_sign() -> None:
    headers = webhook(KEY.encode(), BODY, at=NOW)
    assert tell(method("another-secret-of-length"), headers) == WRONG
    assert tell(method(), {**headers, "webhook-id": "msg_2"}) == WRONG
    assert tell(method(), {**headers, "webhook-timestamp": str(int(NOW) + 1)}) == WRONG


def test_one_of_several_signatures_is_enough_as_while_a_key_is_changed() -> None:
    headers = webhook(KEY.encode(), BODY, at=NOW)
    good = headers["webhook-signature"]
    for several in (f"v1,AAAA v1a,x {good}", f"{good} v2,zzz"):
        assert tell(method(), {**headers, "webhook-signature": several}) == Known("hmac")
    assert tell(method(), {**headers, "webhook-signature": "v1,AAAA " * 9 + good}) == WRONG


@pytest.mark.parametrize(("seconds", "known"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_a_message_counts_within_five_minutes(seconds: int, known: bool) -> None:  # noqa: FBT001
    found = tell(method(), webhook(KEY.encode(), BODY, at=NOW + seconds))
    assert found == (Known("hmac") if known else Denied("stale"))


def test_a_message_counts_once_and_one_that_was_forged_uses_nothing_up() -> None:
    signature = method()
    headers = webhook(KEY.encode(), BODY, at=NOW)
    assert tell(signature, headers, b"forged") == WRONG
    assert tell(signature, headers) == Known("hmac")
    assert tell(signature, headers) == Denied("replayed")
    assert tell(signature, webhook(KEY.encode(), BODY, at=NOW + 1)) == Known("hmac"), "sent again, signed again"


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-timestamp": "\N{ARABIC-INDIC DIGIT ONE}"},
        {"webhook-id": ""},
        {"webhook-id": "x" * 300},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,ä"},
        {"webhook-signature": "v1a,AAAA"},
    ],
)
def test_what_is_no_signed_message_is_refused_before_its_body_is_read(changes: dict[str, str]) -> None:
    headers = {**webhook(KEY.encode(), BODY, at=NOW), **changes}
    assert asyncio.run(method().ask(Asked(headers))) == MALFORMED


def test_nothing_signed_is_nothing_said() -> None:
    assert tell(method(), {"webhook-id": "x"}) == MISSING


def test_a_key_may_be_given_as_base64() -> None:
    key = bytes(range(32))
    written = f"whsec_{base64.b64encode(key).decode()}"
    assert tell(method(f"shop:{written}"), webhook(key, BODY, at=NOW)) == Known("shop")
    assert tell(method("whsec_this is no base64 at all"), webhook(b"whsec_this is no base64 at all", BODY, at=NOW)) == (
        Known("hmac")
    )


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 1000)), max_size=60), st.integers(1, 8))
def test_what_was_seen_is_bounded_and_never_counts_twice(messages: list[tuple[int, int]], most: int) -> None:
    seen = Seen(most)
    taken = [(name, at) for name, at in messages if seen.first(b"%d.%d" % (name, at), at)]
    assert len(taken) == len(set(taken))
    assert len(seen._times) <= most


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 50), st.booleans()), max_size=60), st.integers(1, 8))
def test_what_was_forgotten_may_come_again_and_nothing_else(messages: list[tuple[int, int, bool]], most: int) -> None:
    seen = Seen(most)
    counted: set[bytes] = set()
    for name, at, again in messages:
        message = b"%d.%d" % (name, at)
        if seen.first(message, at):
            assert message not in counted
            counted.add(message)
            if again:
                seen.forget(message)
                counted.discard(message)
        assert len(seen._times) <= most


def test_a_message_that_was_forgotten_is_the_first_again() -> None:
    seen = Seen(2)
    assert seen.first(b"a", 1)
    seen.forget(b"a")
    seen.forget(b"never there")
    assert seen.first(b"a", 1)
    assert not seen.first(b"a", 1)
