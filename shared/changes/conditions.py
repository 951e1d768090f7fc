"""The conditions of objects that become observations even where no Event is sent: one table.

The reason that a row gives is the one that the Event about the same thing has, where there is one: then the same rule
judges both, and both are one problem. Where the cluster sends no Event the pack `object-conditions` has the rule.
"""

from typing import Final, Literal, NamedTuple

from shared.sources.rollouts import CONDITION, KINDS

How = Literal["condition", "value", "waiting", "terminated", "expiry", "rollout"]


class Condition(NamedTuple):
    """One row, bad where what stands `at` is one of `bad`. Where that is, `how` says.

    - `condition`: the status of that type in `status.conditions`, with one of `reasons` where any are given;
    - `value`: the text at that path, over where it is one of `good`;
    - `waiting`, `terminated`: a container's reason in that state;
    - `expiry`: the time at that path, bad where it comes near;
    - `rollout`: what its controller rolls out (rollouts.py), which lasts and is nothing bad.

    `began` and `ended` are the reasons of what is observed, `*` the condition's own. The texts hold `{message}`, what
    the object says, and `{part}`, the container.
    """

    name: str
    kinds: tuple[str, ...]
    how: How
    at: str
    bad: tuple[str, ...]
    began: str
    ended: str
    says: str = "{message}"
    says_ended: str = "{message}"
    reasons: tuple[str, ...] = ()
    good: tuple[str, ...] = ()


_ISSUED: Final = "The certificate has been successfully issued"
_PULL = (
    *("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"),
    *("RegistryUnavailable", "SignatureValidationFailed"),
)
_START = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError")
_JOB = ("BackoffLimitExceeded", "DeadlineExceeded", "PodFailurePolicy", "MaxFailedIndexesExceeded", "FailedIndexes")
_MACHINE = (
    *("CrashLoopBackOff", "ErrorUnschedulable", "ErrImagePull", "ImagePullBackOff", "ErrorPvcNotFound"),
    *("ErrorDataVolumeNotFound", "DataVolumeError"),
)
_OFF = ("False", "Unknown")
_ON = ("True",)

