"""What words amount to: problem or good news, how grave, and whether it deserves a ticket.

The rows are meant to be read from the top: the first whose conditions all hold decides. A state that is named in the
reason counts more than one in the message, since a message also tells what was tried and what will be tried again.
"""

from typing import NamedTuple

from shared.events.vocabulary import Phase, Severity

AT_ONCE = 1
_TICKETS: dict[Severity, int] = {"critical": AT_ONCE, "high": AT_ONCE, "medium": 3}


class Outcome(NamedTuple):
    """A row: what it is called, and what it says where its conditions hold.

    `type` is W for a Warning, N for all others. `reason`, `message` and `text` (either) each need one of their words;
    `unless` forbids words in the reason. `at` names the subcategories that it is for, `about` the sorts of kinds.
    `ticket` None: as the severity.
    """

    name: str
    phase: Phase
    severity: Severity
    why: str
    type: str = ""
    reason: str = ""
    message: str = ""
    text: str = ""
    unless: str = ""
    at: str = ""
    about: str = ""
    ticket: int | None = None

    @property
    def ticket_after(self) -> int:
        """Return from how many occurrences on it deserves a ticket, 0 for never."""
        if self.phase != "problem":
            return 0
        return _TICKETS.get(self.severity, 0) if self.ticket is None else self.ticket


_BAD = (
    "failed invalid missing conflict refused timeout unreachable not-ready unhealthy degraded unavailable full no-room"
    " lost is-down killed retried stuck expired corrupt disaster broken-machine intrusion strained undone capped"
)

_SERVES = "storage network workload control-plane policy authentication"

