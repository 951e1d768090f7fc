"""Who changed an object, whether that was planned, and of which kinds it is told what."""

from pathlib import Path

import pytest

from shared.changes import authors
from shared.changes.authors import Author
from shared.changes.conditions import CONDITIONS, OF_KIND
from shared.changes.kinds import KINDS
from shared.changes.made import PLANNED, observations
from shared.changes.record import Record, decode, encode
from shared.changes.step import seen_of
from shared.changes.windows import parse_windows, window_at
from shared.cluster.kinds import DEFAULT_KINDS, parse_kind
from shared.events.times import parse_time
from tests.support.objects import DAYS, Object, manager, observed, taken, thing, told

WANTED = (
    "Deployment", "Scale", "StatefulSet", "DaemonSet", "Node", "PersistentVolume", "PersistentVolumeClaim",
    "StorageClass", "Service", "EndpointSlice", "Ingress", "Route", "IngressController", "Namespace",
    "ConfigMap", "Secret", "HorizontalPodAutoscaler", "Job", "CronJob", "NetworkPolicy", "VirtualMachine",
    "VirtualMachineInstance", "DataVolume", "ClusterOperator", "ClusterVersion", "MachineConfigPool",
    "ResourceQuota", "LimitRange", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding",
    "SecurityContextConstraints", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration",
    "CustomResourceDefinition",
)  # fmt: skip


def test_every_kind_that_people_ask_for_has_a_row() -> None:
    assert [kind for kind in WANTED if kind not in KINDS] == []