# fmt: off
CONDITIONS: Final = (
    Condition("node-ready", ("Node",), "condition", "Ready", _OFF, "NodeNotReady", "NodeReady"),
    Condition("memory-pressure", ("Node",), "condition", "MemoryPressure", _ON,
              "NodeHasInsufficientMemory", "NodeHasSufficientMemory"),
    Condition("disk-pressure", ("Node",), "condition", "DiskPressure", _ON,
              "NodeHasDiskPressure", "NodeHasNoDiskPressure"),
    Condition("pid-pressure", ("Node",), "condition", "PIDPressure", _ON,
              "NodeHasInsufficientPID", "NodeHasSufficientPID"),
    Condition("network-unavailable", ("Node",), "condition", "NetworkUnavailable", _ON,
              "NodeNetworkUnavailable", "NodeNetworkAvailable"),
    Condition("crash-loop", ("Pod",), "waiting", "", ("CrashLoopBackOff",), "BackOff", "Started",
              "Back-off restarting failed container {part}: {message}", "Started container {part}"),
    Condition("image-pull", ("Pod",), "waiting", "", _PULL, "Failed", "Pulled",
              "Failed to pull image: {message}", "The image of container {part} is there"),
    Condition("container-start", ("Pod",), "waiting", "", _START, "Failed", "Started",
              "Error: {message}", "Started container {part}"),
    Condition("out-of-memory", ("Pod",), "terminated", "", ("OOMKilled",), "ContainerOOMKilled", "",
              "Container {part} was killed because it used more memory than its limit allows"),
    Condition("claim-lost", ("PersistentVolumeClaim",), "value", "status.phase", ("Lost",), "ClaimLost", "ClaimFound",
              "The claim has lost its volume", "The claim is {message}", good=("Bound",)),
    Condition("volume-failed", ("PersistentVolume",), "value", "status.phase", ("Failed",),
              "VolumePhaseFailed", "VolumePhaseRecovered", "The volume could not be released",
              "The volume is {message}", good=("Available", "Bound", "Released")),
    Condition("vm-status", ("VirtualMachine",), "value", "status.printableStatus", _MACHINE,
              "VirtualMachineFailing", "VirtualMachineRecovered", "Its status is {message}", "Its status is {message}",
              good=("Running", "Stopped")),
    Condition("vm-phase", ("VirtualMachineInstance",), "value", "status.phase", ("Failed",), "Stopped", "Started",
              "The VirtualMachineInstance crashed", "VirtualMachineInstance is {message}", good=("Running",)),
    Condition("disk-failed", ("DataVolume",), "value", "status.phase", ("Failed",),
              "DataVolumeFailed", "DataVolumeRecovered", "The disk could not be filled", "The disk is {message}",
              good=("Succeeded",)),
    Condition("operator-available", ("ClusterOperator",), "condition", "Available", _OFF,
              "ClusterOperatorUnavailable", "ClusterOperatorAvailable"),
    Condition("operator-degraded", ("ClusterOperator",), "condition", "Degraded", _ON,
              "ClusterOperatorDegraded", "ClusterOperatorNotDegraded"),
    Condition("version-failing", ("ClusterVersion",), "condition", "Failing", _ON,
              "ClusterVersionFailing", "ClusterVersionNotFailing"),
    Condition("pool-degraded", ("MachineConfigPool",), "condition", "Degraded", _ON,
              "MachineConfigPoolDegraded", "MachineConfigPoolNotDegraded"),
    Condition("ingress-available", ("IngressController",), "condition", "Available", _OFF,
              "IngressControllerUnavailable", "IngressControllerAvailable"),
    Condition("rollout-stuck", ("Deployment",), "condition", "Progressing", ("False",),
              "ProgressDeadlineExceeded", "DeploymentProgressing",
              reasons=("ProgressDeadlineExceeded",)),
    Condition("job-failed", ("Job",), "condition", "Failed", _ON, "*", "Resumed", reasons=_JOB),
    Condition("certificate-expired", ("Certificate",), "condition", "Ready", ("False",), "Expired", "Issuing",
              says_ended=_ISSUED, reasons=("Expired",)),
    Condition("certificate-expires", ("Certificate",), "expiry", "status.notAfter", (),
              "CertificateExpiresSoon", "Issuing", "The certificate expires at {message}", _ISSUED),
    Condition("certificate-expires", ("Secret",), "expiry", "metadata.annotations", (),
              "CertificateExpiresSoon", "CertificateRenewed",
              "The certificate expires at {message}", "The certificate is good until {message}"),
)
# fmt: on

_POOL: Final = "MachineConfigPool"
ROLLOUTS: Final = (
    Condition(
        CONDITION,
        tuple(kind for kind in KINDS if kind != _POOL),
        "rollout",
        "status",
        (),
        "RolloutStarted",
        "RolloutCompleted",
        "A roll-out is under way{message}",
        "The roll-out is complete{message}",
    ),
    Condition(
        CONDITION,
        (_POOL,),
        "rollout",
        "status",
        (),
        "Updating",
        "Completed",
        "Nodes take a new configuration{message}",
        "All nodes have their configuration{message}",
    ),
)
"""What is rolled out: no problems, but changes of which the beginning and the end is told (docs/changes.md)."""

EXPIRY_ANNOTATIONS: Final = (
    "auth.openshift.io/certificate-not-after",
    "service.beta.openshift.io/expiry",
    "service.alpha.openshift.io/expiry",
)
"""Where OpenShift says until when the certificate in a Secret is good: its value need not be looked at."""

OF_KIND: Final = {
    kind: tuple(row for row in (*CONDITIONS, *ROLLOUTS) if kind in row.kinds)
    for each in (*CONDITIONS, *ROLLOUTS)
    for kind in each.kinds
}
"""The rows of each kind."""
