"""Each way to tell who sends: what it takes, what it refuses, and that no garbage of a header upsets it."""

import asyncio
import base64
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.auth.asked import MALFORMED, MISSING, UNAVAILABLE, WRONG, Asked, Denied, Finding, Known, Method
from shared.runtime.auth.basic import Basic
from shared.runtime.auth.credentials import Credentials, parse
from shared.runtime.auth.mtls import forwarded_name
from shared.runtime.auth.registry import METHODS, load
from shared.runtime.auth.secret_path import SecretPath
from shared.runtime.auth.settings import AuthSettings
from shared.runtime.auth.token import Token
from shared.settings.environment import Secret, SettingsError, read

FALCO, BOTKUBE = "f" * 20, "b" * 20
LINES = f"falco:{FALCO}\n\nbotkube: {BOTKUBE}\nfalco:{'g' * 20}\n"
EVERY = AuthSettings.model_validate(
    {
        "AUTH": "oidc,hmac,basic,token,mtls",
        "AUTH_TOKEN": LINES,
        "AUTH_TOKEN_HEADER": "X-Tidings-Token",
        "AUTH_BASIC": LINES,
        "AUTH_HMAC": LINES,
        "AUTH_SECRET_PATH": LINES,
        "AUTH_PROXIES": "127.0.0.0/8, fd00::/8",
        "AUTH_OIDC_AUDIENCE": "tidings",
        "AUTH_ALLOW": "*",
    }
)


def ask(method: Method, secret: str = "", peer: str = "", **headers: str) -> Finding:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return asyncio.run(method.ask(Asked(sent, secret=secret, peer=peer)))


@pytest.fixture
def token() -> Token:
    return Token(Credentials(Secret(LINES), "token"), "x-tidings-token")


def test_a_bearer_token_tells_the_sender_by_its_name(token: Token) -> None:
    assert ask(token, authorization=f"Bearer {FALCO}") == Known("falco")
    assert ask(token, authorization=f"bearer  {BOTKUBE} ") == Known("botkube")


def test_two_secrets_of_one_sender_both_count_while_one_replaces_the_other(token: Token) -> None:
    assert ask(token, authorization=f"Bearer {'g' * 20}") == Known("falco")


def test_a_header_of_the_senders_own_holds_the_token_alone(token: Token) -> None:
    assert ask(token, x_tidings_token=FALCO) == Known("falco")
    assert ask(token, x_other_token=FALCO) == MISSING


@pytest.mark.parametrize("wrong", [FALCO[:-1], FALCO + "f", "falco", f"falco:{FALCO}", "ö"])
def test_what_is_nearly_a_token_is_none(token: Token, wrong: str) -> None:
    assert ask(token, authorization=f"Bearer {wrong}") == WRONG


def test_no_token_and_another_scheme_are_no_wrong_token(token: Token) -> None:
    assert ask(token) == ask(token, authorization="Bearer ") == ask(token, authorization="Basic eA==") == MISSING


def test_one_secret_without_a_name_goes_by_its_methods_name() -> None:
    assert ask(Token(Credentials(Secret(FALCO), "token")), authorization=f"Bearer {FALCO}") == Known("token")


def test_a_password_is_told_with_its_name() -> None:
    method = Basic(Credentials(Secret(LINES), "basic"))

    def pair(text: str) -> str:
        return "Basic " + base64.b64encode(text.encode()).decode()

    assert ask(method, authorization=pair(f"falco:{FALCO}")) == Known("falco")
    assert ask(method, authorization=pair(f"botkube:{FALCO}")) == WRONG
    assert ask(method, authorization=pair("falco:")) == WRONG
    assert ask(method, authorization=pair("falco")) == MALFORMED
    assert ask(method, authorization="Basic ä") == ask(method, authorization="Basic a") == MALFORMED
    assert ask(method, authorization=f"Bearer {FALCO}") == ask(method) == MISSING


def test_a_secret_path_is_compared_whole() -> None:
    method = SecretPath(Credentials(Secret(LINES), "secret-path"))
    assert ask(method, secret=BOTKUBE) == Known("botkube")
    assert ask(method, secret=f"{BOTKUBE}/") == ask(method, secret=BOTKUBE[1:]) == WRONG
    assert ask(method) == MISSING


@pytest.mark.parametrize("text", ["", "short", "falco:short", f":{FALCO}", f"falco:{FALCO}\nx", "\n\n"])
def test_secrets_that_anybody_could_guess_are_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ValueError, match="secret") as caught:
        parse(text, "token")
    assert FALCO not in str(caught.value)
    assert "short" not in str(caught.value)


def test_a_file_of_secrets_is_read_again_when_it_changes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "token"
    file.write_text(FALCO)
    method = Token(Credentials(Secret(path=file), "token"))
    assert ask(method, authorization=f"Bearer {FALCO}") == Known("token")
    (tmp_path / "next").write_text(BOTKUBE)
    (tmp_path / "next").replace(file)
    assert ask(method, authorization=f"Bearer {FALCO}") == WRONG
    assert ask(method, authorization=f"Bearer {BOTKUBE}") == Known("token")
    with caplog.at_level(logging.ERROR):
        for content in ("short", None):
            if content is None:
                file.unlink()
            else:
                (tmp_path / "next").write_text(content)
                (tmp_path / "next").replace(file)
            for _ in range(3):  # our own fault is no sender's: 503, which a broker repeats
                assert ask(method, authorization=f"Bearer {BOTKUBE}") == UNAVAILABLE
    assert UNAVAILABLE.status == 503
    assert len(caplog.records) == 2, "once, not for each request"
    assert "short" not in caplog.text


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("By=spiffe://a/b;Hash=ab12;URI=spiffe://cluster.local/sa/falco", "spiffe://cluster.local/sa/falco"),
        ('Hash=1;Subject="CN=falco,O=shop";DNS=falco.example;DNS=other.example', "falco.example"),
        ('Hash=1;Subject="O=shop,CN=falco"', "falco"),
        (r'Hash=1;Cert="a,b;URI=spoofed";Subject="CN=a\"b"', 'a"b'),
        ("URI=spiffe://forged,By=x;URI=spiffe://nearest", "spiffe://nearest"),
        ('Subject="CN=x,URI=spiffe://forged"', "x"),
        ("Hash=1", ""),
        ("", ""),
        ("=;=;,", ""),
    ],
)  # fmt: skip
def test_of_a_forwarded_certificate_the_nearest_proxys_word_counts(header: str, name: str) -> None:
    assert forwarded_name(header) == name


