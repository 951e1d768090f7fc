"""Words that are denied, asked for or only promised are no alarm, and what is grave is told from what only failed."""

import pytest

from shared.rules import fallback
from shared.rules.outcome_rows import ROWS
from shared.rules.words import KINDS, STATES
from tests.support.unnamed import unnamed


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
        ("Node", "StuckBlockingLabelSwept", "label x was removed after 600s"),
        ("Volume", "OrphanedReplicaDeleted", "replica r-1 was nobody's"),
        ("Pod", "RemoveDuplicates", "pod eviction from worker-1"),
    ],
)
def test_a_normal_event_that_speaks_of_trouble_that_is_not_there_is_no_problem(
    kind: str, reason: str, message: str
) -> None:
    rule = fallback.rule_for(unnamed(kind, "Normal", reason, message))
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
    assert fallback.rule_for(unnamed(kind, "Warning", reason, message)).severity == severity


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
        ("Lease", "Normal", "LeaderLost", "a-1 lost the lease", "leader-steps-down"),
        ("Lease", "Normal", "LeaderLost", "", "leader-of-controllers"),
        ("Lease", "Warning", "LeaderLost", "", "lease-lost"),
        ("Pod", "Normal", "Evicted", "Evicted pod: Underutilized", "moved-for-balance"),
        ("Database", "Normal", "UpgradeStarted", "upgrade to 8.1 started", "long-step"),
        ("Database", "Normal", "UpgradeInProgress", "", "long-step"),
        ("Database", "Normal", "LayoutStaging", "staging layout changes", "at-work"),
        ("Database", "Normal", "ScaledDown", "from 5 to 3", "shrunk"),
        ("Database", "Normal", "ScaledDown", "from 1 to 0", "upset"),
        ("Database", "Normal", "BrokerDecommissioned", "", "shrunk"),
        ("Database", "Normal", "PrimaryReplicaMoved", "from db-0 to db-1", "lead-moved"),
        ("Database", "Normal", "ServerRunning", "", "running"),
        ("Database", "Normal", "JobRunning", "", "begun"),
        ("Database", "Normal", "Destroyed", "", "changed"),
        ("Database", "Normal", "PartiallyReady", "2 of 3 replicas are ready", "not-yet"),
        ("Database", "Warning", "PartiallyReady", "2 of 3 replicas are ready", "failed"),
        ("Database", "Warning", "GroupGone", "all its data was lost", "disaster"),
        ("Database", "Warning", "QuorumAtRisk", "one more and it is gone", "risk"),
        ("Database", "Warning", "EndOfLife", "", "hint"),
        ("Node", "Warning", "UPSOnBattery", "11 minutes left", "hardware"),
        ("Node", "Normal", "UPSOnLine", "", "success"),
        ("TemporaryAccess", "Normal", "AccessExpired", "", "rights-over"),
        ("ScaledObject", "Normal", "ScaledObjectCreated", "", "made-at-last"),
        ("Database", "Warning", "StatusChange", "from ONLINE to NO_QUORUM", "disaster"),
        ("Database", "Normal", "Switchover", "switchover to db-1 SUCCEEDED", "upset-over"),
        ("Database", "Warning", "Logging", "handler failed permanently", "given-up"),
        ("Canary", "Warning", "Synced", "halt advancement: success rate 90% < 99%", "failed-in-words"),
        ("Node", "Warning", "ReplacementRequested", "node needs replacement", "remediation-in-words"),
        ("Ingress", "Warning", "EndpointsEmpty", "", "down"),
        ("InstallPlan", "Normal", "RequiresApproval", "", "trifle"),
        ("Device", "Normal", "RestartRequired", "", "trifle"),
        ("Promotion", "Normal", "ApprovalRequested", "", "asked-for"),
        ("Promotion", "Normal", "PlanApplied", "", "well"),
        ("Database", "Normal", "SwitchoverStarted", "to db-1", "disturbing"),
        ("Database", "Normal", "RestartInProgress", "", "disturbing"),
        ("Database", "Normal", "RollingUpdateStarted", "", "step"),
        ("Database", "Normal", "FailoverStarted", "to db-1", "failing-over"),
        ("Database", "Normal", "FailoverFailed", "", "failed"),
        ("Database", "Normal", "FailoverSkipped", "", "skipped"),
        ("Database", "Normal", "DriftCheckFailed", "", "failed"),
        ("Database", "Normal", "DataRecopied", "", "made"),
        ("Database", "Normal", "SnapshotForgotten", "", "changed"),
        ("Database", "Normal", "SetImageLimit", "", "changed"),
        ("Database", "Normal", "SchemaMigrated", "version 1.12", "finished"),
        ("Database", "Normal", "Added", "a finalizer is added", "finalizer"),
        ("Link", "Normal", "LinkOperational", "", "well"),
        ("ClusterVersion", "Normal", "UpgradeComplete", "now at 4.17.3", "finished"),
        ("ClusterVersion", "Normal", "UpgradeStarted", "to 4.17.3", "updating"),
        ("APIService", "Warning", "AvailabilityChanged", "Available changed from True to False", "unavailable"),
        ("EtcdCluster", "Warning", "EtcdDefragFailed", "deadline exceeded", "failed"),
        ("VirtualMachine", "Warning", "BootFailed", "no bootable device", "vm-failing"),
        ("Pod", "Warning", "MountDenied", "permission denied (13)", "mount-failed"),
        ("CachedImage", "Normal", "Cached", "", "made"),
        ("Application", "Normal", "Protected", "", "made"),
        ("QueueManager", "Normal", "QueueManagerRunning", "", "running"),
        ("Canary", "Normal", "Promoted", "Promotion completed! Scaling down shop.web", "success-in-words"),
        ("BackingStore", "Warning", "StoreStatus", "no capacity left", "no-room"),
        ("Volume", "Warning", "PathLost", "iscsi", "off"),
        ("Service", "Warning", "LeaseTakenOver", "another node announces 10.0.0.4", "failover"),
        ("Deployment", "Warning", "EncryptionKeyMissing", "", "keys-failing"),
        ("Link", "Warning", "LinkStatus", "not operational", "failed-in-words"),
        ("IPPool", "Warning", "BlockAllocationFailed", "no blocks left", "no-room"),
        ("Job", "Warning", "PodGroupUnschedulable", "3 of 8 tasks", "failed"),
        ("Job", "Warning", "BackoffLimitExceeded", "", "job-over"),
        ("Sandbox", "Normal", "PodRunning", "", "running"),
        ("Database", "Normal", "ClusterVersionCreated", "", "made-at-last"),
        ("Database", "Normal", "PhaseChanged", "Waking -> Running: all pods are ready", "success-in-words"),
        ("CronJob", "Normal", "SawCompletedJob", "saw completed job: a-1, condition: Failed", "ended-badly"),
        ("CronJob", "Normal", "SawCompletedJob", "saw completed job: a-1, condition: Complete", "finished"),
        ("Pod", "Normal", "RemovePodsViolating", "pod eviction from worker-1", "removed-from-node"),
        ("Node", "Normal", "TaintsChanged", "taints added: a, taints removed: b", "marked"),
        ("Machine", "Normal", "DrainRequeued", "", "drain-again"),
        ("Node", "Warning", "VolumeAttachmentStuck", "", "mount-failed"),
        ("Pod", "Warning", "PodVolumesBindFailure", "", "mount-failed"),
        ("Pod", "Warning", "Unhealthy", "Liveness probe failed: 500", "vital-probe"),
        ("Pod", "Warning", "Unhealthy", "Readiness probe failed: 500", "probe"),
        ("Pod", "Warning", "Evicted", "The node was low on resource: memory.", "evicted-for-node"),
        ("Pod", "Warning", "NonGracefulTermination", "", "crash"),
        ("Pod", "Warning", "NodepoolRejected", "taint x is there, which is not tolerated", "failed"),
        ("Node", "Warning", "NTPIsDown", "", "beside-node-down"),
        ("Node", "Warning", "VMcore", "", "broken-machine"),
        ("Widget", "Warning", "GatekeeperDown", "", "off-at-last"),
        ("Widget", "Warning", "ShuttingDown", "", "upset-warning"),
        ("Widget", "Warning", "NoApproval", "", "lacking"),
        ("Widget", "Warning", "NoChange", "", "made-warning"),
        ("Widget", "Warning", "CoordinatorRecovered", "", "over"),
        ("Widget", "Warning", "TriggerProblem", "", "failed"),
        ("Widget", "Warning", "FencePod", "Fencing Pod pg-1", "upset-warning"),
        ("Widget", "Warning", "RequestOverLimit", "", "failed"),
        ("Ingress", "Warning", "RouteConflict", "host x is claimed already; this rule is ignored", "failed"),
        ("Issuer", "Warning", "VaultError", "", "issuer-failing"),
        ("CertificateSigningRequest", "Warning", "SigningError", "", "request-failing"),
        ("FileIntegrity", "Warning", "IntegrityStatus", "node worker-1 has changed to Failed", "turned-bad-for-guards"),
        ("FileIntegrity", "Warning", "FileIntegrityChanged", "/etc/passwd was changed", "tampered"),
        ("VirtualMachineInstance", "Warning", "IOerror", "", "disk-fails-guest"),
        ("VirtualMachineInstance", "Warning", "Migrated", "to an unknown host", "migration-failing"),
        ("Widget", "Warning", "Apply", 'failed calling webhook "x": received undecodable patch', "webhook-failing"),
        ("Role", "Warning", "Apply", "bob is attempting to grant RBAC permissions not currently held", "rights"),
    ],
)
def test_what_the_words_amount_to(kind: str, type_: str, reason: str, message: str, row: str) -> None:
    component = "cluster-autoscaler" if row == "no-nodes" else "widget-operator"
    assert fallback.rule_for(unnamed(kind, type_, reason, message, component)).name == f"unknown-{row}"


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
    rule = fallback.rule_for(unnamed("Widget", "Normal", reason, message))
    assert rule.subcategory in ("workload", "authentication"), rule.subcategory


