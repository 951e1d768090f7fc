"""Tokens of an issuer: whose they are, whom they are for, how long they count, and who may have signed them."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.runtime.auth.asked import MALFORMED, Asked, Denied, Finding, Known
from shared.runtime.auth.discovery import public_keys
from shared.runtime.auth.keys import Keys, KeySet
from shared.runtime.auth.oidc import Oidc
from tests.support.examples import examples
from tests.support.senders import AUDIENCE, EC, OTHER_RSA, RSA, SUBJECT, Issuer, jwk, part

ISSUER = Issuer()
KEYS = KeySet(ISSUER.url, public_keys({"keys": [*ISSUER.keys, jwk(OTHER_RSA, "three", "RS512")]}))


def tell(token: str) -> Finding:
    async def fetch() -> KeySet:
        return KEYS

    return asyncio.run(Oidc(Keys(fetch), AUDIENCE).ask(Asked({"authorization": f"Bearer {token}"})))


@pytest.mark.parametrize(
    "token",
    [
        ISSUER.sign,
        lambda: ISSUER.sign(EC, "ES256", "two"),
        lambda: ISSUER.sign(OTHER_RSA, "RS512", "three"),
        lambda: ISSUER.sign(key_id=None),
        lambda: ISSUER.sign(OTHER_RSA, "RS256", None),
        lambda: ISSUER.sign(aud=["someone", AUDIENCE]),
        lambda: ISSUER.sign(aud=AUDIENCE),
        lambda: ISSUER.sign(nbf=None, iat=None),
    ],
)
def test_a_good_token_tells_its_subject(token: Callable[[], str]) -> None:
    assert tell(token()) == Known(SUBJECT)


def test_clocks_may_differ_by_a_minute_and_no_more() -> None:
    now = int(time.time())
    assert tell(ISSUER.sign(exp=now - 50)) == Known(SUBJECT)
    assert tell(ISSUER.sign(nbf=now + 50, iat=now + 50)) == Known(SUBJECT)
    assert tell(ISSUER.sign(exp=now - 70)) == Denied("expired")
    assert tell(ISSUER.sign(nbf=now + 70)) == Denied("not_yet")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": ["someone"]}, "audience"),
        ({"aud": []}, "audience"),
        ({"aud": f"{AUDIENCE}/more"}, "audience"),
        ({"aud": None}, "claims"),
        ({"iss": "https://kubernetes.default.svc"}, "issuer"),
        ({"iss": None}, "claims"),
        ({"exp": None}, "claims"),
        ({"exp": "soon"}, "malformed"),
        ({"sub": None}, "claims"),
        ({"sub": ""}, "claims"),
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(changes: dict[str, Any], reason: str) -> None:
    found = tell(ISSUER.sign(**changes))
    assert isinstance(found, Denied)
    assert found.reason in {reason, "claims"}
    assert found.status == 401


def test_f50_a_token_without_a_signature_is_refused() -> None:
    """F50: valid JWT, wrong audience / other namespace's SA / expired / alg=none: 401/403."""
    claims = part(ISSUER.claims())
    for algorithm in ("none", "None", "NONE", ""):
        for signature in ("", "AAAA"):
            assert tell(f"{part({'alg': algorithm, 'kid': 'one'})}.{claims}.{signature}") == MALFORMED
    assert tell(f"{part({'kid': 'one'})}.{claims}.AAAA") == MALFORMED


def test_f50_the_public_key_is_no_secret_to_sign_with() -> None:
    """F50: valid JWT, wrong audience / other namespace's SA / expired / alg=none: 401/403."""
    pem = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head, body = part({"alg": "HS256", "kid": "one", "typ": "JWT"}), part(ISSUER.claims())
    signature = jwt.utils.base64url_encode(
        jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(f"{head}.{body}".encode(), pem)
    ).decode()
    assert tell(f"{head}.{body}.{signature}") == MALFORMED


def test_a_signature_of_another_key_or_algorithm_is_refused() -> None:
    assert tell(ISSUER.sign(OTHER_RSA)) == Denied("wrong")
    assert tell(ISSUER.sign(EC, "ES256", "one")) == Denied("key"), "an RSA key's id, an EC signature"
    assert tell(ISSUER.sign(RSA, "PS256")) == MALFORMED
    assert tell(ISSUER.sign(key_id="unknown")) == Denied("key")
    head, body, signature = ISSUER.sign().split(".")
    assert tell(f"{head}.{part(ISSUER.claims(sub='admin'))}.{signature}") == Denied("wrong")
    assert tell(f"{head}.{body}.{signature[:-4]}") in {Denied("wrong"), MALFORMED}


def test_a_header_that_must_be_understood_is_not() -> None:
    token = jwt.encode(ISSUER.claims(), RSA, "RS256", headers={"kid": "one", "crit": ["x"], "x": 1})
    assert tell(token) == MALFORMED


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        f"{part({'alg': 'RS256', 'kid': 7})}.e30.AAAA",
        f"{part({'alg': ['RS256']})}.e30.AAAA",
        "W10.e30.AAAA",
        "A" * 9000 + ".e30.AAAA",
        ("W1" * 2000) + ".e30.AAAA",
    ],
)
def test_what_is_no_token_is_refused_without_a_key(token: str) -> None:
    found = tell(token)
    assert isinstance(found, Denied)
    assert found.status == 401


PARTS = st.dictionaries(
    st.sampled_from(["alg", "kid", "typ", "b64", "jwk", "x5u", "exp", "aud"]),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.sampled_from(["RS256", "ES256", "one", "two", "none"])
        | st.text(),
        st.lists,
        max_leaves=4,  # it is the members that matter
    ),
    max_size=6,
)


@settings(max_examples=examples(60))
@given(PARTS, PARTS, st.binary(max_size=300))
def test_no_token_that_nobody_signed_gets_in_or_raises(head: dict[str, Any], body: dict[str, Any], end: bytes) -> None:
    token = f"{part({'alg': 'RS256', **head})}.{part(body)}.{jwt.utils.base64url_encode(end).decode()}"
    assert isinstance(tell(token), Denied)
