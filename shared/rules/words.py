"""The words that events are written in: what a text speaks of, whoever wrote it.

A row is a word of ours and the RE2 pattern of what people and programs write for it. All patterns are searched for in
one pass, in the reason (taken apart: `FailedDrainNode` is `failed drain node`) and in the message. What the words
amount to is said in `outcomes`.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from shared.rules.regex import PatternSet

Signals = int
"""A set of words, one bit for each row."""

# How something went. Each pattern begins at a word's beginning; where it may end inside one, it is left open.
STATES: dict[str, str] = {
    # --- trouble, by its sort ---
    "failed": r"errimage|imagepull(?:err|back)|fail(?:ed|ure|ures|ing|s)?\b|err(?:or|ors|ored)?\b|exception(?:\z|:)"
    r"|cannot\b|can'?t\b|could ?n[o']t\b|couldn'?t\b|unable\b|not able\b|did ?n[o']t\b|doesn'?t\b|does not\b|isn'?t\b"
    r"|unsuccessful|incomplete\b|abort|exited with|not (?:trigger|deleted)|infeasible|impossible|not (?:established"
    r"|connected|synced|synchroni[sz]ed|joined|elected|resolved|replicated|enough|responding|assigned|programmed"
    r"|protected|served|propagated|enforced|updated|renewed|refreshed)\b",
    "invalid": r"invalid|not valid|malformed|illegal|incorrect|bad\b|wrong|incompatible|unsupported|not supported"
    r"|mismatch|misbound|misconfigur|undefined|ambiguous|duplicate|overlap|unknown\b|unrecogni[sz]ed|un ?parse?able"
    r"|unexpected|non ?compliant|non-compliant",
    "missing": r"missing|not ?found|not exist|no such\b|disappeared|no (?:\w+ )?(?:matching|suitable|valid|available"
    r"|eligible|schedulable|found)\b|orphan|gone\b|absent",
    "conflict": r"conflict|already (?:exists|allocated|in use|owned|managed|claimed|taken)|exists exception|in use\b"
    r"|collision|locked\b",
    "refused": r"den(?:ied|ial)\b|reject(?:ed|ion)|refused|disallow|prohibit|forbidden|not (?:allowed|permitted"
    r"|authori[sz]ed)|unauthori[sz]ed|blocked\b|blocking\b|block\z|restricted",
    "timeout": r"time(?:d)?[ -]?out|deadline ?exceeded|exceeded (?:its |the )?deadline|too long\b|exceeded grace",
    "unreachable": r"unreachable|unresponsive|not responsive|no route|connection (?:refused|reset|lost|closed)"
    r"|no such host|not respond|i/o timeout|network is down|disconnected|not reachable|heartbeat (?:lost|missed)",
    "not-ready": r"not ?ready|not yet ready|unready|not (?:running|serving)\b",
    "is-down": r"(?:is|are|was|went) down\b|(?:storage|node|link|cluster|server|peer|interface|tunnel|session|broker"
    r"|member|gateway|replicas?|primary|proxy|agent|plugin|controller|pool|volume|shard|daemon) down\b|down state\b"
    r"|not up\b|offline\b|not online\b|not covered\b|inactive\b|read[- ]only\b|(?:is|was) sealed\b|network partition"
    r"|quorum not\b|(?:member|shard|replica|broker|peer) lost\b|lost (?:its )?carrier|server (?:is )?not responding",
    "unhealthy": r"unhealthy|not healthy|isn'?t healthy|abnormal|broken\z",
    "degraded": r"degrad|health(?: is| status is| status)?:? yellow",
    "ailing": r"nearly|near ?full|almost|health_?warn|health warning",
    "leader": r"(?:primary|master|leader)\b",
    "cancelled": r"cancell?ed\b",
    "unavailable": r"no healthy \w+|no (?:ready |healthy |available )?(?:endpoints|backends|upstreams?)\b"
    r"|un ?available|not available\b|available (?:changed from \w+|set) to false",
    "turned-unavailable": r"available (?:changed from \w+|set) to false",
    "full": r"full\b|exhaust|insufficient|pressure\b|limit (?:reached|exceeded)|over ?commit|low on|exceed(?:ed|s)?\b"
    r"|out ?of ?(?:space|disk|ip|addresses|capacity|memory|cpu|pods|ephemeral|process|inode|file|port|thread|pi ?ds)",
    "no-room": r"(?:9[5-9]|100)% full|no (?:\w+ )?(?:addresses|ips?) (?:left|available|free)|space exceeded|(?:is"
    r"|are) full\b|watermark (?:exceeded|reached|set)|(?:memory|disk) alarm|(?:not enough|insufficient) (?:free |disk "
    r"|storage )?space|too many open files|no space left|no (?:more|free) (?:space|ips?|addresses|capacity|memory"
    r"|ports?|disks?|room|inodes?|nodes?|resources|blocks)|disk (?:is )?full|out of (?:space|disk|capacity|ip"
    r"|addresses)|disk ?pressure|memory ?pressure|exhausted\b|(?:storage|datastore|volume|pool|file ?system"
    r"|drive) (?:is )?full",
    "lost": r"lost\b|loss\b",
    "killed": r"oom ?kill(?:ed|er)?\b|oom\b|crash(?:ed|ing|es)?\b|crash ?loop|back-?off restarting|segfault",
    "crash-loop": r"crash ?loop|back-?off restarting",
    "out-of-memory": r"oom ?kill|oom\b|out ?of ?memory",
    "hardware": r"(?:hardware|drive|power ?supply|psu|fan|dimm|raid|nvme|ssd|smart)\b(?:\W+\w+){0,2}\W+(?:fail|fault"
    r"|stopped|dead\b)|(?:disk|block device)(?: \S*\d\S*| sd\w+)? (?:has |is |was )?(?:failed\b|failing\b|faulty"
    r"|dead\b|broken)|lost its disk|battery low|low battery|ecc (?:memory )?error|bad sector",
    "gone": r"(?:instance|machine|server|vm|host) (?:was |is |has been )?(?:not found|terminated|deleted|missing|gone"
    r"|does not exist|preempted|stopped)\b",
    "scale-up": r"scale ?up|scaled up|scale out|new nodes?\b",
    "escalation": r"privilege escalation|escalat\w+ privilege|cluster[- ]admin granted|granted cluster[- ]admin"
    r"|brute ?force|exfiltrat|port scan|suspicious|(?:secret|credential|token|key)s? (?:leaked|exposed)"
    r"|credential (?:theft|dump|leak)|leaked (?:secret|credential|token)|tamper",
    "retried": r"back[ -]?off\b|backoff|deferred|delayed|unscheduled|unschedulable|unassigned|malscheduled"
    r"|high (?:temperature|load|latency|usage)|miss(?:ed)? schedule|missed\b|overdue|out of sync|stale\b|skew",
    "stuck": r"stuck|stalled|hung\b|hang(?:s|ing)?\b|deadlock|blocked for more|storm\b|flapping|repetitive|frequent"
    r"|threshold (?:met|exceeded)|drift(?:ed)?\b|disabled\b",
    "expired": r"expired|expiration (?:warning|soon|near)|expir(?:y|es|ing)\b",
    "corrupt": r"corrupt|checksum|integrity|bad ?block|i/?o err",
    # --- what makes it grave ---
    "disaster": r"health(?: is| status is| status)?:? red\b|data (?:\w+ )?(?:is )?corrupt|corrupt(?:ed|ion)? (?:data"
    r"|wal)|no quorum|quorum lost|lost (?:its )?quorum|split[- ]?brain|data ?loss|no (?:master|leader|primary)\b"
    r"|(?:master|primary|leader) (?:nodes? )?(?:removed|not ready|lost(?:\z|[.,;:]))|master nodes? .*not ready"
    r"|claim ?lost|volume ?lost|lost (?:its |the )?(?:volume|data)|faulted|health_err|cluster (?:is )?down"
    r"|cluster crash|irrecoverable|unrecoverable|no template left|outage|guest panicked",
    "broken-machine": r"kernel (?:panic|oops|bug|deadlock)|fatal\b.*hardware|hardware .*fatal|fatal exception"
    r"|uncorrectable|power lost|lost power|(?:soft|hard) lock ?up|frozen\b|double[- ]bit|off the bus|(?:kubelet"
    r"|containerd|docker|cri-?o|container ?runtime) (?:is )?(?:down|stopped|not running)|vm ?core|docker hung|oops\b"
    r"|machine check|containerd unhealthy|file ?system (?:is )?read|read-?only file ?system|ext4[- ](?:fs )?error"
    r"|xfs has shut|kubelet setup",
    "intrusion": r"threats?(?: was| were)? (?:detected|found)|threat\z|malware|virus|miner\b|miners\b|crypto ?miner"
    r"|backdoor|exploit|breakout|reverse shell|ransom|intrusion|malicious|command[- ]and[- ]control|crypto\w* mining"
    r"|mining (?:process|pool)|root ?kit|web ?shell|trojan|spyware|botnet",
    "failover": r"fail(?:ed|ing)? ?over\b",
    "remediation": r"remediation (?:created|started|skipped|cannot|failed)|marked (?:as )?unhealthy|marked unhealthy",
    "drain": r"drain|uncordon|evacuat|deleting all pods",
    "evicted": r"evict|preempt|node shutdown",
    "rebooted": r"rebooted",
    "mount": r"(?:un)?stage|(?:un)?publish|(?:multi-?)?attach|mount|map ?volume|map ?pod ?device|un ?mount|detach",
    "bring-up": r"creat|start|sync\b|migrat|restor|back ?up|provision|import|clone|launch|boot\b|allocat|assign"
    r"|add(?:ing)?\b|reconcil|updat|announce|hand ?over|guarantee|load ?balancer|regist",
    "vm-life": r"fail\w* (?:to )?(?:create\b|migrat|hand ?over|guarantee|start)|(?:start|power ?on|migration|sync"
    r"|import|clone|restore|backup|operation) fail|restore error|create fail",
    "fill": r"import|snapshot creation",
    "provision": r"provision",
    "sandbox": r"creat\w* .*(?:sand ?box|container)|sand ?box (?:creat|fail)|start .*container|run container",
    "issue": r"issu(?:e|ed|ing|ance|ation)\b|obtain|sign|request|regist|verify|init|present|key ?pair|regenerat|order"
    r"|rotation|renew|certificate (?:update|create)|valid certificate|denied",
    "lesser": r"delet|list|status|metric|clean|valid|label|get\b|annotation|toleration|affinity|hook|window|dynamic"
    r"|pruning|unable to clone|exists",
    "lookup": r"observe|observer|get\b|list\b|status\b|signal|version|client failed|log ?level|pruning|watchdog"
    r"|management state|snapshot class|state controller",
    "essential": r"static pod|installer|api check|discovery|payload|etcd|encrypt|api ?server",
    "misbound": r"misbound|content mismatch|content missing|incompatible|not supported|forbidden|does ?n.t match"
    r"|does not match|admission|invalid node|declared features",
    # --- what makes it light ---
    "harmless": r"outdated\b|(?:update|upgrade) available|deprecat|will be removed|ignor(?:ed|ing)|skipping"
    r"|skipped(?:\z| \d)|fall(?:ing|ed)? ?back|using default|not recommended|obsolete|unmanaged|omitt|repairing"
    r"|cleaning up|corrected|tolerated|will report|nothing to|limits? (?:were|was) exceeded|resolv ?conf|resync"
    r"|dry ?run|change in progress|advanced feature|too many (?:active|succeeded|addresses)|multiple pod"
    r"|possible memory|same template",
    "dry-run": r"dry ?run",
    "nodes-unfit": r"nodes are available:.*(?:not-ready|unreachable|unschedulable)",
    "preference": r"affinity|toleration|annotations? labels?|topology hints",
    "warned": r"warn(?:ing)?s?\b",
    "probe": r"(?:readiness|startup|liveness) probe|probe (?:failed|error)",
    "tidying": r"update ?status\b|log ?level|pre ?stop|revision prun",
    "busy": r"object has been modified|please apply your changes to the latest|operation cannot be fulfilled"
    r"|context canceled",
    # --- good news ---
    "success": r"success|succeed|recovered|restored|resolved|healed|repaired|cleared|all (?:\w+ )*(?:nodes|members"
    r"|replicas|pods) are (?:ready|healthy)|back to normal|no longer|proceeds|(?:active|ready|healthy|available|online"
    r"|up|running) again|salvaged|ended\b|caught up\b|reconnected|rejoined|re-?established|corrected\b",
    "changed-to-good": r"(?:degraded|failing|stalled)\b.*true (?:->|to) false|(?:ready|healthy"
    r"|available)\b.*false (?:->|to) true|\w+ -> (?:healthy|synced|ready|green|true)\b|to \[?(?:healthy|ready|green"
    r"|established|connected|synced|available|online)\b|is (?:now |back )?(?:online|ready|healthy|available|green"
    r"|up)\b|changed: green",
    "changed-to-bad": r"no longer (?:ready|healthy|available)|(?:ready|healthy|available)\b.*true (?:->|to) false"
    r"|(?:degraded|failing|stalled)\b.*false (?:->|to) true|\w+ -> (?:degraded|missing|failed|error|unhealthy|down"
    r"|offline|red|faulted)\b|to (?:degraded|failed|error|unhealthy|down|offline|red|faulted)\b",
    "no-trouble": r"problem is now: false|no (?:malware|threats?|intrusion|rootkits?|virus(?:es)?) found|(?:has|have"
    r"|is|are|with)? ?(?:no|not|0|zero|without)(?: under)? (?:\w+ )?(?:deadlock|data ?loss|outage|read ?-?only"
    r"|pressure|frequent|corrupt|fatal|shut ?down|(?:error|failure|problem|issue|violation)s?\b)|has sufficient"
    r"|not degraded",
    "finished": r"\w+ ready\z|complete[d]?\b|finished\b|done\b|passed\b|cancell?ing deletion",
    "well": r"ready\b|healthy\b|available\b|schedulable\b|valid\b|verified|validated|established|synced\b|in ?sync\b"
    r"|reconciled\b|renewed|issued\b|approved\b|approval\b|admitted|accepted|programmed|bound\b|attached\b|mounted"
    r"|announcing|rebuilt|unsealed|uncordon|resumed?\b|unpaused|enabled\b|enforced|is up\b|online\b|connected|joined"
    r"|allocated|assigned|announced|pulled|scaled ?up ?group|imported|loaded|applied|configured|compliant|ok\b|optimal"
    r"|up to date|active\z|registered\z|readyz\b|initiali[sz]ed|presented|generated|recycled|ensured|rollback"
    r"|rolled back",
    "made": r"taken\b|created?\b|launched|updated?\b|added\b|observed\b|installed|deployed|provisioned|reload(?:ed)?\b"
    r"|sync\b|service restart|abortion|scalers? started|monitor started",
    # --- what is being done, and what was ---
    "started": r"started\b|\Ascheduled\b",
    "begun": r"await|start(?:ing|s|ed)?\b|begin|began|begun|wait(?:ing|s)?\b|pending\b|scheduled\b|scheduling\b"
    r"|request(?:ed|ing)?\b|in ?progress|progress(?:ing)?\b|creating|pulling|provisioning|importing|expanding|ensuring"
    r"|initiali[sz]ing|preparing|installing|running\b|queued|nominated|processing|attempt|trigger|reconciling"
    r"|establish\b|killing|requeu|deferring",
    "removed": r"(?:delet|remov)\w* (?:\w+ )?node\b|(?:node|machine) (?:was )?(?:delet|remov)|(?:delet|remov)\w*\z",
    "maintenance": r"maintenance|cordon",
    "cordoned": r"unschedulable",
    "deleted-well": r"success\w* terminat|(?:uninstall|terminat)\w* succe|deprovision|delet\w* (?:successful|succe)"
    r"|success\w* (?:delet|remov|deprovision|uninstall|detach|unmount)\w* \w|detach\w* succe",
    "starting": r"\w+ (?:started|starting|wait|waiting|planned|queued|scheduled|pending)\z",
    "birth": r"bootstrap|deploy|creat|start|provision|launch|boot\b|regist|join|build",
    "to-serve": r"load ?balancer (?:sync|updat|creat|ensur)|(?:sync|updat|creat|ensur)\w* load ?balancer|alloc"
    r"|announce|assign",
    "address": r"ipam\b|alloc",
    "renewal": r"renew|rotat",
    "final": r"will not (?:be )?retr|not retrying|no more retries|giv(?:ing|en) up|gave up|(?:attempts"
    r"|retries) exhausted",
    "to-issue": r"(?:sign\w*|order|present\w*)\b.* ?(?:fail|err)\w*|\Afailed\z",
    "backup": r"back ?up|snapshot|archiv",
    "skipped": r"skip",
    "signature": r"signatures?\b|signed\b",
    "drifted": r"drift(?:ed)?\b",
    "from-to": r"from \S+ to \S+|to (?:revision|version)\b|updated to\b",
    "marking": r"taint|labels?\b",
    "detected": r"detected\b",
    "trifle": r"no changes?\b|unchanged|notice\b|\Atermination .*finished|stopped serving|(?:phase|status) updated"
    r"|(?:update|upgrade|version) available|paus\w* until|(?:csr|order|request) created|finali[sz]er"
    r"|feature gates? init|log level|stopped listening|graceful|shutdown delay|in flight|waiting|status sync|spec sync"
    r"|file change",
    "upset": r"reboot|restart\b|restarting|restarted|cordon\b|cordoned|drain\b|draining|drained|disrupt|terminat"
    r"|spot inter|switchover|rolling|rolled\b|force|evict|preempt|scale ?down|scaled ?down|unregistered"
    r"|shut(?:ting)? ?down|stopped\b|reset\b|power(?:ed)? ?off|rebalanc|migrated|deleting ?node|rotation started"
    r"|update required|renewing|not schedulable|power(?:ed)? on\b|culled|culling|descheduled|was stopped|withdrawn"
    r"|(?:master|primary) (?:election|elected|switched|changed|promoted)|promoted to (?:primary|master|leader)",
    "was-changed": r"changed\b|(?:paused|suspended|override|overridden)\z",
    "changed": r"cancell?ed\b|[\w.:/\]\[]+ -> |chang(?:e|ed|ing)|modif(?:y|ied)|delet(?:e|ed|ing|ion)|remov(?:e|ed|ing"
    r"|al)\b|scal(?:e|ed|ing)\b|resiz|expand|upgrad|downgrad|patched|edited|paus(?:e|ed|ing)|suspend|detached"
    r"|deactivat|activat|promot|demot|replac|new (?:artifact|revision|version|target|commit|image|release|digest)"
    r"|overrid|migrating|version|rotat|updating|operation started|image updated|targeting|registered|pruned"
    r"|deregistered|unloaded|un ?mounted|rescal",
}  # fmt: skip

# What it is about, where that changes how much a failure weighs.
KINDS: dict[str, str] = {
    "pod": r"Pod\b",
    "node": r"Node\b",
    "instance": r"\w*Machine\b|NodeClaim\b",
    "machine": r"(?:Node|NodeClaim|Machine|MachineOS\w+)\b",
    "service": r"Service\b",
    "address": r"(?:Service|EgressIP)\b",
    "egress": r"EgressIP\b",
    "claim": r"PersistentVolumeClaim\b|DataVolume\b|VolumeSnapshotContent|VolumeGroupSnapshotContent",
    "request": r"CertificateRequest\b|Challenge\b|Order\b",
    "workload": r"(?:Deployment|StatefulSet|DaemonSet)\b",
    "vm": r"VirtualMachine|DataVolume",
    "certificate": r"Certificate\b",
    "batch": r"(?:Job|Cron\w+)\b",
    "guest": r"VirtualMachine(?:Instance)?\b",
    "issuing": r"(?:Certificate|Issuer|ClusterIssuer)\b",
    "updating": r"(?:ClusterVersion|MachineOS\w+|MachineConfig\w*)\b",
}  # fmt: skip


def _set(rows: Iterable[str]) -> PatternSet:
    return PatternSet(rf"(?i)\b(?:{pattern})" for pattern in rows)


class Vocabulary:
    """Named patterns, searched for together; a text's words are the bits of a number."""

    def __init__(self, rows: dict[str, str]) -> None:
        self._bits = {name: 1 << place for place, name in enumerate(rows)}
        self._rows = rows
        self._search: PatternSet | None = None  # made when first needed: most functions never meet an unknown reason

    def signals(self, text: str) -> Signals:
        """Return the words that are in the text; none where RE2 could not tell."""
        if self._search is None:
            self._search = _set(self._rows.values())
        found = 0
        for place in self._search.search(text) or ():
            found |= 1 << place
        return found

    def mask(self, names: str) -> Signals:
        """Return the set of words in a text of names. Raises KeyError for one that is none."""
        found = 0
        for name in names.split():
            found |= self._bits[name]
        return found


_JOINTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[-_./]+")


_OCCASION = re.compile(r" (?:on|after|upon|due to) (?:error|failure)\b")


def apart(reason: str) -> str:
    """Return a reason as a sentence: `NTPIsDown` is `ntp is down`, and `RestartOnError` a `restart`."""
    return _OCCASION.sub("", " ".join(_JOINTS.sub(" ", reason).lower().split()))


# How it went is no part of what it was about.
_OUTCOMES = (
    " fail failed failing failure err error errors exception cannot unable could not no to timeout timed out invalid"
    " success succeeded successful successfully complete completed finished done ok is are has been became requested"
    " ready healthy unhealthy degraded faulted available unavailable recovered restored resolved normal warning "
)
_ENDINGS = re.compile(r"(?:iation|ation|ion|ing|ed|es|e|s)$")
_SHORTEST = 5


@lru_cache(maxsize=4096)
def matter(reason: str) -> str:
    """Return what a reason is about, without how it went, so that failure and success of one thing meet.

    `ReconciliationFailed`, `ReconcileError` and `ReconcileSucceeded` are all about `reconcil`; `Ready` names nothing.
    """
    words = (word for word in apart(reason).split() if f" {word} " not in _OUTCOMES)
    return " ".join(_ENDINGS.sub("", word) if len(word) >= _SHORTEST else word for word in words)