def test_the_page_has_a_row_for_each_kind_and_each_condition(root: Path) -> None:
    def listed(paths: tuple[str, ...]) -> str:
        return ", ".join(f"`{path}`" for path in paths) or "–"  # noqa: RUF001 - as it stands in the page

    rows = [f"| `{kind}` | {row.about} | {listed(row.status)} | {listed(row.noise)} |" for kind, row in KINDS.items()]
    rows += [f"| `{', '.join(row.kinds)}` | {row.name} | `{row.began}` | `{row.ended}` |" for row in CONDITIONS]
    lines = (root / "docs" / "changes.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("| `") and line.count(" | ") == 3] == rows


@pytest.mark.parametrize("kind", KINDS)
def test_what_counts_of_a_kind_is_told_and_its_noise_is_not(kind: str) -> None:
    def at(path: str, value: str) -> Object:
        inner: Object | str = value
        for step in reversed(path.split(".")):
            inner = {"x" if step == "*" else step: inner}
        assert isinstance(inner, dict)
        metadata = inner.pop("metadata", {})
        return {"metadata": metadata, "members": inner}

    def versions(path: str) -> list[Object]:
        made = [at(path, value) for value in ("a", "b")]
        return [thing(kind, number, one["metadata"], **one["members"]) for number, one in enumerate(made, 1)]

    for path in KINDS[kind].status:
        assert len(told(*versions(path))) == 1, path
    for path in KINDS[kind].noise:
        assert told(*versions(path)) == [], path
    assert told(*versions("status.observedGeneration")) == []
    assert len(told(*versions("metadata.labels.team"))) == 1


def test_a_kind_without_a_row_is_compared_in_all_but_its_status() -> None:
    assert len(told(thing("Widget", 1, rules=[1]), thing("Widget", 2, rules=[2]))) == 1
    assert told(thing("Widget", 1, status={"a": 1}), thing("Widget", 2, status={"a": 2})) == []


def test_the_manager_that_wrote_last_is_named_and_how_it_wrote() -> None:
    entries = [
        manager("argocd", "spec", time="2026-11-24T08:00:00Z"),
        manager("kubectl-scale", "spec", time="2026-11-24T09:00:00Z", subresource="scale"),
        manager("kube-controller-manager", "status", time="2026-11-24T09:30:00Z", subresource="status"),
    ]
    new = thing("Deployment", 2, {"managedFields": entries}, spec={"replicas": 5})
    (only,) = told(thing("Deployment", 1, spec={"replicas": 3}), new)
    assert only.message == "Deployment/shop/web was changed by kubectl-scale (scale): spec.replicas 3 → 5"
    assert (only.component, only.action) == ("kubectl-scale", "Update")
    assert only.original["change"]["by"]["time"] == "2026-11-24T09:00:00Z"


def test_of_a_status_those_who_write_it_are_named() -> None:
    entries = [
        manager("argocd", "spec", time="2026-11-24T09:59:00Z"),
        manager("kubelet", "status", time="2026-11-24T09:30:00Z", subresource="status"),
    ]
    new = thing("Pod", 2, {"managedFields": entries}, status={"phase": "Running"})
    (only,) = told(thing("Pod", 1, status={"phase": "Pending"}), new)
    assert only.message == "Pod/shop/web was changed by kubelet (status): status.phase Pending → Running"


def test_nobody_is_blamed_for_a_deletion() -> None:
    fields = {"managedFields": [manager("argocd", "spec")]}
    assert told(thing("Pod", 1), thing("Pod", 2, fields), operation="delete")[0].message == "Pod/shop/web was deleted"
    marked = thing("Pod", 2, {**fields, "deletionTimestamp": "2026-11-24T10:00:00Z"})
    (only,) = told(thing("Pod", 1), marked)
    assert only.message == "Pod/shop/web was changed: metadata.deletionTimestamp added (2026-11-24T10:00:00Z)"


def test_the_user_that_audit_knows_is_named_with_the_program() -> None:
    new = thing("Deployment", 2, {"managedFields": [manager("kubectl", "spec")]}, spec={"replicas": 5})
    done = taken(taken(None, thing("Deployment", 1, spec={"replicas": 3})).record, new)
    assert done.answer is not None
    seen = seen_of(observed(new), new, DAYS)
    (only,) = observations(seen, done.answer, author=Author("alice", "patch", "a-1"))
    assert only.message == "Deployment/shop/web was changed by alice with kubectl: spec.replicas 3 → 5"
    assert only.original["change"]["user"] == "alice"


def test_an_author_is_kept_by_the_version_that_came_of_the_request() -> None:
    key = authors.key_of("c", "shop", "web", "8")
    assert key not in {authors.key_of("c", "shop", "web", "9"), authors.key_of("d", "shop", "web", "8")}
    assert authors.decode(authors.encode(Author("alice", "patch", "a-1"))) == Author("alice", "patch", "a-1")
    assert authors.decode(b"[1]") is None
    assert authors.decode(b"{") is None


def test_a_change_is_planned_by_an_annotation_that_may_name_its_record() -> None:
    def web(version: int, note: str) -> Object:
        return thing("Deployment", version, {"annotations": {PLANNED: note}}, spec={"replicas": version})

    (planned,) = told(web(1, "CHG0030052"), web(2, "CHG0030052"))
    assert planned.message.endswith("spec.replicas 1 → 2 (planned: CHG0030052)")
    assert (planned.original["change"]["planned"], planned.original["change"]["plan"]) == (True, "CHG0030052")
    (other,) = told(web(1, "false"), web(2, "false"))
    assert other.original["change"]["planned"] is False


@pytest.mark.parametrize(
    ("windows", "moment", "within"),
    [
        ("Sat 22:00-02:00", "2026-11-28T22:00:00Z", True),
        ("Sat 22:00-02:00", "2026-11-29T01:59:59Z", True),
        ("Sat 22:00-02:00", "2026-11-29T02:00:00Z", False),
        ("Sat 22:00-02:00", "2026-11-28T01:00:00Z", False),
        ("Sat 22:00-02:00 Europe/Paris", "2026-11-28T21:30:00Z", True),
        ("Sat 22:00-02:00 Europe/Paris", "2026-07-04T20:30:00Z", True),
        ("Mon-Fri 06:00-07:00", "2026-11-24T06:30:00Z", True),
        ("Mon-Fri 06:00-07:00", "2026-11-28T06:30:00Z", False),
        ("Fri-Mon 06:00-07:00", "2026-11-29T06:30:00Z", True),
        ("Fri-Mon 06:00-07:00", "2026-11-25T06:30:00Z", False),
        ("Tue,Thu 00:00-24:00", "2026-11-24T23:59:00Z", True),
        ("00:00-24:00", "2026-11-25T12:00:00Z", True),
        ("Wed 00:00-01:00; 09:00-10:00 UTC", "2026-11-24T09:30:00Z", True),
        ("", "2026-11-24T09:30:00Z", False),
    ],
)
def test_a_window_holds_what_is_in_it(windows: str, moment: str, *, within: bool) -> None:
    at = parse_time(moment)
    assert at is not None
    assert (window_at(parse_windows(windows), at) is not None) is within


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Sat", "'Sat' is no change window: write it as Sat 22:00-02:00 Europe/Paris"),
        ("Sat 22-02", "'Sat 22-02' is no change window"),
        ("Sta 22:00-02:00", "'Sta' is no day: did you mean"),
        ("Sat 22:60-23:00", "22:60 is no time of day"),
        ("Sat 25:00-26:00", "25:00 is no time of day"),
        ("Sat 22:00-02:00 Europe/Pari", "'Europe/Pari' is no time zone known here"),
        ("Sat 22:00-02:00 /etc/passwd", "'/etc/passwd' is no time zone known here"),
    ],
)
def test_a_window_that_is_wrong_is_told_with_what_to_write(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"^'") as error:
        parse_windows(f"Mon 01:00-02:00; {text}")
    assert words in str(error.value)


def test_a_record_is_read_as_it_was_written() -> None:
    first = taken(None, thing("Deployment", 1, spec={"replicas": 3})).record
    second = taken(first, thing("Deployment", 2, spec={"replicas": 5})).record
    gone = taken(second, thing("Deployment", 3), "delete").record
    for record in (first, second, gone):
        assert record is not None
        read = decode(encode(record))
        assert isinstance(read, Record)
        assert encode(read) == encode(record)
        assert len(encode(record)) < 4000


@pytest.mark.parametrize("data", [b"", b"\n", b"{}", b"[1]\n", b"[0,1,1,1,1,1,1,1]\n", b'[1,"1"]\nx'])
def test_a_record_that_cannot_be_read_counts_as_never_seen(data: bytes) -> None:
    assert decode(data) is None


def test_a_projection_that_cannot_be_unpacked_is_made_anew() -> None:
    first = taken(None, thing("Deployment", 1, spec={"replicas": 3})).record
    assert first is not None
    broken = decode(encode(first).partition(b"\n")[0] + b"\nnothing that was packed")
    done = taken(broken, thing("Deployment", 2, spec={"replicas": 5}))
    assert done.verdict == "unchanged"
    assert taken(done.record, thing("Deployment", 3, spec={"replicas": 6})).verdict == "new"


def test_every_condition_is_watched_by_default() -> None:
    """But for that of a Secret, which nobody may read unasked: a condition of what nobody sends is never seen."""
    watched = {parse_kind(kind).name for kind in DEFAULT_KINDS}
    assert OF_KIND.keys() - watched == {"Secret"}


def test_of_the_kinds_that_are_told_only_these_have_to_be_asked_for() -> None:
    """They hold secrets, or are large, or change all day; a Scale or Lease says nothing that another kind does not."""
    watched = {parse_kind(kind).name for kind in DEFAULT_KINDS}
    held = {"Secret", "ConfigMap", "Route", "CustomResourceDefinition", "ServiceAccount"}
    assert KINDS.keys() - watched == held | {"EndpointSlice", "Endpoints", "ReplicaSet", "Scale", "Lease"}
