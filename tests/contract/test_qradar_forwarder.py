"""What is special to qradar_forwarder: forms and framings, audit records as they are, own mappings, the check."""

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from shared.events.model import Classified
from shared.events.outcome import Done, Rejected
from shared.local.standins import qradar
from shared.local.standins.qradar import read_event
from shared.rules.classify import classify
from shared.rules.shipped import load_shipped
from shared.runtime.document import qradar_page
from shared.runtime.registry import load
from shared.settings.environment import SettingsError
from shared.telemetry.metrics import Metrics
from tests.support import unknown_events
from tests.support.certificates import new_authority
from tests.support.qradar import play, receiving
from tests.support.records import AUDIT, audited, classified
from tests.support.rigs.place import Delivering
from tests.support.servers import serve


def outcome(deliver: Delivering, subject: Classified) -> Any:
    async def main() -> Any:
        return (await deliver(subject)).outcome

    return main()


@pytest.mark.parametrize("framing", ["newline", "octet"])
@pytest.mark.parametrize("form", ["leef", "cef"])
def test_a_receiver_of_one_framing_reads_what_is_sent_in_it_and_no_other(framing: Any, form: str) -> None:
    other = {"newline": "octet", "octet": "newline"}[framing]
    subject = classified(message="a line\nand another | with = and ^\tand \\")
    with receiving(framing=framing) as app:
        right = {"QRADAR_FRAMING": framing, "QRADAR_FORMAT": form}
        assert play(app, lambda deliver: outcome(deliver, subject), **right) == Done()
        assert app.quiet()
        (payload,) = app.payloads()
        event = read_event(payload)
        assert (event.form, event.host, event.event_id, event.cat) == (form, "prod", "crash-loop", "pod")
        assert (event.severity, event.identity) == ("8", "id-1")
    with receiving(framing=framing) as app:
        play(app, lambda deliver: outcome(deliver, subject), **{**right, "QRADAR_FRAMING": other})
        assert app.quiet()
        assert "id-1" not in app.identities(), "it is garbled, or nothing at all"


def test_an_audit_record_goes_as_kubernetes_wrote_it() -> None:
    with receiving() as app:
        assert play(app, lambda deliver: outcome(deliver, audited())) == Done()
        assert app.quiet()
        (payload,) = app.payloads()
        header, _, body = payload.partition("k8s-audit: ")
        assert header == "<133>Mar  1 12:00:00 prod "
        annotations = {**AUDIT["annotations"], "tidings.dev/event-id": "id-1"}
        assert json.loads(body) == {**AUDIT, "annotations": annotations}


@pytest.mark.parametrize("left_out", ["kind", "auditID"])
def test_what_is_no_whole_audit_record_is_mapped(left_out: str) -> None:
    record = {key: value for key, value in AUDIT.items() if key != left_out}
    with receiving() as app:
        play(app, lambda deliver: outcome(deliver, classified(dialect="audit", original=record)))
        assert app.quiet()
        assert read_event(app.payloads()[0]).form == "leef"


def test_an_audit_record_is_mapped_where_that_is_wanted_or_it_is_too_long() -> None:
    with receiving() as app:
        play(app, lambda deliver: outcome(deliver, audited()), QRADAR_AUDIT="mapped")
        many = audited(user={f"group-{number}": "x" * 50 for number in range(200)})
        play(app, lambda deliver: outcome(deliver, many))
        assert app.quiet()
        first, second = map(read_event, app.payloads())
        assert (first.form, second.form) == ("leef", "leef")
        assert first.values["usrName"] == "jane"
        assert first.values["src"] == "10.0.0.7"
        assert first.values["url"] == AUDIT["requestURI"]


def test_an_audit_record_that_json_cannot_hold_is_rejected_alone() -> None:
    with receiving() as app:
        found = play(app, lambda deliver: outcome(deliver, audited(requestObject={"large": 2**70})), QRADAR_AUDIT="raw")
        assert found == Rejected("mapping", "the event cannot be written as JSON")
        assert app.count() == 0


@pytest.mark.parametrize("uri", ["/x", "/x?token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"])
def test_f41_an_audit_record_that_never_passed_our_edge_is_masked(uri: str) -> None:
    """F41: Secret object event, incl. `stringData`: no value leaves the process: ticket, SIEM, log; key names kept."""
    secret = {"kind": "Secret", "apiVersion": "v1", "stringData": {"password": "hunter2-in-plain-sight"}}
    subject = audited(requestObject=secret, requestURI=uri)
    with receiving() as app:
        play(app, lambda deliver: outcome(deliver, subject))
        assert app.quiet()
        assert "hunter2" not in app.payloads()[0]
        assert "c2lnbmF0dXJl" not in app.payloads()[0]


