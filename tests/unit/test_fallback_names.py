"""Names tell whose matter something is by their words, not by letters that happen to stand inside one."""

import pytest

from shared.rules import fallback
from shared.rules.words import apart, matter
from tests.support.unnamed import unnamed

_SUBJECTS = (
    *("Booking", "Campaign", "Catalog", "Checkout", "Claim", "Course", "Invoice", "Lesson", "Loan", "Order", "Parcel"),
    *("Payment", "Price", "Sample", "Shipment", "Ticket", "Trip", "Voucher", "Wallet"),
)
_SORTS = ("", "App", "Feed", "Instance", "Job", "Pipeline", "Processor", "Report", "Service", "Stack", "Worker")


@pytest.mark.parametrize("subject", _SUBJECTS)
@pytest.mark.parametrize("sort", _SORTS)
def test_the_kinds_of_a_team_that_nobody_knows_are_workloads(subject: str, sort: str) -> None:
    if (subject, sort) == ("Order", ""):
        return  # that of an ACME certificate
    kind = f"{subject}{sort} shop.example.io/v1"
    rule = fallback.rule_for(unnamed(kind, "Warning", f"{subject}{sort}Late", "", f"{subject.lower()}-controller"))
    assert (rule.category, rule.subcategory) == ("infrastructure", "workload")


@pytest.mark.parametrize(
    ("kind", "component", "place"),
    [
        ("TimesheetImport hr.example.io/v1", "hr-operator", "workload"),
        ("BondTrade bank.example.io/v1", "bank-operator", "workload"),
        ("BlockchainWallet bank.example.io/v1", "bank-operator", "workload"),
        ("BiosampleRun lab.example.io/v1", "lab-operator", "workload"),
        ("EtlService data.example.io/v1", "data-operator", "workload"),
        ("StateMachine flows.example.io/v1", "flow-operator", "workload"),
        ("PolicyRenewal insurance.example.io/v1", "insurance-operator", "workload"),
        ("ValidatorNode chain.example.io/v1", "chain-operator", "workload"),
        ("Widget", "dominion-controller", "workload"),
        ("Widget", "consultation-service", "workload"),
        ("Widget", "hongkong-importer", "workload"),
        ("Widget", "topicapi-controller", "workload"),
        ("Widget", "model-tuning-controller", "workload"),
        ("StreamSSO", "app-operator", "authentication"),
        ("TLSBundle", "app-operator", "certificate"),
        ("BucketReplication", "app-operator", "storage"),
        ("NPUPool", "app-operator", "node"),
    ],
)
def test_a_name_is_heard_by_its_words(kind: str, component: str, place: str) -> None:
    assert fallback.rule_for(unnamed(kind, "Warning", "SyncFailed", "", component)).subcategory == place


@pytest.mark.parametrize(
    ("group", "place"),
    [
        ("metal.example.io", "node"),
        ("storage.example.io", "storage"),
        ("dns.example.io", "network"),
        ("virt.example.io", "virtualization"),
        ("auth.example.io", "authentication"),
        ("compliance.example.io", "policy"),
        ("shop.example.io", "workload"),
        ("example.io", "workload"),
    ],
)
def test_the_first_word_of_an_api_group_tells_of_kinds_that_nobody_knows(group: str, place: str) -> None:
    assert fallback.rule_for(unnamed(f"Widget {group}/v1", "Warning", "SyncFailed", "")).subcategory == place


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("GPUsLost", "gpus lost"),
        ("NVMeSpareLow", "nvme spare low"),
        ("OAuthClientMissing", "oauth client missing"),
        ("NTPIsDown", "ntp is down"),
        ("APIsMissing", "apis missing"),
        ("FailureDomainUpdated", "domain updated"),
        ("DriftMonitorStarted", "monitor started"),
        ("ErrorBudgetExhausted", "error budget exhausted"),
        ("PodFailurePolicy", "pod failure policy"),
        ("StaleNodeForgotten", "node forgotten"),
        ("StuckResyncRecovered", "resync recovered"),
        ("FailedToBeRestored", "failed to be restored"),
    ],
)
def test_a_reason_is_taken_apart_into_what_it_says(reason: str, sentence: str) -> None:
    assert apart(reason) == sentence


