"""Mappings that send all that there is of an event, with `minimise`, and an audit record full of people."""

from dataclasses import replace
from typing import Any

from shared.delivery.mapping import Mapping, render
from shared.delivery.mapping_file import read_text
from shared.delivery.telling import context_of
from shared.episodes.machine import Known, observe
from shared.episodes.policy import IMMEDIATE, Policies
from shared.episodes.record import Record
from shared.events.episode import Episode
from shared.events.model import Classified, Observation, Verdict
from shared.rules.classify import classify
from shared.rules.shipped import load_shipped
from tests.support.specimens import observations

WHOLE = (
    "operations:\n  record: {whole: {from: observation}, verdict: {from: verdict}, "
    "text: '{{ observation }}{{ verdict }}'}\n"
)
TICKET = "operations:\n  open: {whole: {from: episode}, text: '{{ episode }}'}\n"
RULES = load_shipped(None)
KEY = b"k" * 32


def read(text: str, minimise: str, keys: bytes = b"") -> Mapping:
    found = read_text(f"{text}minimise: {minimise}\n", "m")
    assert isinstance(found, Mapping), found
    return replace(found, keys=lambda _cluster: keys)


def of_record(minimise: str, one: Observation, verdict: Verdict, keys: bytes = b"", text: str = WHOLE) -> Any:
    return render(read(text, minimise, keys), "record", {"observation": one, "verdict": verdict})


def of_ticket(minimise: str, one: Episode, keys: bytes = b"", text: str = TICKET) -> Any:
    return render(read(text, minimise, keys), "open", context_of(one))


def audit(**changes: Any) -> Observation:
    """Return what alice did, with changes of the record."""
    record = {
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Request", "stage": "ResponseComplete",
        "auditID": "5d1c0b7e-0000-4000-8000-000000000005", "verb": "create",
        "requestURI": "/api/v1/namespaces/shop/pods/web-0/exec?command=id&as=alice%40example.com",
        "user": {"username": "alice@example.com", "uid": "7f1", "groups": ["system:authenticated", "ops"],
                 "extra": {"full-name": ["Alice A."]}},
        "impersonatedUser": {"username": "bob"}, "sourceIPs": ["203.0.113.7", "2001:db8::7"],
        "userAgent": "kubectl/v1.31.0",
        "objectRef": {"resource": "pods", "namespace": "shop", "name": "web-0", "subresource": "exec"},
        "responseStatus": {"code": 101, "message": 'for User "bob" from 203.0.113.7'},
        "stageTimestamp": "2026-08-20T09:41:07.104000Z",
    }  # fmt: skip
    (seen,) = observations({**record, **changes})
    return seen


def judged(one: Observation) -> tuple[Observation, Verdict]:
    return one, classify(one, RULES)


def ticket_of(one: Observation) -> Episode:
    step = observe(Record(), Classified(observation=one, verdict=classify(one, RULES)), Known(), Policies(IMMEDIATE))
    return step.snapshots[-1].episode
