"""What must not leave does not leave, at any depth; what people need to see stays."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events.redaction import MASK, Redaction, _walk, redact, redact_text
from shared.events.redaction_patterns import has_hints
from tests.support.examples import examples
from tests.support.tickets import episode

SENTINEL = "S3ntinel0123456789abcdefSENTINEL"

_names = st.sampled_from(["spec", "items", "template", "a", "status", "x-y"])


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, min_size=1, max_size=3) | st.dictionaries(_names, inner, min_size=1, max_size=3)


_hiding_places = st.sampled_from(
    [
        {"kind": "Secret", "data": {"key": SENTINEL}},
        {"kind": "Secret", "stringData": {"key": SENTINEL}},
        {"kind": "SecretList", "items": [{"metadata": {}, "type": "Opaque", "data": {"key": SENTINEL}}]},
        {"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": f'{{"k":"{SENTINEL}"}}'}}},
        {"env": [{"name": "ANY", "value": SENTINEL}]},
        {"password": SENTINEL},
        {"db-password": SENTINEL},
        {"API_KEY": SENTINEL},
        {"clientSecret": SENTINEL},
        {"tokens": [SENTINEL]},
        {"message": f"cannot reach https://user:{SENTINEL}@example.com/x"},
        {"message": f"Authorization: Bearer {SENTINEL}"},
        {"message": f"started with --password={SENTINEL} --verbose"},
        {"message": f'sent {{"token": "{SENTINEL}"}}'},
        {"args": [f"--api-key={SENTINEL}"]},
        {"managedFields": [{"x": SENTINEL}]},
        {f"https://user:{SENTINEL}@example.com": "in a key"},
    ]
)


@settings(max_examples=examples(150), deadline=None)
@given(st.recursive(_hiding_places, _nested, max_leaves=6))
def test_f41_no_sentinel_leaves_at_any_depth(value: Any) -> None:
    """F41: Secret object event, incl. last-applied annotation, `stringData`, nested in List/CR.

    no value leaves the process: ticket, SIEM, log, trace, metric, DLQ header; key names kept.
    """
    clean, _ = redact(value)
    assert SENTINEL not in json.dumps(clean)


@given(st.recursive(_hiding_places, _nested, max_leaves=4))
def test_redacting_twice_changes_nothing_more(value: Any) -> None:
    once, _ = redact(value)
    assert redact(once)[0] == once


def test_f41_key_names_of_a_secret_stay() -> None:
    """F41: Secret object event, incl. last-applied annotation, `stringData`, nested in List/CR.

    no value leaves the process: ticket, SIEM, log, trace, metric, DLQ header; key names kept.
    """
    clean, noted = redact({"kind": "Secret", "data": {"user": "dQ==", "pw": "cA=="}, "metadata": {"name": "db"}})
    assert clean == {"kind": "Secret", "data": {"user": MASK, "pw": MASK}, "metadata": {"name": "db"}}
    assert noted.kinds == {"secret": 1}
    assert noted.paths == {"data": "secret"}


def test_f42_what_looks_like_a_secret_is_masked_wherever_it_stands() -> None:
    """F42: ConfigMap with password-looking keys, env vars with tokens in Pod spec, URL userinfo in message.

    masked by default list + entropy option.
    """
    clean, _ = redact(
        {
            "kind": "ConfigMap",
            "data": {"admin-password": "x1", "mode": "fast"},
            "spec": {"containers": [{"env": [{"name": "TOKEN", "value": "y2"}, {"name": "REF", "valueFrom": {}}]}]},
            "message": "pull from https://bob:z3@registry.example/app failed",
        }
    )
    assert clean["data"] == {"admin-password": MASK, "mode": "fast"}
    assert clean["spec"]["containers"][0]["env"] == [{"name": "TOKEN", "value": MASK}, {"name": "REF", "valueFrom": {}}]
    assert clean["message"] == f"pull from https://{MASK}@registry.example/app failed"


@pytest.mark.parametrize(
    "text",
    [
        'secret "db-secret" not found',
        'MountVolume.SetUp failed for volume "kube-api-access-token" : secret "x-token" not found',
        "couldn't find key token in Secret shop/db",
        "unauthorized: authentication required",
        "Back-off restarting failed container web in pod web-6c9-abcde_shop(1f0e)",
        "0/3 nodes are available: 3 Insufficient memory.",
        "failed to fetch token: context deadline exceeded",
    ],
)
def test_ordinary_messages_stay_as_they_are(text: str) -> None:
    assert redact_text(text) == text


def test_references_to_secrets_are_no_secrets() -> None:
    spec = {
        "secretName": "db",
        "secretKeyRef": {"name": "db", "key": "password"},
        "automountServiceAccountToken": False,
    }
    assert redact(spec)[0] == spec


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
        *("name", "key", "discord"),
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


@settings(max_examples=examples(200), deadline=None)
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


def test_what_cannot_be_walked_is_masked_whole() -> None:
    deep: Any = SENTINEL
    for _ in range(200):
        deep = [deep]
    assert SENTINEL not in json.dumps(redact(deep)[0])
    assert redact({"a": object()})[0] == {"a": MASK}


@pytest.mark.parametrize(
    "text",
    [
        'password = "{}"',
        "password=\t{}",
        "aws_secret_access_key = {}",
        "--password {}",
        "--api-key '{}'",
        "MYSQL_PWD={}",
        "Server=db;Uid=app;Pwd={};",
        "auth={}",
        "pass={}",
        '{{"auths":{{"registry":{{"auth":"{}"}}}}}}',
        "Set-Cookie: session={}; Path=/",
        "password%3D{}",
        "password\\u003d{}",
        "https://bucket/x?X-Amz-Signature={}&a=1",
        "https://store/x?a=1&sig={}",
        "using glpat-{}abcdefghijklmnop",
        "curl -sS -u admin:{} https://registry.example/v2/",
        'wget --user="admin:{}" https://registry.example/v2/',
        "curl -sSu admin:{} https://registry.example/v2/",
        "curl --proxy-user admin:{} https://registry.example/v2/",
        "mysqldump -uroot -p{} shop",
        "sshpass -p {} ssh root@worker-3",
        "redis-cli -h cache -a {} FLUSHALL",
        'Post "https://hooks.slack.com/services/T0001/B0001/{}": dial tcp: i/o timeout',
        "https://discord.com/api/webhooks/1/{}",
    ],
)
def test_f42_a_secret_in_a_message_is_masked_in_the_ways_that_programs_write_it(text: str) -> None:
    """F42: ConfigMap with password-looking keys, env vars with tokens in Pod spec, URL userinfo in message.

    masked by default list + entropy option.
    """
    clean = redact_text(text.format("hunter2sEcReT"))
    assert "hunter2" not in clean
    assert redact_text(clean) == clean


@pytest.mark.parametrize("member", ["userData", "userDataBase64", "networkData", "networkDataBase64", "user-data"])
def test_f42_what_a_machine_runs_at_its_first_start_is_masked_whole(member: str) -> None:
    """A cloud-init script holds passwords in as many ways as shells and YAML have."""
    script = "#cloud-config\nchpasswd:\n  list: |\n    root:hunter2\nruncmd:\n- echo hunter2 | passwd --stdin root\n"
    volume = {"name": "boot", "cloudInitNoCloud": {member: script, "secretRef": {"name": "boot"}}}
    found, noted = redact({"kind": "VirtualMachine", "spec": {"template": {"spec": {"volumes": [volume]}}}})
    (seen,) = found["spec"]["template"]["spec"]["volumes"]
    assert seen == {"name": "boot", "cloudInitNoCloud": {member: MASK, "secretRef": {"name": "boot"}}}
    assert noted.kinds == {"key": 1}


def test_f42_an_argument_behind_a_secret_flag_is_masked() -> None:
    """F42: ConfigMap with password-looking keys, env vars with tokens in Pod spec, URL userinfo in message.

    masked by default list + entropy option.
    """
    spec = {"args": ["--password", "hunter2", "--user", "bob", "-token", "hunter2", "--secret", "--verbose"]}
    assert redact(spec)[0]["args"] == ["--password", MASK, "--user", "bob", "-token", MASK, "--secret", "--verbose"]


def test_f42_a_value_that_its_own_name_calls_a_secret_is_masked() -> None:
    """F42: as parameters of Argo CD and Tekton, and headers of probes are written."""
    named = [
        {"name": "db.password", "value": "hunter2"},
        {"key": "X-Api-Key", "name": "x", "value": "hunter2"},
        {"name": "replicas", "value": "2"},
        {"name": "SECRET_NAME", "value": "db"},
        {"name": "token", "value": ""},
        {"name": "password", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
    ]
    clean, noted = redact({"kind": "Application", "spec": {"parameters": named}})
    assert clean["spec"]["parameters"] == [{**named[0], "value": MASK}, {**named[1], "value": MASK}, *named[2:]]
    assert noted.paths == {f"spec.parameters.{place}.value": "key" for place in (0, 1)}


@pytest.mark.parametrize(
    "text",
    [
        *("--token is required", "bypass=true", "compass=north", "author=bob", "pass: 3 of 4"),
        *(
            "docker run -u 1000:1000 web",
            "curl -u failed",
            "mysql -h db -P3306",
            "MySQL is up; cp -p a b",
            "ssh -p 22",
        ),
        "curl https://example.org | tar -p",
    ],
)
def test_words_that_only_look_like_secrets_stay(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize("key", ["password", "db-password", "API_KEY", "pin_token", "tokens"])
@pytest.mark.parametrize("number", [12345, 0, 12.5])
def test_f42_a_number_under_a_key_that_names_a_secret_is_masked(key: str, number: float) -> None:
    """F42: ConfigMap with password-looking keys, env vars with tokens in Pod spec, URL userinfo in message.

    masked by default list + entropy option.
    """
    assert redact({key: number})[0] == {key: MASK}
    assert redact({key: [number, True]})[0] == {key: [MASK, True]}


def test_numbers_that_say_how_much_or_how_long_and_truth_values_stay() -> None:
    harmless = {
        "tokenExpirationSeconds": 3600, "maxTokens": 5, "token_ttl": 60, "passwordLength": 12, "secrets": 3,
        "automountServiceAccountToken": False, "passwordSet": True, "replicas": 2, "problem_key": "k",
    }  # fmt: skip
    assert redact(harmless)[0] == harmless


def test_what_cannot_be_searched_is_masked_whole() -> None:
    """It fails closed: half of a surrogate pair is no text that a search can read."""
    assert redact({"a": f"\ud800 password={SENTINEL}", "b": "fine"})[0] == {"a": MASK, "b": "fine"}
    assert redact_text("\ud800") == MASK


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
