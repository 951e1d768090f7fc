"""What must not leave does not leave, at any depth; what people need to see stays."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events.redaction import MASK, redact
from shared.events.redaction_texts import redact_text

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


@settings(max_examples=300, deadline=None)
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