ROWS: tuple[Outcome, ...] = (
    # --- noise, whatever its type ---
    Outcome("busy", "info", "low", "two writers met, and the next try settles it", message="busy"),
    # --- good news ---
    Outcome("no-trouble", "recovery", "info", "it says that a trouble is not there", type="N", reason="no-trouble"),
    Outcome("guest-removed-well", "recovery", "low", "it says that a virtual machine was taken away",
            type="N", reason="success", text="removed", about="guest", at="virtualization"),
    Outcome("removed-well", "change", "info", "it says that something was taken away as it should be",
            type="N", reason="deleted-well"),
    Outcome("untainted", "recovery", "info", "it says that a node takes pods again",
            type="N", text="untainted", unless="failed", at="node"),
    Outcome("failed-back", "recovery", "info", "it says that what failed over is back", type="N", reason="failed-back"),
    Outcome("called-off", "recovery", "info", "it says that what was about to be ended goes on",
            type="N", text="called-off"),
    Outcome("tentative", "info", "info", "it says what is being tried", type="N", reason="tentative",
            unless="failed upset maintenance changed issue finished"),
    Outcome("success", "recovery", "info", "it says that something succeeded", type="N", reason="success"),
    Outcome("success-in-words", "recovery", "info", "its message says that something is well again",
            type="N", reason="made changed", message="changed-to-good", unless="trifle"),
    Outcome("nothing-grave", "recovery", "info", "its message says that a trouble is not there",
            type="N", message="no-trouble", text="disaster broken-machine intrusion no-room"),
    # --- grave, whatever its type ---
    Outcome("risk", "problem", "high", "data or service may be lost", type="W", text="risk"),
    Outcome("disaster", "problem", "critical", "an outage or a loss of data", text="disaster"),
    Outcome("broken-machine", "problem", "critical", "a machine or its file system is broken",
            text="broken-machine", at="node storage"),
    Outcome("intrusion", "problem", "critical", "an intrusion", text="intrusion", at="runtime"),
    Outcome("certificate-expired", "problem", "critical", "a certificate that is in use has expired",
            reason="expired", about="certificate"),
    Outcome("node-down", "problem", "critical", "a node does not work",
            reason="unhealthy unreachable not-ready is-down lost", about="node", at="node"),
    Outcome("unavailable", "problem", "critical", "a part of the platform is not available",
            type="N", text="turned-unavailable", at="control-plane"),
    Outcome("remediation", "problem", "high", "a node is so ill that it must be replaced",
            text="remediation", at="node"),
    # --- light, though its words are not ---
    Outcome("ailing", "problem", "medium", "its health is not what it should be", type="W", text="ailing"),
    Outcome("dry-run", "info", "info", "nothing was done", type="W", text="dry-run"),
    Outcome("warned", "info", "low", "it only warns", type="W", reason="warned", unless="expired"),
    Outcome("probe", "problem", "low", "a single probe says little", type="W", message="probe", at="pod"),
    # --- high: somebody waits for it, or it does not mend itself ---
    Outcome("down", "problem", "high", "something does not do its work", reason="unhealthy degraded unavailable"),
    Outcome("harmless", "info", "low", "it says that no harm is done", type="W", reason="harmless"),
    Outcome("harmless-in-words", "info", "low", "its message says that no harm is done", type="W", message="harmless",
            unless="failed"),
    Outcome("hint", "info", "low", "it only says what would be better", type="W", reason="hint",
            unless="failed invalid missing refused upset"),
    Outcome("platform-down", "problem", "high", "the platform waits for a part of it", type="W",
            message="unavailable unhealthy degraded", at="control-plane"),
    Outcome("turned-bad", "problem", "high", "it says that something does not do its work any more",
            reason="made changed", message="unhealthy degraded changed-to-bad", unless="failed refused"),
    Outcome("failover", "problem", "high", "what served has failed and another takes over",
            type="W", reason="failover"),
    Outcome("off", "problem", "high", "what others stand on is down", type="W", reason="is-down", at=_SERVES),
    Outcome("member-lost", "problem", "high", "the platform has lost a part of it",
            type="W", reason="lost unreachable", at="control-plane"),
    Outcome("node-of-others", "problem", "high", "a node that others stand on is not ready",
            type="W", reason="not-ready", about="node"),
    Outcome("leader-gone", "problem", "high", "the one that all others follow cannot be reached",
            type="W", reason="leader", text="unreachable"),
    Outcome("storage-down", "problem", "high", "what many stand on is down",
            type="W", text="is-down", at="storage network node authentication"),
    Outcome("tries-over", "problem", "medium", "nothing tries again", type="W", reason="final", ticket=AT_ONCE),
    Outcome("tries-used-up", "problem", "medium", "its message says that nothing tries again", type="W",
            message="tries-used-up", unless="to-serve to-issue mount", ticket=AT_ONCE),
    Outcome("no-room", "problem", "high", "a resource is used up", text="no-room"),
    Outcome("full", "problem", "high", "a resource is used up",
            reason="full", unless="timeout strained", at="network node pod-security storage"),
    Outcome("certificate-refused", "problem", "high", "a certificate was not given",
            reason="refused", at="certificate"),
    Outcome("request-failing", "problem", "high", "a certificate waits until a try succeeds",
            reason="to-issue", unless="lesser missing refused invalid", about="request", at="certificate", ticket=3),
    Outcome("certificate-failing", "problem", "high", "a certificate cannot be had",
            reason="failed invalid refused missing retried", text="issue", unless="lesser", about="issuing",
            at="certificate"),
    Outcome("rotation-failing", "problem", "high", "a certificate or key cannot be renewed",
            type="W", reason="issue", text="failed missing", about="pod node workload", at="certificate"),
    Outcome("renewal-failing", "problem", "high", "a certificate or key cannot be renewed",
            type="W", reason="renewal", text="failed", at="certificate"),
    Outcome("keys-failing", "problem", "high", "what is encrypted cannot be read or written",
            type="W", reason="essential", text="failed missing", about="pod node workload", at="authentication"),
    Outcome("expired-certificate", "problem", "high", "a certificate is not valid any more",
            type="W", reason="expired", at="certificate"),
    Outcome("cannot-drain", "problem", "high", "a node cannot be emptied or used again",
            type="W", reason="drain", text="failed stuck timeout full", at="node"),
    Outcome("cannot-drain-in-words", "problem", "high", "its message says that a node cannot be emptied",
            type="W", message="drain", text="failed stuck timeout refused", reason="upset failed changed", at="node"),
    Outcome("config-missing", "problem", "medium", "a pod waits for what is not there",
            type="W", reason="mount", message="missing", about="pod"),
    Outcome("mount-failed", "problem", "high", "a pod waits for its volume",
            type="W", reason="mount", text="failed timeout conflict", at="storage", ticket=3),
    Outcome("guest-crashes", "problem", "high", "a virtual machine crashes again and again",
            type="W", reason="crash-loop", about="guest"),
    Outcome("crash", "problem", "high", "it crashes or ran out of memory", type="W", reason="killed", unless="retried"),
    Outcome("no-memory", "problem", "high", "it ran out of memory", type="W", reason="failed", message="out-of-memory",
            at="workload pod", ticket=3),
    Outcome("webhook-down", "problem", "high", "what asks a webhook is refused as long as it does not answer",
            type="W", text="timeout unreachable unavailable", at="mutating-webhook validating-webhook", ticket=3),
    Outcome("hardware", "problem", "high", "a part of a machine is broken", type="W", text="hardware",
            at="node storage"),
    Outcome("unsigned", "problem", "high", "an image without a valid signature was to run",
            type="W", text="signature", at="image"),
    Outcome("rights", "problem", "high", "somebody takes rights or secrets that are not his",
            type="W", text="escalation", at="runtime rbac authentication pod-security"),
    Outcome("crash-loop", "problem", "high", "it crashes again and again",
            type="W", message="crash-loop", at="pod workload control-plane", ticket=3),
    Outcome("sick-node", "problem", "high", "a node is not itself any more",
            type="W", reason="stuck corrupt", unless="clock", at="node network"),
    Outcome("sick-storage", "problem", "high", "data is not what it should be",
            type="W", reason="corrupt", at="storage workload control-plane"),
    Outcome("node-network", "problem", "high", "a node has no network",
            reason="failed not-ready unreachable invalid", unless="lesser issue", about="node", at="network"),
    Outcome("pod-network", "problem", "high", "a pod has no network",
            type="W", reason="failed not-ready unreachable timeout", unless="lesser address", about="pod", at="network",
            ticket=3),
    Outcome("pod-not-started", "problem", "high", "a pod cannot be started",
            type="W", reason="sandbox", text="failed", unless="lesser", about="pod", at="pod", ticket=3),
    Outcome("service-given-up", "problem", "high", "clients cannot reach a service, and nothing tries again",
            type="W", text="final", about="service", at="network"),
    Outcome("service-retried", "problem", "high", "clients cannot reach a service until a try succeeds",
            type="W", reason="to-serve", text="failed begun", unless="lesser conflict missing", about="service",
            at="network", ticket=3),
    Outcome("service-failing", "problem", "high", "clients cannot reach a service",
            type="W", reason="conflict missing", unless="lesser", about="address", at="network"),
    Outcome("address-failing", "problem", "high", "clients cannot reach an address",
            type="W", reason="failed", text="bring-up", unless="lesser", about="egress", at="network"),
    Outcome("machine-failing", "problem", "high", "a machine cannot be made or updated",
            type="W", reason="failed timeout", text="birth drain", unless="lesser", about="machine", at="node"),
    Outcome("volume-failing", "problem", "high", "somebody waits for a volume",
            type="W", reason="failed missing full refused timeout", text="provision fill", unless="lesser",
            about="claim", at="storage", ticket=3),
    Outcome("no-more-nodes", "problem", "high", "pods wait for nodes that may not be added",
            type="W", reason="capped", message="nodes-unfit", ticket=3),
    Outcome("no-nodes", "problem", "high", "pods wait for nodes that do not come",
            type="W", reason="scale-up", text="failed timeout", at="node", ticket=3),
    Outcome("instance-gone", "problem", "high", "a machine is gone", type="W", text="gone", about="instance"),
    Outcome("vm-failing", "problem", "high", "a virtual machine or its disk cannot be had",
            type="W", reason="vm-life", unless="lesser", about="vm"),
    Outcome("crash-in-words", "problem", "high", "its message says that it crashed", type="W",
            reason="upset put-to-death", message="killed"),
    Outcome("vm-gone", "problem", "high", "a virtual machine does not run any more",
            type="W", reason="upset", message="killed failed", about="vm"),
    Outcome("update-failing", "problem", "high", "the platform cannot be updated",
            type="W", reason="failed refused", about="updating"),
    Outcome("essential-failing", "problem", "high", "the platform's own machinery fails",
            reason="essential", text="failed", unless="backup", at="control-plane"),
    # --- told once: a job or pod that is over, a binding that will not come right ---
    Outcome("job-over", "problem", "medium", "a job that failed does not try again",
            type="W", reason="failed invalid timeout full retried", unless="lesser bring-up", about="batch",
            at="workload", ticket=AT_ONCE),
    Outcome("given-up", "problem", "medium", "nothing tries again", type="W", text="final", ticket=AT_ONCE),
    Outcome("never-right", "problem", "medium", "it is told once and does not come right by itself",
            type="W", reason="misbound", at="storage pod pod-security", ticket=AT_ONCE),
    # --- light ---
    Outcome("nodes-unfit", "problem", "high", "a pod waits for nodes that are not what they should be",
            type="W", message="nodes-unfit", at="node", ticket=3),
    Outcome("preference", "problem", "low", "only where it should run best cannot be told",
            type="W", reason="preference", at="virtualization workload"),
    Outcome("tidying", "problem", "low", "only tidying up fails", type="W", reason="tidying"),
    Outcome("lookup", "problem", "low", "only a look at something failed, and the next may not",
            type="W", reason="lookup", at="control-plane"),
    # --- trouble ---
    Outcome("evicted", "problem", "medium", "a pod was sent away",
            reason="evicted", unless="failed", at="pod", ticket=0),
    Outcome("sent-away", "problem", "medium", "what was at work was sent away",
            type="W", reason="evicted", unless="failed", at="workload"),
    Outcome("cordoned", "change", "low", "a node takes no more pods", type="N", reason="cordoned", at="node"),
    Outcome("unready", "problem", "medium", "it is not ready any more", reason="not-ready", message="changed-to-bad"),
    Outcome("failing-over", "change", "medium", "what served changes its place", type="N", reason="failover",
            unless="finished success"),
    Outcome("put-off", "info", "low", "it is put off", type="N", reason="retried", unless="failed drain",
            at="node network storage control-plane workload virtualization certificate authentication quota policy"
            " rbac"),
    Outcome("drifted", "info", "low", "it differs from what was asked for", type="N", reason="drifted"),
    Outcome("dependency", "info", "low", "it waits for another", type="N", reason="not-ready"),
    Outcome("of-age", "change", "info", "its time was over, as was wanted", type="N", reason="expired",
            text="retention deleted", at="workload storage"),
    Outcome("none-on-node", "recovery", "info", "it says what trouble a node does not have",
            type="N", reason="none", unless="trifle missing", about="node", at="node"),
    Outcome("none", "info", "low", "it says what there is not", type="N", reason="none",
            unless="trifle unavailable missing well finished"),
    Outcome("not-yet", "info", "info", "it is not yet what it will be", type="N", reason="undone"),
    Outcome("in-the-way", "info", "low", "another was there before", type="N", reason="conflict",
            unless="failed invalid"),
    Outcome("capped", "info", "low", "it went as far as it may", type="N", reason="capped"),
    Outcome("node-shut-off", "change", "low", "it says that a node takes no more pods",
            type="N", text="shut-off", unless="failed", at="node"),
    Outcome("shut-off", "change", "low", "it says what was cut off from the others", type="N", reason="shut-off"),
    Outcome("disabled", "change", "info", "it says what was switched off", type="N", reason="disabled"),
    Outcome("failed", "problem", "medium", "its reason says that something is wrong", reason=_BAD),
    Outcome("said-to-fail", "problem", "medium", "its message begins with what failed", type="N",
            reason="made changed begun", message="fails-first"),
    Outcome("failed-in-words", "problem", "medium", "its message says that something is wrong", type="W", message=_BAD),
    Outcome("cancelled", "problem", "medium", "it was not done to its end", type="W", reason="cancelled"),
    Outcome("rolled-back", "problem", "medium", "what was changed did not work and was taken back",
            type="W", reason="rolled-back"),
    Outcome("upset-warning", "change", "low", "it says what was done to it",
            type="W", reason="upset was-changed", unless="rebooted put-to-death"),
    Outcome("act", "problem", "medium", "somebody did what guards watch for",
            type="W", reason="made begun well finished done", at="runtime rbac pod-security"),
    Outcome("made-warning", "info", "low", "it says what is being done", type="W",
            reason="made begun well finished done success failed-back trifle skipped"),
    Outcome("warning", "problem", "medium", "it is a Warning without telling words", type="W"),
    # --- no Warning, no trouble in the reason ---
    Outcome("nothing-done", "info", "info", "its message says that nothing was to be done", type="N",
            reason="made changed", message="nothing-new skipped"),
    Outcome("skipped", "info", "info", "it says what was not done", reason="skipped"),
    Outcome("to-come", "info", "info", "it says what is still to come", reason="to-come",
            unless="drain maintenance issue failed"),
    Outcome("removed", "change", "medium", "it says that a node is taken away",
            reason="removed", about="machine", at="node"),
    Outcome("guest-removed", "change", "low", "it says that a virtual machine is taken away",
            reason="removed", about="guest", at="virtualization"),
    Outcome("marked", "change", "info", "it says how a node is marked", reason="marking", about="node", at="node"),
    Outcome("updating", "change", "low", "it says what is changed in the platform", reason="changed", about="updating"),
    Outcome("trifle", "info", "info", "it is a step on the way", reason="trifle"),
    Outcome("finished", "recovery", "info", "it says that something was done to the end", reason="finished"),
    Outcome("step", "info", "info", "it says what is being done", reason="starting",
            unless="drain maintenance issue changed"),
    Outcome("maintenance", "change", "low", "it says what is done to a node", reason="maintenance", at="node"),
    Outcome("upset-over", "recovery", "info", "its message says that a disturbance is over", reason="upset",
            message="finished", unless="shut-off begun", at="node workload"),
    Outcome("guest-moved", "recovery", "info", "a virtual machine was moved and runs",
            reason="migrated", at="virtualization"),
    Outcome("upset", "change", "low", "it says what was done to a node or a workload", reason="upset"),
    Outcome("changed-from", "change", "info", "it says what was changed into what", reason="made", message="from-to"),
    Outcome("changed-rights", "change", "low", "it says whose rights were changed", reason="made changed", at="rbac"),
    Outcome("well", "recovery", "info", "it says that something is as it should be", reason="well"),
    Outcome("taken-out", "change", "info", "it says what was taken out of the platform", reason="deleted",
            at="control-plane"),
    Outcome("changed-platform", "change", "low", "it says what was changed in the platform",
            reason="changed", at="control-plane certificate"),
    Outcome("step-in-words", "info", "info", "its message says what is being done", message="ongoing",
            reason="made changed", unless="upset"),
    Outcome("changed", "change", "info", "it says what was changed", reason="changed"),
    Outcome("made", "recovery", "info", "it says that something was done", reason="made done"),
    Outcome("started", "recovery", "info", "it runs", reason="started", at="pod virtualization"),
    Outcome("begun", "info", "info", "it says what is being done", reason="begun detected"),
    Outcome("turned-bad-in-words", "problem", "high", "its message says that something does not do its work any more",
            message="changed-to-bad"),
    Outcome("dependency-in-words", "info", "low", "its message says that it waits for another", message="not-ready"),
    Outcome("well-in-words", "recovery", "info", "its message says that something is as it should be",
            message="success well finished changed-to-good done-first"),
    Outcome("evicted-in-words", "change", "low", "its message says that a pod was sent away",
            message="evicted", at="pod workload"),
    Outcome("nothing-new", "info", "info", "its message says that nothing has changed", message="nothing-new"),
    Outcome("upset-in-words", "change", "low", "its message says what is done to a node", message="upset", at="node"),
    Outcome("changed-in-words", "change", "info", "its message says what was changed", message="changed"),
    Outcome("being-done", "info", "info", "its message says what is being done", message="ongoing"),
    Outcome("alert", "problem", "medium", "it is an alert", at="runtime"),
    Outcome("information", "info", "info", "it is no Warning and has no words of trouble"),
)  # fmt: skip
