"""The words of trouble: what people and programs write where something went wrong, how wrong, and how little.

Each row is a word of ours and the RE2 pattern of what is written for it. Each pattern begins at a word's beginning;
where it may end inside one, it is left open.
"""

TROUBLE: dict[str, str] = {
    # --- trouble, by its sort ---
    "failed": r"\w+_fail(?:ed|ure)\b|fail(?:ed|ure)_\w+|errimage|imagepull(?:err|back)|fail(?:ed|ure|ures|ing|s)?\b"
    r"|err(?:or|ors|ored)?\b|exception(?:\z|:)|can ?not\b|can'?t\b|could ?n[o']t\b|couldn'?t\b|unable\b|not able\b"
    r"|did ?n[o']t\b|doesn'?t\b|does not\b|isn'?t\b|unsuccessful|incomplete\b|abort|exited with|not (?:trigger"
    r"|deleted)|infeasible|impossible|not (?:established|connected|synced|synchroni[sz]ed|joined|elected|resolved"
    r"|replicated|enough|responding|assigned|programmed|protected|served|propagated|enforced|updated|renewed"
    r"|refreshed)\b|erroring|abandon|\w+(?:error|exception|failure)\b|(?:http|code"
    r"|status)[:= ]+(?:code[:= ]+)?[45]\d\d\b|exit (?:code|status)[:= ]+[1-9]|rate exceeded|too many (?:requests"
    r"|connections|errors|failures|restarts)",
    # Said of what should be and is not: trouble in a Warning, else only not yet.
    "undone": r"partial(?:ly)? (?:appl|ready|avail|healthy|sync|complet|install|deploy|creat|restor|reconcil"
    r"|provision)|un(?:bound|synced|consolidat|evictable|drainable|verified|approved|accepted|resolved|satisf"
    r"|fulfilled|programmed|reconciled|matched|plac(?:ed|eable)|usable|confirmed|met\b|provisioned|initiali[sz]ed"
    r"|authenticated|trusted|delivered|routed|claimed|reserved|applied|joined|served|processed|finished|completed"
    r"|healed|recovered|monitored|watched)|in(?:accessible|admissible|complete\b)|not (?:yet )?(?:applied|met|reached"
    r"|satisfied|fulfilled|completed?|installed|deployed|created|verified|validated|trusted|approved|accepted"
    r"|admitted|ensured|recovered|restored|delivered|sent|scheduled|started|mounted|attached|bound|loaded|configured"
    r"|initiali[sz]ed|provisioned|registered|reconciled|set\b|reserved|routed|claimed|published|healed|active\b"
    r"|live\b|present\b|processed|finished|enabled|allocated|archived|built|cleaned|cloned|collected|committed|copied"
    r"|distributed|downloaded|encrypted|executed|exported|fixed\b|forwarded|generated|imported|injected|issued|merged"
    r"|migrated|mirrored|persisted|populated|prepared|promoted|pushed|reclaimed|released|removed|renamed|resized"
    r"|rotated|saved|scaled|signed|stored|upgraded|uploaded|written)",
    "not-yet": r"not yet\b|(?:has|have|is|are|does|do|was|were)n.t (?:\w+ ){0,5}yet\b",
    "invalid": r"invalid(?:\z|[^a]|a(?:\z|[^t]|t(?:\z|[^ei])))|not valid|malformed|illegal|incorrect|bad\b|wrong"
    r"|incompatible|unsupported|not supported|mismatch|misbound|misconfigur|undefined|ambiguous|duplicate|overlap"
    r"|unknown\b|unrecogni[sz]ed|un ?parse?able|unexpected|non ?compliant|non-compliant",
    "missing": r"missing|not ?found|not exist|no such\b|disappeared|no (?:\w+ )?(?:matching|suitable|valid|available"
    r"|eligible|schedulable|found)\b|orphan|gone\b|absent",
    "let-go": r"(?:\w+ )*orphaned\z",
    "conflict": r"conflict|already (?:exists|allocated|in use|owned|managed|claimed|taken)|exists exception|in use\b"
    r"|collision|locked\b",
    "refused": r"den(?:ied|ial)\b|reject(?:ed|ion)|refused|disallow|prohibit|forbidden|not (?:allowed|permitted"
    r"|authori[sz]ed)|unauthori[sz]ed|blocked\b|blocking\b|block\z|restricted",
    "timeout": r"tim(?:e|ed|ing)[ -]?out|deadline ?exceeded|exceeded (?:its |the )?deadline|too long\b|exceeded grace",
    "unreachable": r"unreachable|not routable|unroutable|unresponsive|not responsive|stopped (?:updat|post|report"
    r"|respond|send|renew|receiv)|(?:lease|heartbeat|status) (?:\w+ )?stopped|no route|connection (?:refused|reset"
    r"|lost|closed)|no such host|not respond|i/o timeout|network is down|disconnect(?:ed|ion)|not reachable"
    r"|heartbeat (?:lost|missed)",
    "not-ready": r"not ?ready|not yet ready|unready|not (?:running|serving|operational)\b",
    "is-down": r"(?:is|are|was|went) down\b|(?:bond|uplink|port|nic|router|switch|path|target|host|machine|site"
    r"|region|zone|mds|osd|mon|brick|disk|database|db|endpoint|backend|upstream|collector|exporter|worker|master"
    r"|leader|ospf|bgp|vpn|ipsec|vrrp|storage|node|link|cluster|server|peer|interface|tunnel|session|broker|member"
    r"|gateway|replicas?|primary|proxy|agent|plugin|controller|pool|volume|shard|daemon) down\b|(?:primary|master"
    r"|leader) fail(?:ure|ed)\z|down state\b|dead\z|died\b|\Adown\z|not up\b|offline\b|not online\b|not covered\b"
    r"|inactive\b|read[- ]only\b|writes? (?:are |is |were )?(?:blocked|stopped|rejected|disabled|refused)|(?:is"
    r"|was) sealed\b|network partition|minority\b|partitioned\b|quorum not\b|lost (?:its )?carrier|(?:member|shard"
    r"|replica|broker|peer|session|tunnel|path|link|uplink) lost\b|server (?:is )?not responding",
    "down-at-last": r"down\z",
    "brought-down": r"(?:scal|shut|slow|power|cool|wind|step|tear|break|lock|spin|roll|count|ramp|writ|take|br[io]\w+"
    r"|drill)\w* ?down\z",
    "unhealthy": r"unhealthy|not healthy|isn'?t healthy|abnormal|broken\z",
    "degraded": r"degrad|impaired|faulty|damaged|health(?: is| status is| status)?:? yellow",
    "ailing": r"nearly|near ?full|almost|health[_ ]?warn|(?:approach|near|clos)(?:es|ing|e)? (?:to )?(?:the "
    r"|its )?(?:\w+ )?(?:full|limit|capacity|maximum|quota|threshold)\b",
    "leader": r"(?:primary|master|leader)\b",
    "cancelled": r"cancell?ed\b",
    "unavailable": r"no (?:available|healthy|ready|running) (?:\w+ )?(?:instances|members|pods|replicas|workers)\b"
    r"|no (?:\w+ )?(?:instances|members|pods|replicas|workers) (?:are )?(?:available|healthy|ready|running)\b"
    r"|endpoints? (?:are |is )?empty\b|empty endpoints|no healthy \w+|no ready nodes?\b|no (?:ready |healthy "
    r"|available )?(?:endpoints|backends|upstreams?)\b|un ?available|not available\b|available (?:changed from \w+"
    r"|set) to false",
    "runs-degraded": r"(?:continu\w*|operat\w*|running|runs|working|works) (?:\w+ )?(?:in )?(?:a )?degraded",
    # What one wants to have, not what serves.
    "not-to-be-had": r"(?:tokens?|credentials?|secrets?|keys?|metrics?|images?|versions?|licen[cs]es?|prices?|quotas?"
    r"|recommendations?|data|info\w*|status) un ?available",
    "turned-unavailable": r"available (?:changed from \w+|set) to false",
    "full": r"full\b|exhaust|insufficient|pressure\b|limit (?:reached|exceeded)|over ?commit|low on|exceed(?:ed|s"
    r"|ing)?\b|out ?of ?(?:space|disk|ip|addresses|capacity|memory|cpu|pods|ephemeral|process|inode|file|port|thread"
    r"|pi ?ds)",
    "no-room": r"(?:9[5-9]|100)% full|no (?:\w+ )?(?:addresses|v?ips?|blocks|subnets|cidrs?) (?:left|available|free)"
    r"|space exceeded|(?:is|are) full\b|watermark (?:exceeded|reached|set)|(?:memory|disk) alarm|(?:not enough"
    r"|insufficient) (?:free |disk |storage )*space|too many open files|no (?:space|capacity|room) left|no (?:(?:free"
    r"|more) ){1,2}(?:space|ips?|cidrs?|addresses|capacity|memory|ports?|disks?|room|inodes?|nodes?|resources|blocks)"
    r"|disk (?:is )?full|out of (?:space|disk|capacity|ip|addresses)|disk ?pressure|memory ?pressure|\Aexhausted\z"
    r"|(?:ips?|address\w*|block|budget|capacity|cidr|connections?|cpu|descriptors?|disk|inodes?|memory|pools?|ports?"
    r"|quota|range|resources?|slots?|space|storage|subnet|threads?|volumes?|\S*/\d+)(?: \S+)? exhausted\b"
    r"|exhaustion\z|(?:storage|datastore|volume|pool|file ?system|drive) (?:is )?full|no (?:available|free"
    r"|valid) hosts?\b|no hosts? (?:available|left)\b|not enough hosts\b"
    r"|quota (?:has been|is|was) (?:met|reached)\b",
    "lost": r"lost\b|loss\b",
    # What a node says of itself.
    "node-ill": r"\A(?:node |kubelet |host )?(?:is |became |turned |went )?(?:unhealthy|unreachable|unresponsive"
    r"|not ?ready|down|offline|lost|dead)\z",
    "node-short": r"insufficient (?:memory|pid|disk)|(?:disk|memory|pid) ?pressure\z|out ?of ?disk\z",
    "exhausted": r"(?:\w+ )+exhausted\b",
    # What goes on as soon as another thing is done.
    "waits": r"\A(?:[a-z]+: )?(?:still )?waiting (?:for|on|until|to)\b|waiting for (?:it|them)\b"
    r"|will (?:be )?retr(?:y|ied) (?:when|once|after|as soon as)\b|retrying (?:when|once|as soon as)\b|(?:is|was|are"
    r"|were) (?:deferred|postponed|blocked) (?:until|till)\b|\w+ deferred:|\Ablocked until\b|(?:is|was|are"
    r"|were) (?:delayed|held back|on hold|postponed|deferred) (?:as|because|since|until|while)\b",
    "being-ended": r"(?:because |as |since )?(?:it|namespace \S+|the namespace) is (?:being terminated|terminating)\b",
    "killed": r"restart ?loop|keeps restarting|oom ?kill(?:ed|er)?\b|oom\b|(?:died|dead|detached|terminated|stopped"
    r"|powered off|exited|killed|closed|shut ?down) unexpectedly|unexpected(?:ly)? (?:\w+ ){0,2}(?:terminat|detach"
    r"|exit|crash|shut ?down|stop)|panic(?:ked|s)?\b|core ?dump|crash(?:ed|ing|es)?\b|crash ?loop"
    r"|back-?off restarting|segfault|non[- ]?graceful|ungraceful|not graceful",
    "crash-loop": r"(?:crash|restart) ?loop|back-?off restarting",
    "out-of-memory": r"oom ?kill|oom\b|out ?of ?memory",
    "correctable": r"correct(?:able|ed) (?:\w+ )?(?:ecc )?errors?\b|correctable\b",
    "hardware": r"raid(?: \w*\d\w*| array| controller| set| volume| group| disk| member)? (?:has |is |was )?(?:fail"
    r"|fault|dead)|(?:hardware|drive|power ?supply|psu|fan|dimm|nvme|ssd|smart)\b(?:\W+\w+){0,2}\W+(?:fail|fault"
    r"|stopped|dead\b)|(?:disk|block device)(?: \S*\d\S*| sd\w+)? (?:has |is |was )?(?:failed\b|failing\b|faulty"
    r"|dead\b|broken)|lost its disk|on battery\b|overheat|thermal (?:shut ?down|trip)|temperature (?:is )?critical"
    r"|critical temperature|redundancy (?:is |was )?(?:degraded|lost)|battery low|low battery|ecc (?:memory )?error"
    r"|bad sector",
    "gone": r"(?:instance|machine|server|vm|host) (?:was |is |has been )?(?:not found|terminated|deleted|missing"
    r"|powered off|gone|does not exist|preempted|stopped)\b",
    "scale-up": r"scale ?up|scaled up|scale out|new nodes?\b",
    "escalation": r"privilege escalation|escalat\w+ privilege|cluster[- ]admin granted|granted cluster[- ]admin"
    r"|system:? ?masters|(?:bound|added|promoted) to (?:the )?cluster[- ]admin|brute ?force|exfiltrat|port scan"
    r"|suspicious|(?:secret|credential|token|key)s? (?:leaked|exposed)|credential (?:theft|dump|leak)"
    r"|leaked (?:secret|credential|token)|tamper|attempting to grant rbac|permissions not currently held",
    "retried": r"back[ -]?off\b|backoff|deferred|delayed|unscheduled|unschedulable|unassigned|malscheduled"
    r"|high (?:temperature|load|latency|usage)|miss(?:ed)? schedule|missed\b|overdue|out of sync|stale\b|skew"
    r"|postpone|on hold\b|\Aheld\b|held back|(?:is|was|are) held|retry|retried|reattempt|throttl|rate[- ]?limit"
    r"|too many requests|blocked\b|late\z",
    "strained": r"over (?:the )?(?:limit|budget|capacity|threshold)|overflow|vanish|inconsisten|problems?\z|issues?\z"
    r"|rejecting|sick\b|ailing\b|unstable|flaky|saturat|starv|congest|overload|panicked|lag(?:s|ging)?\b"
    r"|anonymous (?:access|auth)\w*|under[- ]?(?:replicat|provision|sized)|over[- ]?siz|imbalanc|unbalanced|diverg"
    r"|insecure|unsafe|violat|leak(?:ed|ing|s)?\b|slow\b|too (?:slow|old|large|big|high|low|few|many)|behind\b|spike"
    r"|shortage|scarc|anomal|misplaced|breach|alarm\b|emergency\z|critical\z|outlier|undersized",
    "capped": r"limited\z|(?:max|maximum|min|minimum|limit|cap|ceiling) (?:\w+ ){0,2}(?:reached|hit)",
    # It grows or works no further than somebody allows.
    "held-down": r"(?:burst\w*|growth|parallelism|replicas?|scal\w*|size|\w+scal\w*) (?:is |was )?(?:bounded|capped"
    r"|clamped|limited)\z",
    "stuck": r"(?:replication|sync|archiving|updates?|reporting|monitoring|logging|collection|ingestion|backups?"
    r"|heartbeats?|mirroring|polling|scraping) (?:has |is |was )?stopped|halt(?:ed|s|ing)?\b|froze\b|stuck|stall(?:ed"
    r"|s)?\b|hung\b|hang(?:s|ing)?\b|deadlock|blocked for more|storm\b|flap(?:s|ping)?\b|repetitive|frequent"
    r"|threshold (?:met|exceeded)|drift(?:ed)?\b|disabled\b",
    "expired": r"expired|expiration (?:warning|soon|near)|expir(?:y|es|ing)\b",
    "certificate-ends": r"certificates? (?:\S+ ){0,4}(?:has |have )?(?:expired|lapsed|run out)(?:\z|[.,;:]| (?:at|in"
    r"|on|since|\d))|certificates? (?:\S+ ){0,4}(?:is |are |will )?(?:expiring|expires?|lapse|run out) (?:in|on|at"
    r"|within)\b",
    # What was passed is a mark, and nothing is used up.
    "beyond": r"(?:\w+ )*(?:age|delay|drift|duration|jitter|lag|latency|offset|rate|skew|temperature|threshold"
    r"|tolerance)s? (?:limit )?exceeded",
    "guarded": r"(?:delet|destr|terminat)\w* protection is (?:enabled|on)\b",
    "ends-late": r"in (?:(?:1[5-9]|[2-9]\d|\d{3,}) ?d(?:ays)?\b|\d+ (?:week|month)s\b)",
    "issuer-bad": r"\A(?:\w+ )?issuer (?:\w+ )?(?:err\w*|fail\w*|invalid)\z",
    "not-obtained": r"(?:obtaining|issuing|renewing|requesting) (?:the )?certificate failed|too many certificates",
    "corrupt": r"corrupt|data inconsisten|inconsistent (?:data|pg|placement|replica)|checksum (?:check|differ|err"
    r"|fail|inval|is\b|mismatch|verif|wrong)|(?:bad|page|wrong) checksum|checksum\z|integrity (?:check|changed|fail"
    r"|error|violat|mismatch|broken|lost)|bad ?block|i[/ ]?o ?err",
    # --- what makes it grave ---
    "disaster": r"majority (?:\w+ ){0,3}lost|lost (?:its |the )?majority|health(?: is| status is| status)?:? red\b"
    r"|data (?:\w+ )?(?:is )?corrupt|corrupt(?:ed|ion)? (?:data|wal)|no[ _]quorum|quorum lost|lost (?:its )?quorum"
    r"|split[- ]?brain|data ?loss|no (?:healthy |active |elected |available )?(?:master|leader|primary)\b|(?:master"
    r"|primary|leader) (?:nodes? )?(?:removed|not ready|lost(?:\z|[.,;:]))|master nodes? .*not ready|claim ?lost"
    r"|volume ?lost|lost (?:its |the )?(?:volume|data)|faulted|health[_ ]err|cluster (?:is )?down\b|cluster crash"
    r"|irrecoverable|unrecoverable|data (?:(?:is|was|were|has been|have been) )?lost\b|no template left|outage"
    r"|guest panicked",
    "risk": r"quorum (?:is )?at risk|will lose (?:its |the )?quorum|will (?:cause|lead to|result in) (?:\w+ )?(?:quorum"
    r"|data|service) ?loss|(?:potential|possible|risk of|avoid(?:s|ing)?|prevent(?:s|ing)?|(?:may|might"
    r"|could|can) (?:cause|lead to|result in)) (?:\w+ )?(?:data ?loss|split[- ]?brain|outage)",
    "broken-machine": r"kernel (?:panic|oops|bug|deadlock)|fatal\b.*hardware|hardware .*fatal|fatal exception"
    r"|uncorrectable|power lost|lost power|(?:soft|hard) lock ?up|(?:host|kernel|machine|node|system"
    r"|vm) (?:is )?frozen\b|double[- ]bit|off the bus|(?:kubelet|containerd|docker|cri-?o"
    r"|container ?runtime) (?:is )?(?:down|stopped|not running|unhealthy|not healthy|unresponsive|hung)|v ?m ?core"
    r"|docker hung|oops\b|machine check|containerd unhealthy|file ?system (?:is )?read|read-?only file ?system"
    r"|ext4[- ](?:fs )?error|xfs (?:\S+ )?(?:has )?shut|kubelet setup",
    "intrusion": r"threats?(?: was| were)? (?:detected|found)|threat\z|malware|virus|miner\b|miners\b|crypto ?miner"
    r"|backdoor|(?:container|sandbox|host|namespace) ?escape|escaped?\b.*(?:container|namespace)|compromis|infected"
    r"|(?:security|data) breach|exploit|breakout|reverse shell|ransom|intrusion|malicious|command[- ]and[- ]control"
    r"|dropped and executed|fileless|connection to c2|c2 (?:server|traffic)|crypto\w* mining|mining (?:process|pool)"
    r"|root ?kit|web ?shell|trojan|spyware|botnet",
    "failover": r"take ?over\b|taken over|taking over|took over|fail(?:ed|ing)? ?over\b",
    "failover-fails": r"fail ?over (?:\w+ )?(?:fail|err|timed|timeout|not |abort|block|cancel|denied|impossible"
    r"|missing|reject|stuck)",
    "found-it": r"(?:malware|threats?|virus(?:es)?|root ?kits?|trojans?|intrusions?) (?:was |were )?(?:found"
    r"|detected)|(?:found|detected) (?:[1-9]\d* |an? )?(?:\w+ )?(?:malware|threats?|virus|root ?kit|trojan|intrusion)",
    "remediation": r"needs? replacement|self[- ]?fenc|remediation (?:created|started|skipped|cannot|failed)"
    r"|marked (?:as )?unhealthy|marked unhealthy",
    "fails-first": r"\A(?:error|failed|failure|failing|unable|could ?n.t|could not)\b",
    "fails-last": r"\b(?:failed|failing)[.!]?\z",
    "disabled": r"disabl(?:ed|ing)\b",
    # Said at the end of what was done, whatever the reason says of it.
    "ended-badly": r"(?:status|condition|state|phase|result|outcome|conclusion)(?: is|:|=)* ?['\"]?(?:failed|failure"
    r"|error|unsuccessful)\b|(?:complet|finish|end)\w* with (?:\w+ )?(?:errors?|failures?)\b|operation .*\bfailed\b"
    r"|exit(?:ed)? (?:with )?(?:code |status )?[1-9]|\A\w+ (?:for|from|of|on|to) (?:\S+ ){1,5}failed\b",
    # What runs on a node or beside something else, and is not the thing itself.
    "beside": r"redundan|sensors?\b|ntp|chrony|time ?sync|dns|exporter|log(?:ging|s)?\b|metrics?\b|monitor\w*\b|agent"
    r"|plug-?in",
    "again": r"re-?queu|retry|retried|reattempt",
    "calling-webhook": r"calling (?:mutating |validating )?webhook|(?:in )?webhook response",
    "drain": r"drain|uncordon|evacuat|deleting all pods|delete (?:\w+ ){1,2}on the node",
    "evicted": r"evict|preempt|node shutdown",
    "rebooted": r"rebooted",
    "mount": r"volumes? bind|bind\w* (?:\w+ )?volume|(?:un)?stage|(?:un)?publish|(?:multi-?)?attach|mount|map ?volume"
    r"|map ?pod ?device|un ?mount|detach",
    "bring-up": r"creat|start|sync\b|migrat|restor|back ?up|provision|import|clone|launch|boot\b|allocat|assign"
    r"|add(?:ing)?\b|reconcil|updat|announce|hand ?over|guarantee|load ?balancer|regist",
    "vm-life": r"fail\w* (?:to )?(?:create\b|migrat|hand ?over|guarantee|start)|(?:start|boot|power ?on|migration|sync"
    r"|import|clone|restore|backup|operation) fail|restore error|create fail",
    "fill": r"import|snapshot creation",
    "provision": r"provision|creating the volume|volume creation|create volume",
    "sandbox": r"creat\w* .*(?:sand ?box|container)|sand ?box (?:creat|fail)|start .*container|run container",
    "issue": r"issu(?:e|ed|ing|ance|ation)\b|obtain|sign|request|regist|verify|init\b|initiali|present|key ?pair"
    r"|regenerat\w* (?:\w+ )?key|order|rotation|renew|certificate (?:update|create)|valid certificate|denied",
    "lesser": r"delet|plugin\b|list|status|metric|clean|valid|label|get\b|annotation|toleration|affinity|hook|window"
    r"|dynamic|pruning|unable to clone|exists",
    "lookup": r"observe|observer|get\b|list\b|status\b|signal|version|client failed|log ?level|pruning|watchdog"
    r"|management state|snapshot class|state controller",
    "essential": r"static pod|installer|api check|discovery|payload|etcd|encrypt|api ?server",
    "encryption": r"encrypt|decrypt|kms\b",
    "misbound": r"misbound|content mismatch|content missing|incompatible|not supported|forbidden|does ?n.t match"
    r"|does not match|admission|invalid node|declared features",
    # --- what makes it light ---
    "hint": r"end of (?:life|support|maintenance)\b|less secure\b|redundant|unnecessary|discouraged|experimental\b"
    r"|tech(?:nology)? ?preview|legacy\b|will no longer|no effect|best[- ]effort|unused\b|consider (?:using|setting"
    r"|upgrading)|recommend|advisory|suggest",
    "harmless": r"clamp(?:ed|ing)|(?:and|it|,) will be (?:increased|raised|lowered|reduced|adjusted|rounded)\b"
    r"|(?:description|name|label|message|output|text|value)s? (?:was |were )?truncated|truncated (?:description|name"
    r"|label|message|output|text|value)s?|(?:limit|maximum|minimum|default)(?: value)? (?:will be|is|was) used|coerced"
    r"|defaulted|defaulting to|outdated\b|out of date\b|(?:update|upgrade) available|deprecat|will be removed"
    r"|not implemented|(?:has|have|had) no effect|ignor(?:ed|ing)|skipping|skipped(?:\z| \d|:)|fall(?:ing|ed)? ?back"
    r"|using default|not recommended|obsolete(?:\z|[.,;:]| (?:api|field|flag|option|param|setting|version))|unmanaged"
    r"|omitt|repairing|(?:not found|does not exist), (?:re-?)?(?:apply|creat)ing|cleaning up|corrected|(?:\A|is |are "
    r"|was |were |be )tolerated|will report|nothing to|limits? (?:were|was) exceeded|resolv ?conf|resynced|will resync"
    r"|resync interval|dry ?run|change in progress|advanced feature|too many (?:active|succeeded|addresses)"
    r"|multiple pod|possible memory|same template",
    "by-hand": r"(?:\w+ )?(?:intervention|recovery|repair) (?:is |may ?be |might be )?(?:needed|required)\b|manual"
    r" (?:\w+ ){1,4}(?:is |are )?(?:needed|required)\b|(?:must|needs? to|ha(?:s|ve) to) be \w+ (?:by hand|manually)\b"
    r"|(?:must|needs? to|ha(?:s|ve) to|please) manually \w+|requires? (?:administrator|human|manual|operator"
    r"|user) (?:action|attention|intervention)\b|(?:delete|recreate|remove) (?:it|the \w+|this \w+) to (?:retry"
    r"|try again|recover)\b",
    # Not made, for what it lacks.
    "left-out": r"\A(?:ignor|skipp)(?:ed|ing) \S+ (?:\S+ )?(?:as|because|since) it (?:has no|lacks|needs|requires)\b",
    "needless": r"no need to\b|already (?:absent|deleted|gone|removed)\b|not (?:needed|necessary|required) any ?more",
    "dry-run": r"dry ?run",
    "nodes-unfit": r"pods? (?:\w+ )?(?:unschedulable|unscheduled)|nodes are available:.*(?:not-ready|unreachable"
    r"|unschedulable)",
    "preference": r"affinity|toleration|annotations? labels?|topology hints",
    "only-warns": r"\Awarn(?:ing)?s?\z",
    "warned": r"warn(?:ing)?s?\b",
    "vital-probe": r"(?:liveness|startup) probe (?:failed|errored)",
    "probe": r"(?:readiness|startup|liveness) probe|probe (?:failed|error)",
    "status-kept": r"status update (?:fail|err)|(?:patch|update|write) status (?:fail|err)|status not (?:updated"
    r"|written|patched|persisted)",
    "tidying": r"update ?status\b|log ?level|pre ?stop|revision prun",
    "status-not-kept": r"\Afail(?:ed|ure) to (?:patch|update|write) (?:the )?(?:\w+ ){0,2}status\b",
    "none-ready": r"no (?:\w+ ){1,3}(?:are|is) (?:available|healthy|online|ready)\b",
    "port-taken": r"ports? conflict",
    "busy": r"object has been modified|please apply your changes to the latest|operation cannot be fulfilled"
    r"|context canceled",
}  # fmt: skip
