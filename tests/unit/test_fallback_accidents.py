"""A Normal event becomes a ticket only by what its reason says has befallen something, and no name by its letters."""

import pytest

from shared.rules import fallback
from tests.support.unnamed import unnamed


@pytest.mark.parametrize(
    ("kind", "reason", "message"),
    [
        ("Backup", "CreatingJob-mysql-full", "creating job default/mysql-full"),
        ("BreakGlassSession", "AccessGranted", "until noon (Reason: INC-4821 api outage)"),
        ("Widget", "Note", "the outage of yesterday is written up"),
        ("Node", "Note", "a kernel panic restarts the machine within 10s"),
        ("Falco", "RulesLoaded", "rules against exploits and rootkits"),
        ("Widget", "PoolChecked", "pool a is not used, pool b is exhausted at 95% full"),
        ("Node", "DiskFullThresholdSet", "to 90%"),
        ("Widget", "DegradedModeEnabled", ""),
        ("Widget", "MaxUnavailableSet", "to 1"),
        ("Node", "UnreachableTolerationSet", "to 300s"),
        ("Node", "ClientDisconnected", "kubectl of bob"),
        ("Node", "SearchExhausted", ""),
        ("Cluster", "ClusterDownsized", "from 5 to 3"),
        ("Widget", "CacheInvalidated", ""),
        ("PersistentVolume", "Frozen", "for its snapshot"),
        ("Route", "RouteUpdated", "traffic moved from blue to red"),
        ("Certificate", "DeniedListUpdated", ""),
        ("Falco", "Unspoken", "something without telling words"),
    ],
)
def test_a_normal_event_is_no_ticket_by_accident(kind: str, reason: str, message: str) -> None:
    rule = fallback.rule_for(unnamed(kind, "Normal", reason, message))
    assert (rule.ticket_after in (0, 3), rule.severity in ("info", "low", "medium")) == (True, True), rule.name


@pytest.mark.parametrize(
    ("kind", "reason", "message", "severity"),
    [
        ("Node", "NodeNotReady", "", "critical"),
        ("Node", "NodeHasDiskPressure", "", "high"),
        ("Widget", "QuorumLost", "", "critical"),
        ("Widget", "Degraded", "", "high"),
        ("Widget", "StateChanged", "Running -> Failed", "high"),
        ("Pod", "ThreatDetected", "a miner", "critical"),
        ("MalwareScan", "ScanCompleted", "2 threats found", "critical"),
    ],
)
def test_a_normal_event_is_a_ticket_where_its_reason_says_so(
    kind: str, reason: str, message: str, severity: str
) -> None:
    rule = fallback.rule_for(unnamed(kind, "Normal", reason, message))
    assert (rule.severity, rule.ticket_after) == (severity, 1), rule.name


def test_what_gives_no_reason_is_heard_by_its_message() -> None:
    assert fallback.rule_for(unnamed("Widget", "Normal", "", "no space left on device")).ticket_after == 1


@pytest.mark.parametrize(
    ("reason", "message", "severity", "ticket_after"),
    [
        ("Rebalancing", "drain blocked: will retry when complete", "low", 0),
        ("Processing", "Database isn't ready. Waiting for it.", "low", 0),
        ("UninstallPending", "Uninstall: Waiting on claims to be deleted", "low", 0),
        ("BackupPending", "target pod not ready", "low", 0),
        ("PublishPending", "publish deferred: no node yet", "low", 0),
        ("ApplyFailed", "namespace a because it is being terminated", "low", 0),
        ("SyncFailed", "waiting for the database failed", "medium", 3),
        ("Configure", "failed after retries: i/o timeout", "medium", 1),
        ("Rollout", "aborted: progress deadline exceeded", "medium", 1),
        ("PromotionManual", "manual follower promotion required", "medium", 1),
        ("StallDetected", "4 verify failures", "medium", 1),
        ("SearchExhausted", "MaxNodesReached", "medium", 1),
        ("PoolExhausted", "", "high", 1),
        ("ClusterWillLoseQuorum", "", "high", 1),
    ],
)
def test_a_warning_that_waits_is_light_and_one_that_has_given_up_is_told(
    reason: str, message: str, severity: str, ticket_after: int
) -> None:
    rule = fallback.rule_for(unnamed("Widget", "Warning", reason, message))
    assert (rule.phase, rule.severity, rule.ticket_after) == ("problem", severity, ticket_after), rule.name


@pytest.mark.parametrize(
    ("kind", "reason", "message", "severity", "phase"),
    [
        ("BreakGlassSession", "AccessGranted", 'Granted "cluster-admin" to alice', "medium", "change"),
        ("SudoRequest", "Approved", "by carol", "low", "change"),
        ("Widget", "AddingPermissionClaims", "Added new permission claims", "low", "change"),
        ("PodChaos", "Applied", "Successfully apply chaos for shop/web", "low", "change"),
        ("GameServer", "Power", "issued restart", "low", "change"),
        ("Canary", "Synced", "Advance web.shop canary weight 20", "info", "info"),
        ("GameServer", "StateChanged", "state set to Creating", "info", "info"),
        ("Tunnel", "Deleting", "Starting deletion", "info", "change"),
        ("Node", "CordonAndDrain", "Node successfully cordoned and drained", "info", "recovery"),
        ("Node", "SpotRebalanceRecommendation", "was triggered", "info", "info"),
        ("Widget", "Replication", "is now replicating", "info", "recovery"),
        ("Widget", "Updated", "no nodes are available", "low", "info"),
    ],
)
def test_what_a_normal_event_says_of_rights_steps_and_disturbances(
    kind: str, reason: str, message: str, severity: str, phase: str
) -> None:
    rule = fallback.rule_for(unnamed(kind, "Normal", reason, message))
    assert (rule.severity, rule.phase) == (severity, phase), rule.name


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("SudoRequest", "rbac"),
        ("SudokuGame", "workload"),
        ("FeatureSwitch", "workload"),
        ("SwitchConfig", "network"),
        ("RackATS", "node"),
        ("RackspaceAccount", "workload"),
        ("WazuhDecoder", "workload"),
        ("SecretSanta", "workload"),
        ("SealedSecret", "authentication"),
        ("VaultPKISecret", "certificate"),
        ("MeshTrafficPermission", "network"),
        ("FeedPermission", "rbac"),
    ],
)
def test_a_kind_is_heard_by_its_words_not_by_its_letters(kind: str, place: str) -> None:
    assert fallback.rule_for(unnamed(kind, "Normal", "Unspoken", "")).subcategory == place