@pytest.mark.parametrize(
    ("kind", "reason", "message", "place"),
    [
        ("Gateway", "ListenerNotReady", "listener https: invalid certificate reference", "network"),
        ("Gateway", "ListenerNotReady", "certificateRefs: kind ConfigMap is not supported", "network"),
        ("Gateway", "ListenerNotReady", "certificate secret shop/tls not found", "certificate"),
        ("Database", "RoleChanged", "role changed from secondary to primary", "workload"),
        ("Database", "RoleGroupFailed", "role group data failed", "workload"),
        ("RoleBinding", "PrivilegedBinding", "binds cluster-admin to a group", "rbac"),
        ("HelmRelease", "InstallFailed", "chart kyverno/kyverno: context deadline exceeded", "workload"),
        ("Widget", "CreateFailed", 'admission webhook "x.kyverno.example" denied the request', "policy"),
        ("ManagedCluster", "KubeconfigRejected", "cannot connect: token has expired", "authentication"),
        ("ManagedCluster", "ConnectFailed", "cannot connect: Unauthorized", "authentication"),
        ("Machine", "QuotaExceeded", "instance quota of the project", "node"),
        ("Database", "UserCreateFailed", "permission denied to create role", "rbac"),
        ("Database", "AnonymousAccessEnabled", "anybody may read", "authentication"),
        ("Node longhorn.io/v1", "DiskPressure", "disk is not schedulable", "storage"),
        ("Ingress", "TranslationFailed", "secret shop/tls does not exist", "certificate"),
        ("Pod", "PacketsDropped", "policy denied 10.0.0.1 -> 10.0.0.2", "network-policy"),
        ("Pod", "PacketDrop", "incoming packet dropped (stale_ct) from shop/web", "network"),
        ("Pod", "FailedCreatePodSandBox", "multus-shim: delegateAdd: error adding the interface", "network"),
        ("Pod", "Evicted", "The node was low on resource: memory.", "node"),
        ("FileIntegrity", "CertificateRenewalFailed", "node", "certificate"),
        ("VirtualMachineInstance", "IOerror", "", "storage"),
        ("CassandraDatacenter", "SnapshotFailed", "1 of 3 nodes", "storage"),
        ("PostgresCluster", "VolumeResizeFailed", "data-0", "storage"),
        ("HarborCluster", "RegistryStorageFull", "", "storage"),
        ("Widget", "JWTSecretInvalid", "signing secret is empty", "authentication"),
        ("Secret", "CredentialsExpiring", "in 3 days", "authentication"),
        ("StorageAccount", "AuthorizationFailed", "client may not act", "rbac"),
        ("Pod", "SQLInjectionAttempt", "request matched", "runtime"),
        ("DorisCluster", "BackendOffline", "be-2", "workload"),
        ("DOCluster", "SyncFailed", "", "control-plane"),
        ("Widget", "VPNSetupFailed", "", "network"),
        ("Widget", "FirewallSyncFailed", "", "network"),
        ("Widget", "IscsiLogoutFailed", "", "storage"),
        ("Widget", "FirmwareUpdateFailed", "", "node"),
        ("Widget", "KmsCallFailed", "", "authentication"),
        ("Widget", "KeystoreUpdateFailed", "", "certificate"),
        ("Pod", "UntrustedRegistry", "registry docker.io", "image"),
        ("Pod", "PrivilegeEscalationAllowed", "container web", "pod-security"),
        ("Pod", "ProfileNotLoaded", "apparmor profile is not there", "pod-security"),
        ("Pod", "ConfigMapKeyMissing", "key a", "workload"),
        ("Node", "NICDown", "ens1f0 has no carrier", "network"),
        ("Widget", "ScanFailed", "2 vulnerabilities could not be rated", "image"),
        ("LoadBalancer metalnet.ironcore.dev/v1", "SyncFailed", "", "network"),
        ("CustomDomain", "SyncFailed", "", "network"),
        ("Deployment", "WebhookCertificateExpired", "yesterday", "certificate"),
        ("Robot", "RobotAccountExpired", "", "authentication"),
        ("Deployment", "PolicyAudit", "flagged by policy b", "policy"),
        ("IdentityProvider access.cloudflare-operator.io/v1", "SyncFailed", "", "authentication"),
        ("KafkaUser", "ACLUpdateFailed", "topic orders", "rbac"),
        ("SecretStore", "ValidationFailed", "invalid vault credentials: 403", "authentication"),
        ("Ingress", "SecretNotFound", "unable to find the secret shop/tls", "certificate"),
        ("Domain", "ConversionWebhookFailed", "500", "control-plane"),
        ("Database", "WebhookFailed", "notification webhook returned 500", "workload"),
        ("TenantCluster", "SyncFailed", "", "control-plane"),
    ],
)
def test_who_must_act_decides_the_place(kind: str, reason: str, message: str, place: str) -> None:
    assert fallback.rule_for(unnamed(kind, "Warning", reason, message)).subcategory == place


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
    rule = fallback.rule_for(unnamed(kind, "Warning", reason, message))
    assert (rule.subcategory, rule.severity, rule.phase) == (place, severity, "problem"), rule.name