@pytest.mark.parametrize(
    ("kind", "type_", "reason", "message", "verdict"),
    [
        ("Widget", "Normal", "FailureDomainUpdated", "", "info recovery"),
        ("Widget", "Normal", "LatencyNormal", "", "info recovery"),
        ("Widget", "Normal", "CachePolished", "", "info recovery"),
        ("Widget", "Normal", "DiskUnplugged", "", "info info"),
        ("Widget", "Normal", "CandidateSelected", "", "info info"),
        ("Widget", "Warning", "PatchStatusFailed", "", "low problem"),
        ("Widget", "Warning", "DetectError01", "skipping discovery", "medium problem"),
        ("Widget", "Normal", "DriftMonitorStarted", "", "info info"),
        ("Widget", "Normal", "RebuildInitiated", "", "info info"),
        ("Widget", "Normal", "PruningIncomplete", "pruning of web failed", "medium problem"),
        ("Widget", "Normal", "ReconciliationGracefullyPaused", "", "info change"),
        ("Widget", "Normal", "ActivateDefinition", "Successfully activated definition a", "info recovery"),
        ("Widget", "Normal", "RolledOut", "", "info recovery"),
        ("Widget", "Normal", "OutdatedPodReplaced", "", "low change"),
        ("Widget", "Warning", "UserNotMerged", "", "medium problem"),
        ("Widget", "Warning", "NoReplicasReady", "0 of 3", "high problem"),
        ("Widget", "Warning", "ManualInterventionRequired", "", "medium problem"),
        ("Widget", "Warning", "RecoveredFromCheckpoint", "", "info recovery"),
        ("Widget", "Warning", "StuckResyncRecovered", "", "info recovery"),
        ("Widget", "Warning", "EmergencyStopTested", "", "medium problem"),
        ("Widget", "Warning", "PrimaryFailure", "", "high problem"),
        ("Widget", "Warning", "LicenseMissing", "running in degraded mode", "high problem"),
        ("Widget", "Warning", "ClusterPaused", "cannot be cleaned up because it is paused", "low change"),
        ("Widget", "Warning", "UserGone", "user already removed", "low info"),
        ("Widget", "Warning", "SchemaOld", "v13 is recommended", "low info"),
        ("Widget", "Warning", "RollbackExhausted", "3 times", "medium problem"),
        ("Tenant", "Warning", "CertNearsEnd", "certificate web expires in 12 days", "high problem"),
        ("Node", "Warning", "AddressConflictWithSubnet", "", "high problem"),
        ("Node", "Warning", "PSURedundancyLost", "", "high problem"),
        ("Node", "Warning", "XfsShutdown", "XFS (sda1) has shut down", "critical problem"),
        ("BareMetalHost", "Warning", "ChecksumMissing", "", "medium problem"),
        ("Widget", "Normal", "ForceFullScanRequested", "", "info info"),
        ("Widget", "Normal", "ForceReconcile", "requested via annotation", "info info"),
        ("Widget", "Normal", "AlertSent", "", "info recovery"),
        ("Widget", "Normal", "AlreadyDeleted", "", "info info"),
        ("Widget", "Normal", "AllocateRange", "", "info recovery"),
        ("Widget", "Normal", "DeleteOrphaned", "", "info change"),
        ("Volume", "Normal", "SnapshotRolledBack", "", "info recovery"),
        ("Node", "Normal", "KernelUpdated", "kernel 6.1 -> 6.6", "info change"),
        ("Node", "Normal", "WorkerDrained", "", "info recovery"),
        ("Node", "Normal", "UpgradeStarted", "", "low change"),
        ("FileIntegrity", "Normal", "NodeStatus", "no changes to node a", "info recovery"),
        ("Widget", "Warning", "OutOfDate", "", "low info"),
        ("Widget", "Warning", "Suspended", "start refused: server is suspended", "low change"),
        ("Widget", "Warning", "SlotFailed", "slot exhausted 5 rebuilds", "medium problem"),
        ("TrainingJob", "Warning", "GPUOutOfMemory", "", "high problem"),
        ("IPAMRequest", "Warning", "allocation", "no more free cidr in range", "high problem"),
        ("Node", "Warning", "MemoryErrors", "12 correctable ECC errors", "medium problem"),
        ("NodePool", "Warning", "NodeClassNotReady", "", "high problem"),
    ],
)
def test_what_further_words_amount_to(kind: str, type_: str, reason: str, message: str, verdict: str) -> None:
    rule = fallback.rule_for(unnamed(kind, type_, reason, message))
    assert f"{rule.severity} {rule.phase}" == verdict, rule.name


@pytest.mark.parametrize(
    ("kind", "reason", "message", "place"),
    [
        ("Widget", "MasterRoleMoved", "", "workload"),
        ("Widget", "Forbidden", "may not delete it", "rbac"),
        ("Pod", "ScanBypassed", "security scan bypassed via annotation", "image"),
        ("Widget", "ProvenanceMissing", "", "image"),
        ("Node", "FilesystemIntegrityMismatch", "4 files differ", "runtime"),
        ("Pod", "LoginTimeout", "iscsiadm: could not log in to target", "storage"),
        ("BareMetalEndpoint", "NoIPAvailable", "", "network"),
        ("SQLRestore", "CredentialsFailed", "", "authentication"),
        ("Widget", "RollbackUpdateFailed", "", "workload"),
        ("Widget", "StorageCleanupFailed", "", "storage"),
        ("Widget", "SyncFailed", "access was denied for user 'app'", "authentication"),
        ("Widget", "SyncFailed", "Permission 'compute.disks.create' denied", "rbac"),
        ("Tenant", "ForbiddenPullPolicy", "pull policy Never is forbidden for the current Tenant", "policy"),
        ("TaskRun", "SigningFailed", "cannot sign the attestation", "image"),
        ("Work", "SyncFailed", "", "control-plane"),
        ("ConsolePlugin", "SyncFailed", "", "control-plane"),
        ("VMInstance", "SyncFailed", "", "virtualization"),
        ("Widget tunnel.example.io/v1", "SyncFailed", "", "network"),
        ("SeiNode", "SyncFailed", "", "workload"),
        ("GPUWorkload gpu.example.io/v1", "SyncFailed", "", "workload"),
        ("Widget", "WorkloadIdentityDeleteFailed", "", "authentication"),
        ("VirtualMachineInstance", "HotplugMountFailed", "", "storage"),
        ("EdgeNode", "SyncFailed", "", "node"),
    ],
)
def test_words_of_one_matter_lead_there_whatever_the_kind(kind: str, reason: str, message: str, place: str) -> None:
    assert fallback.rule_for(unnamed(kind, "Warning", reason, message)).subcategory == place


@pytest.mark.parametrize(
    ("trouble", "good_news"),
    [
        ("StuckVolume", "StuckVolumeRecovered"),
        ("DriftDetectorFailed", "DriftDetectorRecovered"),
        ("PVCsNotReady", "PVCsReady"),
    ],
)
def test_what_is_taken_apart_still_meets_the_trouble_that_it_ends(trouble: str, good_news: str) -> None:
    assert matter(good_news) == matter(trouble).removesuffix(" not")
