"""Lines for QRadar: one line always, read back as the formats have it, never longer than the receiver takes."""

import json
import re
import shutil
import subprocess
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delivery.audit import audit_json
from shared.destinations.qradar.cef import cef
from shared.destinations.qradar.leef import leef, severity
from shared.destinations.qradar.lines import cut, fitted, one_line
from shared.destinations.qradar.syslog import audit_header, framed, header, host_of
from shared.local.standins.qradar.framing import FramingError, Splitter
from shared.local.standins.qradar.reading import read_event
from tests.conftest import could_not_run

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its grammar library uses a module that Python means to drop
    from syslog_rfc5424_parser import SyslogMessage

WHEN = datetime(2026, 3, 1, 12, 0, 0, 250_000, UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\t\r\n|=^\\\u2028\x00\x85 ,"), max_size=200)
KEYS = st.from_regex(r"\Ak[A-Za-z0-9]{0,12}\Z")
VALUES = st.dictionaries(KEYS, TEXTS, max_size=8)
# The grammar of reference/destinations.md §5.1: header fields without `|`, one-word keys that stand there once.
LEEF = re.compile(r"LEEF:2\.0\|[^|\t\r\n]+\|[^|\t\r\n]+\|[^|\t\r\n]+\|([^|\t\r\n]{1,255})\|x09\|(.*)", re.DOTALL)


def pairs_of(line: bytes) -> tuple[str, dict[str, str]]:
    """Return EventID and pairs of a LEEF line. Raises AssertionError for what the grammar does not allow."""
    found = LEEF.fullmatch(line.decode("utf-8"))
    assert found is not None, line
    pairs: dict[str, str] = {}
    for pair in found[2].split("\t"):
        key, equals, value = pair.partition("=")
        assert equals, pair
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", key), key
        assert key not in pairs, f"{key} stands there twice"
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", value)
        pairs[key] = value
    return found[1], pairs


def leef_of(event_id: str, values: dict[str, Any], most: int = 4000, **fixed: Any) -> bytes:
    return leef(event_id, {"cat": "pod", "eventId": "id-1", **fixed}, values, product="Tidings", most=most)


@given(TEXTS, TEXTS, TEXTS, VALUES)
def test_f45_whatever_an_event_says_is_one_line_of_leef(event_id: str, cat: str, identity: str, values: Any) -> None:
    """F45: CR/LF, tab, `|`, `=`, `^` in fields → LEEF/CEF/syslog: escaped per format; exactly one line out."""
    line = leef_of(event_id, values, devTime=1, cat=cat, eventId=identity)
    assert line.decode().splitlines() == [line.decode()]
    _, pairs = pairs_of(line)
    assert "truncated" not in pairs
    for key, value in values.items():
        assert pairs.get(key, "").strip() == one_line(value).strip()


@given(TEXTS, TEXTS, TEXTS, VALUES)
def test_f45_whatever_an_event_says_is_one_line_of_cef(signature: str, name: str, identity: str, values: Any) -> None:
    """F45: CR/LF, tab, `|`, `=`, `^` in fields → LEEF/CEF/syslog: escaped per format; exactly one line out."""
    values = {key: value for key, value in values.items() if not key.endswith("Label")}
    line = cef(signature, name, 8, {"externalId": identity}, values, product="Tidings", most=4000).decode()
    assert line.splitlines() == [line]
    event = read_event(f"<131>1 2026-03-01T12:00:00.250Z prod tidings - - - {line}")
    assert event.form == "cef"
    assert event.severity == "8"
    for key, value in values.items():
        expected = one_line(value.strip().replace("\n", "<n>").replace("\r", "<r>")).strip()
        assert event.values.get(key, "").replace("\n", "<n>").replace("\r", "<r>").strip() == expected


@given(TEXTS, VALUES, st.integers(1200, 2500))
def test_a_line_is_never_longer_than_it_may_be_and_says_what_was_cut(event_id: str, values: Any, most: int) -> None:
    long = {**values, "msg": "Grüße 👋 " * 400}
    line = leef_of(event_id, long, most)
    assert most - 64 <= len(line) <= most
    _, pairs = pairs_of(line)
    assert pairs["truncated"] == "1"
    assert pairs["eventId"] == "id-1"
    assert one_line(long["msg"]).startswith(pairs["msg"])
    shorter = {key: value for key, value in values.items() if len(one_line(value).encode()) < 100}
    assert all(pairs.get(key, "").strip() == one_line(value).strip() for key, value in shorter.items())


@given(TEXTS, st.integers(1200, 2500))
def test_a_cef_line_is_cut_between_two_characters_and_not_within_an_escape(text: str, most: int) -> None:
    line = cef("rule", "name", 5, {"externalId": "id-1"}, {"msg": text + "\\=\n👋" * 400}, product="P", most=most)
    assert len(line) <= most
    event = read_event(f"<131>1 2026-03-01T12:00:00.250Z prod tidings - - - {line.decode()}")
    assert event.identity == "id-1"
    assert event.values["truncated"] == "1"
    tail = line[len(line.rstrip(b"\\")) :]
    assert len(tail) % 2 == 0


@given(st.binary(max_size=300), st.integers(0, 300))
def test_a_cut_leaves_whole_characters(raw: bytes, most: int) -> None:
    text = raw.decode("latin-1").encode()
    kept = cut(text, most)
    assert len(kept) <= most
    assert text.startswith(kept)
    kept.decode()


def test_the_longest_values_give_first() -> None:
    pairs = [(b"short", b"x" * 50), (b"long", b"y" * 900), (b"longer", b"z" * 1000)]
    made = fitted(b"head|", [(b"id", b"1")], pairs, b"\t", 600)
    assert b"short=" + b"x" * 50 in made
    assert len(made) == 600
    assert abs(made.count(b"y") - made.count(b"z")) <= 1


def test_where_nothing_else_helps_what_is_fixed_stays() -> None:
    pairs = [(f"key{number}".encode(), b"v") for number in range(300)]
    assert fitted(b"head|", [(b"id", b"1")], pairs, b"\t", 60) == b"head|id=1\ttruncated=1"


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("src", ["nonsense", "10.0.0.7", "::1"], "10.0.0.7"),
        ("src", "fd00::1", "fd00::1"),
        ("dst", "not-an-address", None),
        ("usrName", "u" * 300, "u" * 255),
        ("labels", ["a", "b"], "a,b"),
        ("object", {"a": 1}, '{"a":1}'),
        ("flag", True, "true"),
        ("empty", "", None),
        ("blank", " \t ", None),
    ],
)
def test_a_value_is_what_its_key_wants_or_is_left_out(key: str, value: Any, wanted: str | None) -> None:
    assert pairs_of(leef_of("rule", {key: value}))[1].get(key) == wanted


