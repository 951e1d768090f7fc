"""Requests are signed as AWS signs them: the examples that its documentation of S3 works out."""

from datetime import UTC, datetime

import pytest

from shared.archive.s3_signature import EMPTY, Identity, signed, target

# https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "Examples: Signature calculations".
WHO = Identity("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
NOW = datetime(2013, 5, 24, tzinfo=UTC)
HOST = {"host": "examplebucket.s3.amazonaws.com"}
EXAMPLES = [
    (
        *("GET", target("/test.txt"), {**HOST, "range": "bytes=0-9"}, EMPTY),
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    (
        *("PUT", target("/test$file.text")),
        {**HOST, "date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
        "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
    (
        *("GET", target("/", [("lifecycle", "")]), HOST, EMPTY),
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    (
        *("GET", target("/", [("prefix", "J"), ("max-keys", "2")]), HOST, EMPTY),
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
]


@pytest.mark.parametrize(("method", "sent", "headers", "sha256", "signature"), EXAMPLES)
def test_the_documented_signatures_come_out(
    method: str, sent: str, headers: dict[str, str], sha256: str, signature: str
) -> None:
    found = signed(WHO, method, sent, headers, sha256, NOW)
    assert found["authorization"].endswith(f",Signature={signature}")
    assert "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request" in found["authorization"]


def test_a_session_token_is_sent_and_signed() -> None:
    found = signed(Identity("a", "b", "eu-west-1", "token"), "GET", "/", HOST, EMPTY, NOW)
    assert found["x-amz-security-token"] == "token"
    assert "x-amz-security-token" in found["authorization"]


def test_a_path_is_encoded_once_and_as_it_is_sent() -> None:
    assert target("/bucket/a b/ä+~.gz") == "/bucket/a%20b/%C3%A4%2B~.gz"
    assert target("/", [("b", "2/ "), ("a", "ä")]) == "/?a=%C3%A4&b=2%2F%20"