def test_a_payload_that_is_too_long_is_cut_before_the_receiver_cuts_it_in_two() -> None:
    subject = classified(message="no space left on device; " * 1000)
    with receiving() as app:
        play(app, lambda deliver: outcome(deliver, subject))
        play(app, lambda deliver: outcome(deliver, subject), QRADAR_MAX_BYTES="8000")
        assert app.quiet()
        first, *rest = app.payloads()
        assert len(first.encode()) <= 4000
        assert read_event(first).values["truncated"] == "1"
        assert len(rest) == 2, "what is longer than the receiver's own limit is two events there"


def test_an_own_mapping_decides_every_key_but_the_identity(tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(
        "operations:\n  record:\n    event_id: '{{ observation.reason }}|x'\n    cat: own\n    severity: '10'\n"
        "    leef:\n      fields:\n        devTime: '1'\n        usrName: '{{ verdict.summary | upper }}'\n"
    )
    with receiving() as app:
        play(app, lambda deliver: outcome(deliver, classified()), QRADAR_MAPPING=str(mapping), QRADAR_LOG_SOURCE="here")
        assert app.quiet()
        (payload,) = app.payloads()
        body = payload.partition(" - - - ")[2]
        assert body == (
            "LEEF:2.0|Tidings|Tidings|1.0|BackOff x|x09|"
            "devTime=1\tcat=own\tsev=10\teventId=id-1\tusrName=POD SHOP/API-0 KEEPS CRASHING"
        )
        assert read_event(payload).host == "here"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("    leef: {fields: {eventId: x}}", "`leef.eventId` is set by Tidings"),
        ("    leef: {fields: {two words: x}}", "`leef.two words` is no key"),
        ("    leef: {fields: {k: x}}\n    other: x", "has no member `other`"),
        ("    cef: {fields: {k: x}}", "no group `leef`"),
        ("    leef: x", "no group `leef`"),
    ],
)
def test_a_mapping_that_cannot_be_used_keeps_it_from_starting(tmp_path: Path, text: str, wanted: str) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(f"operations:\n  record:\n{text}\n")
    with pytest.raises(SettingsError, match=wanted) as raised:
        load("qradar_forwarder", {"QRADAR_ADDRESS": "tls://x", "QRADAR_MAPPING": str(mapping)}, Metrics())
    assert all(problem.startswith("QRADAR_MAPPING") for problem in raised.value.problems)


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"QRADAR_ADDRESS": "qradar.example:6514"}, "must be an address such as"),
        ({"QRADAR_ADDRESS": "tcp://qradar.example:514"}, "plain tcp:// is only for"),
        ({"QRADAR_ADDRESS": "http://qradar.example:12469"}, "must be https"),
        ({"QRADAR_ADDRESS": "tls://qradar.example:6514/path"}, "scheme, host and port alone"),
        ({"QRADAR_ADDRESS": "tls://me:secret@qradar.example"}, "must not carry credentials"),
        ({"QRADAR_ADDRESS": "tls://qradar.example:99999"}, "QRADAR_ADDRESS"),
        ({"QRADAR_ADDRESS": "tls://x", "QRADAR_KEY_FILE": "k"}, "needs QRADAR_CERT_FILE"),
        ({"QRADAR_ADDRESS": "https://x", "QRADAR_CERT_FILE": "c"}, "tls:// alone"),
        ({"QRADAR_ADDRESS": "tls://x", "QRADAR_MAX_BYTES": "100"}, "QRADAR_MAX_BYTES"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_a_reason(settings: dict[str, str], wanted: str) -> None:
    with pytest.raises(SettingsError, match=wanted):
        load("qradar_forwarder", settings, Metrics())


def test_a_certificate_that_cannot_be_used_is_told_at_the_start(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    with receiving() as app, pytest.raises(SettingsError, match="QRADAR_CERT_FILE"):
        play(app, lambda deliver: outcome(deliver, classified()), QRADAR_CERT_FILE=str(broken))


def test_a_key_that_wants_a_password_is_told_at_the_start_and_nobody_is_asked(tmp_path: Path) -> None:
    plain, locked = new_authority(tmp_path).issued("ours"), tmp_path / "locked.pem"
    key = load_pem_private_key(plain.read_bytes(), None)
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    settings = {"QRADAR_CERT_FILE": str(plain), "QRADAR_KEY_FILE": str(locked)}
    with receiving() as app, pytest.raises(SettingsError, match="QRADAR_CERT_FILE"):
        play(app, lambda deliver: outcome(deliver, classified()), **settings)


def test_the_port_that_none_names_is_that_of_tls_syslog() -> None:
    one = load("qradar_forwarder", {"QRADAR_ADDRESS": "tls://qradar.example"}, Metrics())
    (shown,) = one.preview(classified())  # type: ignore[attr-defined]
    assert (shown.method, shown.url) == ("SEND", "tls://qradar.example:6514")


def lines(app: Any, **settings: str) -> list[tuple[bool | None, str]]:
    return play(app, lambda deliver: deliver.function.check(), **settings)


def test_the_check_connects_sends_nothing_and_says_that_nothing_answers() -> None:
    with receiving() as app:
        reach, answer, clocks = lines(app)
        assert reach == (True, "connected by TLS, its certificate is good")
        assert (answer[0], clocks[0]) == (None, None)
        assert "at most 4000 bytes, framed by newline" in answer[1]
        assert app.quiet()
        assert app.count() == 0


def test_the_check_names_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    authority, other = new_authority(tmp_path), new_authority(tmp_path, "other")
    trusted = {"QRADAR_CA_FILE": str(authority.file)}
    found = {}
    with receiving(certificate=authority.issued("expired", days=-1)) as app:
        found["expired certificate"] = lines(app, **trusted)
    with receiving(certificate=authority.issued("name", host="siem.example")) as app:
        found["name mismatch"] = lines(app, **trusted)
    with receiving(certificate=other.issued("stranger")) as app:
        found["unknown authority"] = lines(app, **trusted)
    with receiving(certificate=authority.issued("good"), client_ca=authority.file) as app:
        found["no certificate of ours"] = lines(app, **trusted)
        found["refused certificate"] = lines(app, **trusted, QRADAR_CERT_FILE=str(other.issued("ours")))
        mine = lines(app, **trusted, QRADAR_CERT_FILE=str(authority.issued("mine")))
        assert [good for good, _ in mine] == [True, None, None]
        found["wrong name"] = lines(app, **trusted, QRADAR_ADDRESS="tls://no-such-host.invalid:6514")
    with receiving(certificate=None) as app:
        found["no TLS"] = lines(app, QRADAR_ADDRESS=app.address.replace("tcp:", "tls:"), QRADAR_TIMEOUT="0.3")
    with serve(qradar.new_app()) as url:
        found["HTTP"] = lines(app, QRADAR_ADDRESS=url.replace("http:", "tls:"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found["wrong port"] = lines(app, QRADAR_ADDRESS=f"tls://127.0.0.1:{taken.getsockname()[1]}")
    assert {name: [good for good, _ in said] for name, said in found.items()} == {key: [False] for key in found}
    words = {
        "expired certificate": ("has expired", "renew it"),
        "name mismatch": ("for another address", "QRADAR_ADDRESS"),
        "unknown authority": ("not trusted", "QRADAR_CA_FILE"),
        "no certificate of ours": ("refuses our certificate", "QRADAR_CERT_FILE"),
        "refused certificate": ("refuses our certificate", "QRADAR_CERT_FILE"),
        "wrong name": ("not known", "QRADAR_ADDRESS: its host"),
        "no TLS": ("in time", "QRADAR_ADDRESS: its host and port"),
        "HTTP": ("speaks no TLS", "check the port"),
        "wrong port": ("nothing listens", "check the port of QRADAR_ADDRESS"),
    }
    for name, (wrong, remedy) in words.items():
        ((_, text),) = found[name]
        assert wrong in text, name
        assert remedy in text, name


def listed() -> set[tuple[str, str]]:
    """Return the pairs of EventID and cat that the page lists; `*` for any cat."""
    pairs = set()
    for row in re.findall(r"(?m)^\| `([^`]+)` \| ([^|]+) \|", qradar_page()):
        cats = ["*"] if row[1].strip() == "any" else re.findall(r"`([^`]+)`", row[1])
        pairs |= {(row[0], cat) for cat in cats}
    return pairs


def test_every_pair_that_can_arrive_is_listed_for_qid_mapping() -> None:
    """Events of rules, events that no rule names, and objects: what comes out is looked up as QRadar does it."""
    ruleset, pairs = load_shipped(), listed()
    seen = [one.observation for one in unknown_events.events(Path(__file__).with_name("unknown_events.yaml"))]
    seen += [classified(reason=reason).observation for reason in ("BackOff", "Killing", "FailedMount", "")]
    seen += [classified(reason="", operation=operation).observation for operation in ("add", "update", "delete")]
    line = load("qradar_forwarder", {"QRADAR_ADDRESS": "tls://x"}, Metrics())
    missing = set()
    for observation in seen:
        subject = Classified(observation=observation, verdict=classify(observation, ruleset))
        event = read_event(line.preview(subject)[0].body)  # type: ignore[attr-defined]
        if not {(event.event_id, event.cat), (event.event_id, "*")} & pairs:
            missing.add((event.event_id, event.cat))
    assert missing == set()
    assert len(pairs) > 500
