"""Words that are denied, asked for or only promised are no alarm, and what is grave is told from what only failed."""

import pytest

from shared.events.model import Observation
from shared.rules import fallback
from shared.rules.outcome_rows import ROWS
from shared.rules.specimen import build
from shared.rules.words import KINDS, STATES


def _seen(kind: str, type_: str, reason: str, message: str, component: str = "widget-operator") -> Observation:
    made = build({"component": component, "kind": kind, "type": type_, "reason": reason, "message": message})
    assert isinstance(made, Observation), made
    return made


@pytest.mark.parametrize(
    ("kind", "reason", "message"),
    [
        (
            "ClusterServiceVersion",
            "InstallWaiting",
            'waiting for deployment op to be ready: deployment "op" not available',
        ),
        ("Widget", "Reconciled", "no more replicas to delete"),
        ("Widget", "Backup", "full backup finished, nothing was lost"),
        ("Widget", "Status", "health is green, no data loss"),
        ("Widget", "Check", "no crash found in the last hour"),
        ("Node", "Heartbeat", "node is not under memory pressure"),
        ("Node", "DiskCheck", "disk check passed: no bad sectors"),
        ("Widget", "RetryScheduled", "will retry in 30s after error"),
        ("Certificate", "Info", "certificate expires in 60 days"),
        ("Widget", "Election", "master elected"),
        ("Job", "Progress", "3 of 9 steps done with 0 failures"),
        ("NeuVector", "ThreatFeedUpdated", "threat feed updated"),
        ("StorageCluster", "Expanding", "adding capacity, 70% full"),
        ("Report", "ExpiredReportHasBeenDeleted", "deleted the report as its expiration date has passed"),
        ("Pod", "RemoveFailedPods", "eviction by the descheduler"),
        ("Snapshot", "DeletedOrphanedSnapshots", "3 snapshots"),
        ("NodeClaim", "Unconsolidatable", "cannot be replaced by a cheaper node"),
    ],
)
def test_a_normal_event_that_speaks_of_trouble_that_is_not_there_is_no_problem(
    kind: str, reason: str, message: str
) -> None:
    rule = fallback.rule_for(_seen(kind, "Normal", reason, message))
    assert rule.phase != "problem", rule.name
    assert rule.severity in ("info", "low"), rule.name


@pytest.mark.parametrize(
    ("kind", "reason", "message", "severity"),
    [
        ("Widget", "SyncError", "error syncing: context canceled", "low"),
        ("Widget", "UpgradeFailed", "2 pods are not ready", "medium"),
        ("StatefulSet", "UpdateBlocked", "pod 0 is not ready", "medium"),
        ("Lease", "LeaseLost", "leader lost its lease", "high"),
        ("Widget", "RetriesExhausted", "5 attempts", "medium"),
        ("Node", "LabelUpdateFailed", "conflict", "medium"),
        ("AvailabilityGroup", "ForceFailover", "forcing failover with potential data loss", "high"),
        ("Release", "RollbackTriggered", "back to v1", "medium"),
        ("Pipeline", "ScalingFailed", "calculation failed, falling back to 1 replica", "medium"),
        ("Pipeline", "ScalingAdjusted", "falling back to 1 replica", "low"),
    ],
)
def test_a_warning_is_not_graver_than_its_words(kind: str, reason: str, message: str, severity: str) -> None:
    assert fallback.rule_for(_seen(kind, "Warning", reason, message)).severity == severity


def test_every_word_of_the_tables_is_used_by_a_row() -> None:
    states = " ".join(f"{row.reason} {row.message} {row.text} {row.unless}" for row in ROWS).split()
    assert set(STATES) == set(states)
    assert set(KINDS) == set(" ".join(row.about for row in ROWS).split())


@pytest.mark.parametrize(
    ("kind", "type_", "reason", "message", "row"),
    [
        ("Widget", "Warning", "RetriesExhausted", "", "tries-over"),
        ("CloneSet", "Warning", "PodEvicted", "pod was evicted", "sent-away"),
        ("Widget", "Normal", "Health", "Ready condition: True -> False", "turned-bad-in-words"),
        ("Widget", "Normal", "Check", "no data loss was found", "nothing-grave"),
        ("Tunnel", "Warning", "TunnelDown", "", "off"),
        ("Node", "Warning", "PowerSupplyFailure", "PSU 2 has failed", "hardware"),
        ("Node", "Warning", "GPULost", "GPU has fallen off the bus", "broken-machine"),
        ("Node", "Normal", "TaintAdded", "taint x added", "marked"),
        ("AWSMachine", "Warning", "Gone", "the instance was terminated by somebody", "instance-gone"),
        ("ConfigMap", "Warning", "ScaleUpFailed", "no instances left", "no-nodes"),
        ("ServiceAccount", "Warning", "ClusterAdminGranted", "bob was granted cluster-admin", "rights"),
    ],
)
def test_what_the_words_amount_to(kind: str, type_: str, reason: str, message: str, row: str) -> None:
    component = "cluster-autoscaler" if row == "no-nodes" else "widget-operator"
    assert fallback.rule_for(_seen(kind, type_, reason, message, component)).name == f"unknown-{row}"


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("DriftResolved", "no drift"),
        ("PodOwnerResolvingFailed", "could not find the owner"),
        ("WebhookAccepted", "push of main"),
        ("PasswordRotated", "every 30 days"),
    ],
)
def test_a_word_of_another_matter_does_not_tell_whose_it_is(reason: str, message: str) -> None:
    rule = fallback.rule_for(_seen("Widget", "Normal", reason, message))
    assert rule.subcategory in ("workload", "authentication"), rule.subcategory


@pytest.mark.parametrize(
    ("kind", "reason", "message", "place", "severity"),
    [
        ("Pod", "ReverseShellDetected", "bash -i to 10.0.0.9:4444", "runtime", "critical"),
        ("Pod", "DriftDetected", "binary /tmp/x was dropped and executed", "runtime", "critical"),
        ("Pod", "SensitiveFileRead", "/etc/shadow was read by cat", "runtime", "medium"),
        ("Pod", "UnexpectedProcess", "nc spawned by nginx", "runtime", "medium"),
        ("Pod", "HostPathMountDetected", "pod mounts /var/run", "pod-security", "medium"),
        ("Pod", "PrivilegedContainerStarted", "container runs privileged", "pod-security", "medium"),
        ("ClusterRoleBinding", "WildcardRoleBound", "subject can do everything", "rbac", "medium"),
        ("Node", "ChassisIntrusion", "chassis cover was opened", "node", "medium"),
    ],
)
def test_what_guards_see_is_a_matter_of_security_whoever_says_so(
    kind: str, reason: str, message: str, place: str, severity: str
) -> None:
    rule = fallback.rule_for(_seen(kind, "Warning", reason, message))
    assert (rule.subcategory, rule.severity, rule.phase) == (place, severity, "problem"), rule.name