@pytest.mark.parametrize(("value", "wanted"), [(0, 1), (7, 7), ("10", 10), (11, 10), (None, 5), ("high", 5)])
def test_a_severity_is_one_of_ten(value: Any, wanted: int) -> None:
    assert severity(value) == wanted


def test_a_name_for_a_custom_string_that_is_empty_is_left_out() -> None:
    line = cef("rule", "name", 5, {}, {"cs1Label": "a", "cs1": "x", "cs2Label": "b"}, product="P", most=4000)
    assert line.endswith(b"|cs1Label=a cs1=x")


@given(TEXTS)
def test_a_header_is_one_of_rfc_5424_whatever_the_cluster_is_called(cluster: str) -> None:
    message = SyslogMessage.parse(header("high", WHEN, cluster).decode() + "LEEF:2.0|…")
    assert (message.facility.name, message.severity.name) == ("local0", "err")
    assert message.timestamp == "2026-03-01T12:00:00.250Z"
    assert message.hostname == host_of(cluster)
    assert message.appname == "tidings"
    assert message.msg == "LEEF:2.0|…"


def test_an_audit_record_has_the_header_that_its_dsm_knows() -> None:
    assert audit_header(WHEN, "prod eu") == b"<133>Mar  1 12:00:00 prod-eu k8s-audit: "


def test_an_audit_record_stays_json_when_it_is_cut() -> None:
    record = {"kind": "Event", "auditID": "a-1", "requestURI": "/" + "x" * 3000, "annotations": {"mine": "1"}}
    bodies = {"requestObject": {"spec": "r" * 1000}, "responseObject": {"spec": "s" * 1000}}
    whole = json.loads(audit_json({**record, **bodies}, "id-1", 9000) or b"")
    assert whole == {**record, **bodies, "annotations": {"mine": "1", "tidings.dev/event-id": "id-1"}}
    marked = {"mine": "1", "tidings.dev/event-id": "id-1", "tidings.dev/truncated": "1"}
    without = json.loads(audit_json({**record, **bodies}, "id-1", 4500) or b"")
    assert without == {**record, "requestObject": bodies["requestObject"], "annotations": marked}
    short = json.loads(audit_json({**record, **bodies}, "id-1", 2000) or b"")
    assert short == {**record, "requestURI": record["requestURI"][:1024], "annotations": marked}
    assert audit_json({f"k{number}": "v" for number in range(1000)}, "id-1", 2000) is None


@pytest.mark.parametrize(("sent", "read"), [("newline", "octet"), ("octet", "newline")])
def test_a_receiver_of_one_framing_garbles_the_other(sent: Any, read: Any) -> None:
    lines = [b"<131>1 - a - - - - one", b"<131>1 - a - - - - two"]
    stream = b"".join(framed(line, sent) for line in lines)
    assert Splitter(sent, 4096).fed(stream) == lines
    try:
        garbled = Splitter(read, 4096).fed(stream + b"\n")
    except FramingError:
        garbled = []
    assert not set(garbled) & set(lines)


def test_cef_is_read_by_liblognorm(tmp_path: Path) -> None:
    """A parser that is not ours. It swallows the first key's first letter unless a space stands before it."""
    program = shutil.which("lognormalizer") or could_not_run(
        "lognormalizer is missing", "apt-get install liblognorm-utils"
    )
    rules = tmp_path / "cef.rulebase"
    rules.write_text("version=2\nrule=:%f:cef%\n")
    values = {"msg": "a=b|c\\d\r\ne\tf ^ Grüße", "cs1Label": "cluster", "cs1": "prod"}
    line = cef("ru|le\\", "na|me", 8, {"rt": 1772366400250, "externalId": "id-1"}, values, product="Tidings", most=4000)
    spaced = line.replace(b"|8|", b"|8| ", 1)
    ended = subprocess.run(
        [program, "-r", str(rules), "-e", "json"], input=spaced + b"\n", capture_output=True, check=True
    )
    found = json.loads(ended.stdout)["f"]
    assert (found["DeviceVendor"], found["SignatureID"], found["Name"]) == ("Tidings", "ru|le\\", "na|me")
    assert found["Severity"] == "8"
    extensions = {"rt": "1772366400250", "externalId": "id-1", "cs1Label": "cluster", "cs1": "prod"}
    assert found["Extensions"] == {**extensions, "msg": "a=b|c\\d\r\ne f ^ Grüße"}