@pytest.mark.parametrize("peer", ["127.0.0.6", "::ffff:127.0.0.1", "fd00::1"])
def test_a_forwarded_certificate_is_believed_from_a_named_network(peer: str) -> None:
    assert ask(load("mtls", EVERY), peer=peer, x_forwarded_client_cert="URI=spiffe://x") == Known("spiffe://x")
    assert ask(load("mtls", EVERY), peer=peer, x_forwarded_client_cert="Hash=1") == MALFORMED


@pytest.mark.parametrize("peer", ["10.0.0.1", "", "unix:", "fe80::1%eth0", "2001:db8::1"])
def test_a_forwarded_certificate_from_anywhere_else_is_none(peer: str) -> None:
    assert ask(load("mtls", EVERY), peer=peer, x_forwarded_client_cert="URI=spiffe://x") == MISSING


def test_nobodys_forwarded_certificate_is_believed_where_no_network_is_named() -> None:
    method = load("mtls", AuthSettings())
    assert ask(method, peer="127.0.0.1", x_forwarded_client_cert="URI=spiffe://x") == MISSING


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [
        ({"subject": ((("commonName", "falco"),),)}, Known("falco")),
        ({"subject": (), "subjectAltName": (("DNS", "a"), ("URI", "spiffe://x"))}, Known("spiffe://x")),
        ({"subject": ((("commonName", "falco"),),), "subjectAltName": (("DNS", "a"),)}, Known("a")),
        ({"subject": ()}, MALFORMED),
    ],
)
def test_a_certificate_of_our_own_tls_names_the_sender(certificate: dict[str, object], expected: Finding) -> None:
    assert asyncio.run(load("mtls", EVERY).ask(Asked({}, certificate=certificate))) == expected


NAMES = st.sampled_from(
    ["authorization", "x-tidings-token", "webhook-id", "webhook-timestamp", "webhook-signature",
     "x-forwarded-client-cert"]
)  # fmt: skip
PREFIXES = st.sampled_from(["", "Bearer ", "Basic ", "v1,", "URI=", "e30.e30.", "eyJhbGciOiJSUzI1NiJ9."])
VALUES = st.builds(str.__add__, PREFIXES, st.text() | st.text("abcdefghijklmnopqrstuvwxyzABCDEF0123456789=._-,; "))


@pytest.mark.parametrize("name", METHODS)
def test_every_method_can_be_loaded_by_its_name(name: str) -> None:
    assert ask(load(name, EVERY)) == MISSING


@given(headers=st.dictionaries(NAMES, VALUES), secret=st.text(), peer=st.text())
def test_no_garbage_of_a_header_raises_or_lets_anybody_in(headers: dict[str, str], secret: str, peer: str) -> None:
    for name in METHODS:
        found = asyncio.run(load(name, EVERY).ask(Asked(headers, secret=secret, peer=peer)))
        assert isinstance(found, Denied), name


def test_the_settings_read_secrets_from_files(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(LINES)
    settings = read(AuthSettings, {"AUTH": "token", "AUTH_TOKEN_FILE": str(file)})
    assert settings.methods() == {"": ("token",)}
    assert FALCO not in repr(settings)


TOKENLIKE = "short-one-in-the-wrong-place"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"AUTH": "secret-path"}, "AUTH: takes none alone"),
        ({"AUTH": "none,token", "AUTH_TOKEN": FALCO}, "AUTH: takes none alone"),
        ({"AUTH_FALCO": "tokn"}, "AUTH_FALCO: takes none alone"),
        ({"AUTH_FALCO": TOKENLIKE}, "AUTH_FALCO: takes none alone"),
        ({"AUTH_TOKEN": "short-one"}, "AUTH_TOKEN: has a line"),
        ({"AUTH_ALLOW": "falco paths=/x"}, "AUTH_ALLOW: takes SENDER"),
        ({"AUTH_PROXIES": "10.0.0.300"}, "AUTH_PROXIES: '10.0.0.300' does not appear"),
        ({"AUTH_OIDC_ISSUER": "http://issuer.example"}, "AUTH_OIDC_ISSUER: must be https"),
        ({"AUTH_OIDC_ISSUER": "https://169.254.169.254"}, "AUTH_OIDC_ISSUER: must not name an address"),
        ({"AUTH_OIDC_ISSUER": "http://kubernetes.default.svc"}, "AUTH_OIDC_ISSUER: must be https"),
        ({"AUTH_TOKEN_HEADER": "x:y"}, "AUTH_TOKEN_HEADER: String should match"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_told_without_a_secret(settings: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(AuthSettings, settings)
    assert [problem[: len(told)] for problem in caught.value.problems] == [told]
    assert "short-one" not in str(caught.value)
