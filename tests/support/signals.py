"""The audit signals (reference/audit_signals.csv) as records: one that shows each, and near misses that do not."""

import csv
import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from shared.events.model import Observation
from shared.sources.context import Context
from shared.sources.registry import decode_payload

FOLDER = Path(__file__).parent / "audit"
RECEIVED = datetime(2026, 8, 21, tzinfo=UTC)

OTHER_DIALECTS = frozenset(
    {
        "auditd_login_failure",
        "ovn_acl_drop",
        "hubble_policy_drop",
        "hubble_policy_audit",
        "hubble_datapath_drop",
        "rhacs_alert",
    }
)
"""Rows of the file that no API server logs: the dialects that carry them have specimens of their own."""

Change = dict[str, Any]


class Row(NamedTuple):
    """One row of the file."""

    signal: str
    stages: tuple[str, ...]
    regex_field: str
    regex: str
    category: str
    subcategory: str
    severity: int


class Signal(NamedTuple):
    r"""What makes a plain record show a signal, and what of that, changed, makes it show it no more.

    Changes are members by dotted path, None to take one away; keys with dots of their own are written with `\.`.
    """

    shows: Change
    misses: tuple[Change, ...]


def rows(shared_data: Path) -> list[Row]:
    """Return the rows that the API server's audit log carries."""
    with (shared_data / "reference" / "audit_signals.csv").open(encoding="utf-8", newline="") as file:
        found = [
            Row(
                signal=each["signal"],
                stages=tuple(each["stage"].split("|")),
                regex_field=each["regex_field"],
                regex=each["regex"],
                category=each["category"],
                subcategory=each["subcategory"],
                severity=int(each["severity"]) if each["severity"].isdigit() else 0,
            )
            for each in csv.DictReader(file)
        ]
    return [row for row in found if row.signal not in OTHER_DIALECTS]


PLAIN: dict[str, Any] = {
    "kind": "Event",
    "apiVersion": "audit.k8s.io/v1",
    "level": "RequestResponse",
    "auditID": "0aa7d5c9-1afd-4fc4-920c-e5d9e0b7befa",
    "stage": "ResponseComplete",
    "requestURI": "/apis/apps/v1/namespaces/shop/deployments/web",
    "verb": "update",
    "user": {"username": "alice", "groups": ["developers", "system:authenticated"]},
    "sourceIPs": ["10.0.0.7"],
    "userAgent": "kubectl/v1.37.0 (linux/amd64) kubernetes/9edcffc",
    "objectRef": {
        "resource": "deployments",
        "namespace": "shop",
        "name": "web",
        "apiGroup": "apps",
        "apiVersion": "v1",
    },
    "responseStatus": {"metadata": {}, "code": 200},
    "requestReceivedTimestamp": "2026-08-20T09:41:07.100000Z",
    "stageTimestamp": "2026-08-20T09:41:07.104000Z",
    "annotations": {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": ""},
}
"""A record that nobody minds: a developer changed a deployment of his."""


def record(change: Change) -> dict[str, Any]:
    """Return the plain record with some members otherwise."""
    made: dict[str, Any] = deepcopy(PLAIN)
    for path, value in change.items():
        *above, last = [step.replace("\0", ".") for step in path.replace(r"\.", "\0").split(".")]
        place = made
        for step in above:
            place = place.setdefault(step, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = deepcopy(value)  # a later change may go into it
    return made


def seen(payload: Any) -> Observation | None:
    """Return the observation of a record; None where it is not carried."""
    found = decode_payload(payload, Context("prod", RECEIVED))
    assert isinstance(found, list), found
    return found[0] if found else None


def read(change: Change) -> Observation:
    """Return the observation of the plain record, changed; it must be carried."""
    found = seen(record(change))
    assert found is not None
    return found


def refused(message: str, code: int = 403, decision: str = "allow") -> Change:
    """Return the change of an answer that refuses."""
    return {
        "responseStatus": {"metadata": {}, "status": "Failure", "message": message, "code": code},
        r"annotations.authorization\.k8s\.io/decision": decision,
    }


def about(
    resource: str, group: str = "", name: str = "thing", namespace: str = "shop", subresource: str = ""
) -> Change:
    """Return the change of the object that is asked for."""
    parts = {
        "resource": resource,
        "namespace": namespace,
        "name": name,
        "apiGroup": group,
        "apiVersion": "v1",
        "subresource": subresource,
    }
    return {"objectRef": {key: value for key, value in parts.items() if value}}


def noted(key: str, value: str) -> Change:
    """Return the change of one annotation."""
    return {f"annotations.{key.replace('.', chr(92) + '.')}": value}


def ordinary() -> Iterator[dict[str, Any]]:
    """Yield the ordinary records, each as its change of the plain one says."""
    for change in json.loads((FOLDER / "ordinary.json").read_text(encoding="utf-8")):
        yield record(change)
