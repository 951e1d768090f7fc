"""What every dialect owes, whoever wrote it: a registered one is held to it by its specimens."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.identity import digest
from shared.events.model import Observation
from shared.events.outcome import Ignored, Rejected
from shared.sources.context import Context
from shared.sources.dialects import DIALECTS, recognise
from shared.sources.registry import decode_payload
from tests.support.sentinel import PLANTED, SENTINEL, TEXT, told
from tests.support.servers import ROOT
from tests.support.specimens import (
    CLUSTER,
    FOLDER,
    RECEIVED,
    Specimen,
    body,
    changed,
    decoded,
    observations,
    places,
    shown,
    specimens,
)

SPECIMENS = specimens()
NAMES = [dialect.name for dialect in DIALECTS]
each_specimen = pytest.mark.parametrize(
    "specimen", SPECIMENS, ids=[f"{item.dialect}-{item.file}" for item in SPECIMENS]
)
each_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=NAMES)

_scalars = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=12)
_words = sorted({str(step) for item in SPECIMENS for place, _ in places(item.payload) for step in place})
_keys = st.sampled_from(_words) | st.text(max_size=6)
_json = st.recursive(
    _scalars | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=5),
    max_leaves=12,
)


@each_dialect
def test_a_dialect_has_a_specimen_and_a_folder_is_of_a_dialect(dialect: Any) -> None:
    assert [item.file for item in SPECIMENS if item.dialect == dialect.name], f"put one into {FOLDER}/{dialect.name}/"
    assert {folder.name for folder in FOLDER.iterdir() if folder.is_dir()} <= set(NAMES)
    assert len(NAMES) == len(set(NAMES))
    assert dialect.forms or dialect.kinds, "an unknown payload is refused with what the closest dialect has"


@each_specimen
def test_exactly_one_dialect_recognises_it(specimen: Specimen) -> None:
    by_type = [dialect.name for dialect in DIALECTS if specimen.payload.get("type") in dialect.types]
    by_form = [dialect.name for dialect in DIALECTS if dialect.recognises(body(specimen.payload))]
    assert (by_type or by_form) == [specimen.dialect]


@given(_json | st.dictionaries(_keys, _json, max_size=8) | st.sampled_from([body(one.payload) for one in SPECIMENS]))
def test_whom_the_members_pass_over_would_not_have_recognised_it(payload: Any) -> None:
    assert recognise(payload) == next((dialect for dialect in DIALECTS if dialect.recognises(payload)), None)


@each_specimen
def test_it_is_read_as_expected(specimen: Specimen) -> None:
    found = observations(specimen.payload)
    assert len(found) == len(specimen.expected)
    for seen, expected in zip(found, specimen.expected, strict=True):
        assert seen.dialect == specimen.dialect
        assert seen.cluster == expected.get("cluster", CLUSTER)
        assert {name: shown(seen, name) for name in expected} == expected
    if specimen.expected:
        assert any("time" in expected for expected in specimen.expected), "a specimen says which time is read"


@each_specimen
def test_the_same_payload_is_the_same_observation_in_whatever_order_its_keys_come(specimen: Specimen) -> None:
    turned = json.loads(json.dumps(specimen.payload), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    first, again, other = (observations(payload) for payload in (specimen.payload, specimen.payload, turned))
    assert first == again == other
    assert len({seen.identity for seen in first}) == len(first), "several in one payload are several"


@each_specimen
def test_another_cluster_has_other_observations(specimen: Specimen) -> None:
    payload = body(specimen.payload)
    first, second = (
        DIALECTS[NAMES.index(specimen.dialect)].decode(payload, Context(cluster, RECEIVED, named=True))
        for cluster in ("one", "two")
    )
    assert isinstance(first, list)
    assert isinstance(second, list)
    assert {seen.cluster for seen in first} <= {"one"}, "the name that the edge gave counts"
    assert not {seen.identity for seen in first} & {seen.identity for seen in second}


def test_specimens_are_different_observations() -> None:
    identities = [seen.identity for item in SPECIMENS for seen in observations(item.payload)]
    assert len(set(identities)) == len(identities)


@each_specimen
def test_f41_f42_no_secret_that_is_planted_anywhere_is_carried_on(specimen: Specimen) -> None:
    """F41, F42: Secret object event, nested in List/CR; password-looking keys, tokens, URL userinfo in message.

    No value leaves the process; masked by default list + entropy option.
    """
    for place, value in places(body(specimen.payload)):
        if isinstance(value, dict):
            assert SENTINEL not in _told(specimen, changed(body(specimen.payload), place, {**value, **PLANTED})), place
        elif isinstance(value, str):
            assert SENTINEL not in _told(specimen, changed(body(specimen.payload), place, value + TEXT)), place


def _told(specimen: Specimen, payload: Any) -> str:
    """Return all that observations tell besides names, or the refusal."""
    found = DIALECTS[NAMES.index(specimen.dialect)].decode(payload, Context(CLUSTER, RECEIVED))
    if isinstance(found, Rejected):
        return found.reason
    return b"".join(map(told, found)).decode()


@given(st.sampled_from(SPECIMENS), st.data())
def test_garbage_in_any_place_raises_nothing(specimen: Specimen, data: st.DataObject) -> None:
    place, _ = data.draw(st.sampled_from(list(places(specimen.payload))))
    payload = changed(specimen.payload, place, data.draw(_json))
    found = decoded(payload)
    assert isinstance(found, Ignored | Rejected) or all(_is_sound(seen) for seen in found)
    direct = DIALECTS[NAMES.index(specimen.dialect)].decode(body(payload), Context(CLUSTER, RECEIVED))
    assert isinstance(direct, Rejected) or all(_is_sound(seen) for seen in direct)


def _is_sound(seen: Observation) -> bool:
    """Return True for what a check of each value would have built, too."""
    return Observation.model_validate(seen.model_dump(), strict=True) == seen


@given(_json)
def test_garbage_as_a_whole_raises_nothing(garbage: Any) -> None:
    for dialect in DIALECTS:
        dialect.recognises(garbage)
        found = dialect.decode(garbage, Context(CLUSTER, RECEIVED))
        assert isinstance(found, Rejected) or all(_is_sound(seen) for seen in found)
    assert isinstance(decode_payload(garbage, Context(CLUSTER, RECEIVED)), Rejected | list)


@given(st.dictionaries(_keys, _json, max_size=6))
def test_a_refusal_is_in_our_words_alone(payload: dict[str, Any]) -> None:
    marked = {**payload, SENTINEL: SENTINEL, "clusterName": SENTINEL}
    found = decode_payload(marked, Context(CLUSTER, RECEIVED))
    assert not isinstance(found, Rejected) or (SENTINEL not in found.reason and found.reason.isascii())


def test_a_refusal_says_what_came_closest_and_what_it_lacks() -> None:
    found = decode_payload({"clusterName": "prod", "reason": "BackOff"}, Context(CLUSTER, RECEIVED))
    assert isinstance(found, Rejected)
    assert f"(tried {', '.join(NAMES)}); closest is event-exporter: " in found.reason
    assert found.reason.endswith("it has clusterName, but no involvedObject")
    nothing = decode_payload({"a": 1}, Context(CLUSTER, RECEIVED))
    assert isinstance(nothing, Rejected)
    assert "closest" not in nothing.reason


def test_explain_names_every_dialect_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    file.write_text("".join(json.dumps(item.payload) + "\n" for item in SPECIMENS), encoding="utf-8")
    command = [sys.executable, "-m", "shared.cli", "explain", str(file), "--output", "jsonl"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    nothing = "there is no observation in it, by intention: its producer's page in docs/sources says why"
    expected = [item.dialect if some else nothing for item in SPECIMENS for some in item.expected or [None]]
    assert [line.get("dialect") or line["error"] for line in lines] == expected


def test_a_start_loads_none_but_the_dialects_of_apiserversource() -> None:
    program = "import sys, shared.sources.registry; print(*[name for name in sys.modules if name in %r])"
    others = [f"shared.sources.{name.replace('-', '_')}" for name in NAMES[2:]] + ["shared.sources.forms"]
    ended = subprocess.run(
        [sys.executable, "-c", program % others], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == []


def test_the_exporters_event_is_the_event_that_a_source_sends() -> None:
    specimen = next(item for item in SPECIMENS if (item.dialect, item.file) == ("event-exporter", "default"))
    sent = {key: value for key, value in specimen.payload.items() if key != "clusterName"}
    direct = decode_payload({"kind": "Event", "apiVersion": "v1", **sent}, Context("prod-eu1", RECEIVED))
    assert isinstance(direct, list)
    assert direct[0].identity == observations(specimen.payload)[0].identity
    assert direct[0].identity != digest(), "it is made of something"
