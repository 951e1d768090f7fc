"""Secrets and what looks like them, through the whole system: what leaves holds the names of keys and no value."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from shared.events.redaction import MASK
from tests.support.whole import Left, run_whole

SENTINEL = "hunter2sEcReTvalue"
CODED = base64.b64encode(SENTINEL.encode()).decode()
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
KEYS = ("db-login", "pin")


def secret(name: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "shop", "uid": name}, **more}


def some(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "shop", "uid": name}, **more}


DATA = {KEYS[0]: CODED, KEYS[1]: CODED}
PLAIN = {KEYS[0]: SENTINEL, KEYS[1]: SENTINEL}
APPLIED = secret("applied", data=DATA)
APPLIED["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(secret("applied", stringData=PLAIN))}
OBJECTS: dict[str, Any] = {
    "data": secret("a", type="Opaque", data=DATA),
    "string-data": secret("b", stringData=PLAIN),
    "last-applied": APPLIED,
    "list": some("List", "c", items=[secret("in-list", data=DATA), secret("in-list-2", stringData=PLAIN)]),
    "secret-list": some("SecretList", "d", items=[{"metadata": {"name": "x"}, "type": "Opaque", "data": DATA}]),
    "custom-resource": some("Vault", "e", spec={"template": {"deep": [secret("in-cr", data=DATA, stringData=PLAIN)]}}),
    "unreadable": {"kind": "Secret", "stringData": PLAIN, "data": DATA},
    "nameless": secret("", stringData=PLAIN, data=DATA),
}
REFUSED = 2  # the last ones: no dialect knows the first, and the second has no name
WAYS = ("ticket", "SIEM", "log", "trace", "metric", "DLQ header", "event")


def ways(left: Left) -> dict[str, str]:
    """Return what left the process, as text, by the way that it took."""
    return {
        "ticket": json.dumps(left.tickets), "SIEM": json.dumps(left.records), "log": left.logs, "trace": left.traces,
        "metric": left.metrics, "DLQ header": json.dumps(left.letters), "event": json.dumps(left.events),
    }  # fmt: skip


@pytest.fixture(scope="module")
def of_secrets(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Left:
    """Return what left the process after each of the objects was sent to it."""
    return run_whole(root, tmp_path_factory.mktemp("secrets"), list(OBJECTS.values()))


@pytest.mark.parametrize("way", WAYS)
def test_f41_no_value_of_a_secret_object_leaves_the_process(of_secrets: Left, way: str) -> None:
    """F41: Secret object event, incl. last-applied annotation, `stringData`, nested in List/CR.

    no value leaves the process: ticket, SIEM, log, trace, metric, DLQ header; key names kept.
    """
    text = ways(of_secrets)[way]
    assert len(text) > len("[]"), "something went this way"
    assert SENTINEL not in text
    assert CODED not in text


def test_f41_each_secret_object_took_every_way(of_secrets: Left) -> None:
    """F41: Secret object event, incl. last-applied annotation, `stringData`, nested in List/CR.

    no value leaves the process: ticket, SIEM, log, trace, metric, DLQ header; key names kept.

    A way that nothing took would show nothing of it.
    """
    readable = len(OBJECTS) - REFUSED
    assert len(of_secrets.tickets) == len(of_secrets.records) == readable
    assert [letter["stage"] for letter in of_secrets.letters] == ["decode"] * REFUSED
    assert 'tidings_redactions_total{kind="secret"}' in of_secrets.metrics
    assert all(event["traceparent"] for event in of_secrets.events)


def test_f41_the_names_of_the_keys_arrive(of_secrets: Left) -> None:
    """F41: Secret object event, incl. last-applied annotation, `stringData`, nested in List/CR.

    no value leaves the process: ticket, SIEM, log, trace, metric, DLQ header; key names kept.
    """
    originals = {record["all"]["object"]["name"]: record["all"]["original"] for record in of_secrets.records}
    masked = dict.fromkeys(KEYS, MASK)
    assert originals["a"]["data"] == masked
    assert originals["b"]["stringData"] == masked
    assert originals["applied"]["data"] == masked
    assert originals["applied"]["metadata"]["annotations"] == {LAST_APPLIED: MASK}
    assert originals["c"]["items"][0]["data"] == originals["c"]["items"][1]["stringData"] == masked
    assert originals["d"]["items"][0]["data"] == masked
    deep = originals["e"]["spec"]["template"]["deep"][0]
    assert deep["data"] == deep["stringData"] == masked


LOOKALIKES: list[Any] = [
    some("ConfigMap", "f", data={"admin-password": SENTINEL, "API_KEY": SENTINEL, "apiKey": SENTINEL, "mode": "fast"}),
    some("Pod", "g", spec={"containers": [{"env": [{"name": "GITHUB_TOKEN", "value": SENTINEL}]}]}),
    {
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "h", "namespace": "shop", "uid": "h"},
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "h"}, "reason": "Failed", "type": "Warning",
        "message": f"no https://robot:{SENTINEL}@registry.example/app for postgres://app:{SENTINEL}@db.example/shop",
    },
]  # fmt: skip


def test_f42_what_looks_like_a_secret_is_masked_on_every_way_by_default(root: Path, tmp_path: Path) -> None:
    """F42: ConfigMap with password-looking keys, env vars with tokens in Pod spec, URL userinfo in message.

    masked by default list + entropy option.
    """
    left = run_whole(root, tmp_path, LOOKALIKES)
    assert [way for way, text in ways(left).items() if SENTINEL in text] == []
    assert len(left.tickets) == len(left.records) == len(LOOKALIKES)
    originals = {record["all"]["object"]["name"]: record["all"]["original"] for record in left.records}
    assert originals["f"]["data"] == {"admin-password": MASK, "API_KEY": MASK, "apiKey": MASK, "mode": "fast"}
    assert originals["g"]["spec"]["containers"][0]["env"] == [{"name": "GITHUB_TOKEN", "value": MASK}]
    assert originals["h"]["message"] == f"no https://{MASK}@registry.example/app for postgres://{MASK}@db.example/shop"
    assert any(f"https://{MASK}@registry.example" in row["description"] for row in left.tickets)


NAMELESS = "x9KqT4vLmZ7pRw2YbN8cHs5J"


def test_f42_a_token_without_a_name_is_masked_where_the_entropy_option_is_set(root: Path, tmp_path: Path) -> None:
    """F42: ConfigMap with password-looking keys, env vars with tokens in Pod spec, URL userinfo in message.

    masked by default list + entropy option.
    """
    bare = {**LOOKALIKES[2], "message": f"connect with {NAMELESS} failed"}
    for name, environ, shown in (("off", {}, True), ("on", {"MASK_ENTROPY": "4"}, False)):
        folder = tmp_path / name
        folder.mkdir()
        left = run_whole(root, folder, [bare], **environ)
        assert (NAMELESS in ways(left)["ticket"], NAMELESS in ways(left)["SIEM"]) == (shown, shown)
        assert ('tidings_redactions_total{kind="entropy"}' in left.metrics) is not shown
        assert any(("connect with" in row["description"]) for row in left.tickets)
