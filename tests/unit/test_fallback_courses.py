"""What an activity has come to is told by the last word of a reason; whose it is, by its kind and its other words."""

import pytest

from shared.rules import fallback
from tests.support.unnamed import unnamed


def _judged(kind: str, type_: str, reason: str, message: str) -> str:
    rule = fallback.rule_for(unnamed(f"{kind} v1", type_, reason, message, "x-op"))
    at_once = " ticket" if rule.ticket_after == 1 else ""
    return f"{rule.subcategory} {rule.severity} {rule.phase}{at_once}"


@pytest.mark.parametrize(
    ("type_", "reason", "message", "verdict"),
    [
        # Asked for, begun, found or executed says more than what it is about.
        ("Normal", "PromotionRequested", "", "info info"),
        ("Normal", "UpgradeTriggered", "", "info info"),
        ("Normal", "ResizeInitiated", "", "info info"),
        ("Normal", "ReplacementExecuted", "", "info recovery"),
        ("Normal", "ScaleTargetPromotionCreated", "", "info recovery"),
        ("Normal", "PasswordRotationStarted", "", "info info"),
        ("Normal", "FailoverExecuted", "Failover completed, b-1 serves", "info recovery"),
        ("Normal", "FailoverAborted", "", "medium problem"),
        ("Normal", "OwnerNotFound", "the owner has not yet been set", "info info"),
        ("Normal", "ScalingChanged", "requests are no longer limited", "info recovery"),
        ("Normal", "Linking", "Waiting until the name is configured", "info info"),
        ("Normal", "Info", "Widget service created", "info recovery"),
        ("Normal", "DisablingFailover", "", "info change"),
        ("Normal", "DisruptionRequired", "", "info info"),
        ("Normal", "LeaderAdopted", "w-1 is followed from now on", "low change"),
        # What nobody tries again deserves its ticket at once.
        ("Warning", "BackoffLimitExceeded", "six tries failed", "medium problem ticket"),
        ("Warning", "MaxRestartsExceeded", "", "medium problem ticket"),
        # Wanting something is no outage, and a limit that comes near is none either.
        ("Warning", "TokenUnavailable", "nobody gave one", "medium problem"),
        ("Warning", "MetricsUnavailable", "", "medium problem"),
        ("Warning", "SuspendLimitExceeded", "goes on though another is still unhealthy", "medium problem"),
        # What is not as wished, though nothing fails.
        ("Warning", "LabelTruncated", "the label was truncated", "low info"),
        ("Warning", "SizeAboveLimit", "the limit will be used instead", "low info"),
        ("Warning", "OptionNotImplemented", "it has no effect", "low info"),
        ("Warning", "StaleRecommendation", "no resize until there is a new one", "medium problem"),
        ("Warning", "ObsoleteRoutesDeletionFailed", "", "medium problem"),
        ("Warning", "EncryptionNotEnabled", "", "medium problem"),
        ("Warning", "StatusNotUpdated", "", "low problem"),
        ("Warning", "Overwritten", "the ConfigMap w", "low change"),
    ],
)
def test_what_an_activity_has_come_to_counts_more_than_what_it_is_about(
    type_: str, reason: str, message: str, verdict: str
) -> None:
    assert _judged("Widget", type_, reason, message).split(" ", 1)[1] == verdict


@pytest.mark.parametrize(
    ("kind", "reason", "message", "verdict"),
    [
        ("StorageArray", "CapacityApproachingFull", "72 % is used", "storage medium problem"),
        ("WebCertificate", "GaveUp", "retries exhausted", "certificate high problem ticket"),
        ("Node", "Runtime", "containerd is unhealthy", "node critical problem ticket"),
        ("Service", "FailedEnsure", "", "network high problem"),
        ("Service", "Address", "no VIP available", "network high problem ticket"),
        ("Node", "TooManyTargets", "it was not added to the load balancer", "network medium problem"),
        ("Release", "PolicyBreach", "", "policy medium problem"),
        ("WebShop", "IngressFailed", "", "network medium problem"),
        ("ValkeyNode", "ConfigFailed", "", "workload medium problem"),
        ("ValkeyNode", "BackupFailed", "", "storage medium problem"),
        ("SQLiteStore", "BackupFailed", "", "storage medium problem"),
        ("Registry", "StorageResizeFailed", "", "storage medium problem"),
        ("SearchCluster", "StorageClassInvalid", "", "storage medium problem"),
        ("Node", "SelfFenceBegun", "the agent resets this node", "node high problem ticket"),
        ("Widget", "TunnelFailed", "", "network medium problem"),
        ("Widget", "DrainNodeFailed", "", "node high problem ticket"),
        ("Widget", "ApiServerTimeout", "", "control-plane medium problem"),
        ("Widget", "ImageScanFailed", "", "image medium problem"),
        ("Widget", "CredentialsSecretMissing", "", "authentication medium problem"),
        ("Widget", "ComplianceScanFailed", "", "policy medium problem"),
        ("Widget", "AdmissionRejected", "", "policy medium problem"),
        ("Widget", "WebhookFailed", "webhook delivery was refused", "workload medium problem"),
    ],
)
def test_a_warning_belongs_to_whom_its_matter_belongs(kind: str, reason: str, message: str, verdict: str) -> None:
    assert _judged(kind, "Warning", reason, message) == verdict


@pytest.mark.parametrize(
    ("type_", "message", "verdict"),
    [
        ("Normal", "Created part 2", "info recovery"),
        ("Normal", "Part 2 will be deleted", "info info"),
        ("Normal", "Part 2 needs approval", "info info"),
        ("Normal", "The upgrade from 14 to 15 is in progress", "info info"),
        ("Normal", "Ignoring the changed label", "info info"),
        ("Normal", "Not starting a part, another is active", "info info"),
        ("Normal", "Restarting part 2", "low change"),
        ("Normal", "The server is running", "info recovery"),
        ("Normal", "Could not find part 2, trying again", "medium problem"),
        ("Normal", "Part 2 finished with exit code 3", "medium problem"),
        ("Warning", "Created part 2", "low info"),
        ("Warning", "Nothing has changed", "low info"),
        ("Warning", "Recreating part 2", "low change"),
    ],
)
def test_a_message_tells_where_the_reason_only_names_the_matter(type_: str, message: str, verdict: str) -> None:
    assert _judged("Widget", type_, "Parts", message).split(" ", 1)[1] == verdict


def test_a_reason_that_only_warns_leaves_it_to_the_message() -> None:
    assert _judged("Widget", "Warning", "Warning", "failed to make part 2") == "workload medium problem"
    assert _judged("Widget", "Warning", "Warning", "part 2 is large") == "workload low info"
    assert _judged("Widget", "Normal", "StateChanged", "all parts are healthy") == "workload info recovery"
