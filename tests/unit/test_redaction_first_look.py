"""The first look at a whole value spares the walk over its parts where nothing is hidden, and never hides anything."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events.redaction import MASK, _walk, redact
from shared.events.redaction_patterns import has_hints
from shared.events.redaction_texts import Redaction
from tests.support.tickets import episode

SENTINEL = "S3ntinel0123456789abcdefSENTINEL"

_texts = st.sampled_from(
    [
        *("", " ", "token", "password", "=", ":", "x1y2z3q4", '"', "'", "\\", "https://", "u:p", "@", "eyJabcdef", "."),
        *(
            "Bearer",
            "abcdefgh1",
            "\t",
            "\n",
            "\r",
            "\f",
            "\x01",
            "\x0b",
            "\x7f",
            "\0",
            "\u2028",
            "ü",
            "\u212a",
            "\u017f",
        ),
        *(
            "pass",
            "PWD",
            "auth",
            "signature",
            "-key",
            "_pwd",
            "&sig",
            "?sig",
            "%3D",
            "\\u003d",
            "\\u003D",
            "Cookie",
            "api-",
        ),
        *("-----BEGIN RSA PRIVATE KEY-----", "basic", "splunk", "ApiKey", "--", "-", "a", "0", "A" * 16, "b" * 300),
        *("curl", "mysql", "sshpass -p", "redis-cli", " -u", " -a ", " -p", "hooks.slack.com/", ".com/api/webhooks/"),
        *("name", "key", "discord", "userData", "network_data", "base64"),
        *("AKIA", "ghp_", "xoxb-", "glpat-", "npm_", "AIza", "hvs.", "sha256~", "env", "data", "kind", "Secret", "/"),
        *(
            "managedFields",
            "kubectl.kubernetes.io/last-applied-configuration",
            "authorization.k8s.io/decision",
            "authorization.k8s.io/",
            "reason",
            "stringData",
            "metadata",
            "type",
            "value",
        ),
    ]
)
_words = st.lists(_texts, max_size=6).map("".join)


def _grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=4) | st.dictionaries(_words, inner, max_size=4)


@settings(max_examples=600, deadline=None)
@given(st.recursive(_words | st.integers(-5, 5) | st.booleans() | st.none(), _grown, max_leaves=10))
def test_a_first_look_at_the_whole_masks_what_a_look_at_each_part_would(value: Any) -> None:
    """The first searches may only spare work: a value walked with every text searched gives the same.

    Long keys, escapes in keys and texts, letters that only fold into ASCII: what JSON spells in another way, and what a
    search for words could miss.
    """
    assert redact(value)[0] == _walk(value, (), Redaction())


@given(_words, _words)
def test_no_text_is_judged_harmless_that_would_be_masked_by_itself(text: str, key: str) -> None:
    for value in (text, [text], {"a": text}, {key: "x"}, {key: [text]}, {"args": [text, key]}):
        assert redact(value)[0] == _walk(value, (), Redaction())


@pytest.mark.parametrize("key", ["userData", "userData-", "user__data", "_network.data", "network-data-base64."])
def test_a_key_that_names_a_boot_script_is_seen_however_it_is_parted(key: str) -> None:
    assert redact({key: SENTINEL})[0] == {key: MASK}


@pytest.mark.parametrize("depth", [90, 99, 100, 101, 120, 200, 300])
def test_how_deep_a_value_is_decides_the_same_with_and_without_a_first_look(depth: int) -> None:
    deep: Any = "x"
    for level in range(depth):
        deep = [deep] if level % 2 else {"a": deep}
    assert redact(deep)[0] == _walk(deep, (), Redaction())


def test_a_value_without_secrets_is_not_even_copied_but_for_its_field_owners() -> None:
    spec = {"replicas": 2, "image": "registry.example/app:1"}
    value = {"kind": "Deployment", "metadata": {"name": "a", "managedFields": [{"manager": "m"}]}, "spec": spec}
    clean, noted = redact(value)
    assert clean == {"kind": "Deployment", "metadata": {"name": "a"}, "spec": spec}
    assert clean["spec"] is spec
    assert "managedFields" in value["metadata"]
    assert noted.kinds == {}


def test_an_episode_is_known_at_the_first_look_to_hold_no_secret() -> None:
    data = episode().model_dump(mode="json")
    assert data["problem_key"]
    assert not has_hints(orjson.dumps(data))
    assert has_hints(orjson.dumps({**data, "summary": f"password={SENTINEL}"}))


def test_an_audit_record_is_known_at_the_first_look_to_hold_no_secret() -> None:
    noted = {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": ""}
    assert not has_hints(orjson.dumps({"auditID": "a", "annotations": noted}))
    assert has_hints(orjson.dumps({"annotations": {**noted, "authorization.k8s.io/header": SENTINEL}}))
    assert has_hints(orjson.dumps({"annotations": {**noted, "authorization.k8s.io/reason": f"token={SENTINEL}"}}))


def test_a_record_of_splunk_is_known_at_the_first_look_to_hold_no_secret() -> None:
    record = {"event": {"signature": "BackOff", "severity": "high"}}
    assert not has_hints(orjson.dumps(record))
    assert has_hints(orjson.dumps({"event": {"signature": f"X-Amz-Signature={SENTINEL}"}}))
    assert has_hints(orjson.dumps({"event": {"raw": json.dumps({"signature": SENTINEL})}}))


@pytest.mark.parametrize("known", ["problem_key", "authorization.k8s.io/decision", "authorization.k8s.io/reason"])
@pytest.mark.parametrize("before", ['"', ',"', '{"', '\\"'])
def test_a_key_that_only_ends_as_one_that_is_known_is_judged_as_any_other(before: str, known: str) -> None:
    for value in ({f"x{before}{known}": SENTINEL}, {"a": 1, f"x{before}{known}": [SENTINEL]}):
        assert SENTINEL not in json.dumps(redact(value)[0])


def test_a_notice_s_data_costs_no_walk_but_that_of_an_object_does() -> None:
    data = {"name": "web", "value": "harmless"}
    assert not has_hints(orjson.dumps({"type": "problem.opened", "data": data}))
    unnamed = {"type": "Opaque", "metadata": {"name": "db"}, "data": {"user": SENTINEL}}  # as a SecretList has them
    assert has_hints(orjson.dumps(unnamed))
    assert redact(unnamed)[0]["data"] == {"user": MASK}
