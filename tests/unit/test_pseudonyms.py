"""Pseudonyms: the same for one key, nothing without it, and the key is a file that can be deleted."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.runtime.pseudonyms import PseudonymKeys
from shared.runtime.registry import FUNCTIONS, load
from shared.telemetry.metrics import Metrics
from tests.support.minimising import KEY, audit, judged, of_record, of_ticket, ticket_of
from tests.support.tickets import episode


def test_pseudonyms_are_the_same_for_one_key_and_tell_nothing_without_it() -> None:
    wanted = "{users: pseudonym, addresses: pseudonym, names: pseudonym}"
    first, again = (of_record(wanted, *judged(audit()), KEY)["whole"] for _ in range(2))
    other = of_record(wanted, *judged(audit()), b"j" * 32)["whole"]
    user, address = first["original"]["user"]["username"], first["original"]["sourceIPs"][0]
    assert first == again
    assert (user[:2], address[:2], first["object"]["name"][:2]) == ("u-", "a-", "n-")
    assert user in first["message"]
    assert address in first["message"]
    assert user != other["original"]["user"]["username"]
    assert "alice" not in json.dumps(first)
    mine = of_ticket(wanted, ticket_of(audit()), KEY)["whole"]
    assert mine["part"] == user, "a ticket and a record name the same person by the same pseudonym"


def test_without_a_key_what_should_be_a_pseudonym_is_dropped() -> None:
    assert of_record("{users: pseudonym}", *judged(audit())) == of_record("{users: drop}", *judged(audit()))


def test_functions_take_the_keys_of_their_cluster_and_forget_them_with_the_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys, own = tmp_path / "keys", tmp_path / "own.yaml"
    keys.mkdir()
    (keys / "prod-1").write_bytes(KEY)
    own.write_text(
        "extends: shipped\nminimise: {users: pseudonym}\noperations: {open: {u_who: '{{ episode.part }}'}}\n"
    )
    example_of = FUNCTIONS["servicenow_incident"].destination
    assert example_of is not None
    environ = {**example_of.example, "SERVICENOW_MAPPING": str(own), "PSEUDONYM_KEYS": str(keys)}
    function: Any = load("servicenow_incident", environ, Metrics())
    one = episode(message="user=mallory", part="mallory")

    def who() -> str:
        (preview,) = function.preview(one)
        return str(preview.body.get("u_who", ""))

    first = who()
    assert first.startswith("u-")
    assert who() == first
    (keys / "prod-1").write_bytes(b"another key of more than 16 bytes")
    assert who().startswith("u-")
    assert who() != first
    (keys / "prod-1").write_bytes(b"short")
    assert who() == ""
    (keys / "prod-1").unlink()
    assert who() == ""
    assert [record.getMessage() for record in caplog.records if record.name == "tidings.pseudonyms"] == [
        "no key for pseudonyms of cluster 'prod-1' in PSEUDONYM_KEYS: they are dropped"
    ]


@pytest.mark.parametrize("cluster", ["../keys/prod-1", "", ".", "..", "a/b", "prod-1\0", "x" * 300])
def test_a_cluster_whose_name_is_no_file_name_has_no_key(tmp_path: Path, cluster: str) -> None:
    (tmp_path / "prod-1").write_bytes(KEY)
    assert PseudonymKeys(tmp_path).of(cluster) == b""
    assert PseudonymKeys(None).of("prod-1") == b""
    assert PseudonymKeys(tmp_path).of("prod-1") == KEY
