"""The words of a course of things: what is well, what was done, what is being done and what was changed.

The form is that of `words_trouble`.
"""

# Done and well, in a reason or at the beginning of a message; elsewhere the words say too little.
DONE = (
    r"published|cached\b|staged\b|cloned|copied|backed up|archived|synchroni[sz]ed|propagated|mirrored|replicated"
    r"|distributed|delivered|unblocked|unlocked|unfenced|stabili[sz]ed|converged|reachable|accessible|responsive"
    r"|stable\b|compatible|satisfied|fulfilled|confirmed|usable|secure\b|trusted|authori[sz]ed|authenticated|reissued"
    r"|regenerated|reattached|elected|regained|acquired|claimed|adopted|placed|balanced|merged\b|built|compiled"
    r"|committed|executed|uploaded|downloaded|pushed|exported|bootstrapped|commissioned|remediated|fixed\b|peered"
    r"|paired|linked\b|subscribed|advertised|routed|(?:goal|target|desired|quorum|consensus) (?:\w+ )?reached|served"
    r"|stored\b|persisted|protected\b|optimi[sz]ed|vacuumed|reindexed|deduplicated|converted|materiali[sz]ed"
    r"|populated|written|wrote\b|hydrated|warmed up|encrypted|decrypted|reflected|(?:hot ?)?plugged|reali[sz]ed"
    r"|compensated|reconverged|rejoined|reopened|woke(?:n)?\b|started up|\Aup\z|live\z|ref set\z|warmed|reserved\b"
    r"|refreshed\b|processed\b|prepared\b|ran\b|sent\b|on ?boarded|injected\b|(?:session|tunnel|link|node|peer"
    r"|interface|port|bond|uplink|bgp|neighbou?r|connection|path|cable|replica|member|host|osd|mon|broker|server"
    r"|gateway) up\z"
)

_DONE_AGAIN = rf"(?:re-?)?(?:{DONE})"

# A trouble's name before what was done about it, or set up for it, is the matter: `DiskFullThresholdSet`.
_NAMED = (
    r"alarms?|anomal\w+|backdoor|bad|core dump|insecure|latency|mining|no leader|overlap|blocked|breach|corrupt\w*"
    r"|crash\w*|dead|degraded|denied|disconnect\w*|down|drift|duplicates?|exhaust\w*|expired|exploit\w*|fail (?:fast"
    r"|open|over|safe)|failure|fault\w*|forbidden|full|hardware error|intrusion|invalid|kernel panic|lag|leak\w*|loss"
    r"|lost|malware|miner|missing|not ready|offline|oom\w*|orphan\w*|outage|outlier|overflow|pressure|quorum"
    r"|ransomware|rate limit|read ?only|rejected|retry|slow\w*|split brain|stale\w*|starvation|stuck|tamper\w*"
    r"|threat\w*|timeout|unavail\w*|unexpected|unhealthy|unknown|unreachable|virus|vulnerab\w+|wrong"
)
_DEALT_WITH = (
    r"(?:re)?set|(?:en|dis)abled|completed|finished|passed|added|removed|registered|configured|updated|changed|created"
    r"|allowed|extended|improved|relieved|exited|ended|cleared|ignored|merged|pruned|handled|acknowledged|injected"
    r"|simulated|planned|collected|saved|uploaded|taken|rotated|adjusted|scanned|checked|defaulted|skipped|replaced"
    r"|reissued|rebuil(?:d|ding|t)|repair(?:ed|ing)|recovering|healing|tested|closed|published|loaded|tuned|restarted"
    r"|ejected|needed|required|supported|renamed|documented|repaired|dropped|deployed|policy|toleration|threshold"
    r"|simulation started|scan started|resolver started"
)

COURSE: dict[str, str] = {
    # --- good news ---
    "success": r"success|succeed|recovered|restored|resolved|healed|repaired|cleared|all (?:\w+ )*(?:nodes|members"
    r"|replicas|pods) are (?:ready|healthy)|back to normal|no longer|proceeds|(?:active|ready|healthy|available"
    r"|online|up|running) again|back on (?:line|mains|utility|grid|ac|external)\b|on line\z|salvaged|ended\b"
    r"|(?:answers|responds|works|serves) again|caught up\b|reconnected|rejoined|re-?established|corrected\b|remediated"
    r"|(?:lag|latency|level|load|temperature|pressure|usage|state|status|rate|traffic|value|\w+) (?:nominal|normal)\z",
    "changed-to-good": r"(?:degraded|failing|stalled)\b.*true (?:->|to) false|(?:ready|healthy"
    r"|available)\b.*false (?:->|to) true|\w+ -> (?:healthy|synced|ready|green|true)\b|to:? \[?(?:succeeded"
    r"|completed?|healthy|ready|green|established|connected|synced|available|online)\b|back (?:above|below|within"
    r"|under) |is (?:now |back )?(?:online|ready|healthy|available|green|up)\b|all (?:\w+ ){1,3}are (?:now )?(?:ready"
    r"|healthy|available|up)\b|recovered\b|back to normal|changed: green|\b(?:is|are|cluster|now|all|nodes?|replicas"
    r"|members) (?:functional|healthy|ready|available)[.!]?\z|became (?:active|available|healthy|online|ready)\b",
    "done-it-says": r"\A(?:\w+ ){1,3}(?:has |was |is )?(?:completed|succeeded|finished)\b",
    "changed-to-bad": r"no longer (?:ready|healthy|available)|(?:ready|healthy|available)\b.*true (?:->|to) false"
    r"|(?:degraded|failing|stalled)\b.*false (?:->|to) true|\w+ -> (?:degraded|missing|failed|error|unhealthy|down"
    r"|offline|red|faulted)\b|(?:chang\w*|turn\w*|went|mov\w*|transition\w*|from \S+|state|status|phase|health"
    r"|became) to (?:degraded|failed|error|down|offline|faulted)\b|\w+ to (?:degraded|failed|offline|faulted)\b"
    r"|(?:green|health|state|status|yellow) to red\b|(?:chang\w*|turn\w*|went|from \S+|status|health) to unhealthy\b",
    # What was there for others to use.
    "no-longer": r"no longer (?:available|healthy|ready|reachable|responding|serving)\b",
    "no-trouble": r"problem is now: false|no longer (?:exhausted|full|under|exceed|degraded|unavailable|blocked"
    r"|failing|limited|capped|stuck|stale|low|missing|throttl|overload|above|below|over|violat)|no scheduled event"
    r"|(?:no|0) (?:malware|threats?|intrusions?|rootkits?|virus(?:es)?) (?:were )?found|(?:has|have|is|are"
    r"|with)? ?(?:no|not|0|zero|without)(?: under)? (?:\w+ )?(?:deadlock|data ?loss|outage|read ?-?only|pressure"
    r"|frequent|corrupt|fatal|shut ?down|(?:error|failure|problem|issue|violation|conflict|anomaly|finding|mismatch"
    r"|difference|change required|vulnerabilitie|leak)s?\b)|has sufficient|not degraded",
    "finished": r"\w+ ready\z|rolled ?out\b|\w+ executed\z|(?:schema|data|database|table|config|state|resources?"
    r"|objects?) migrated|complete[d]?\b|finished\b|done\b|passed\b|cancell?ing deletion",
    "well": r"operational\b|ready\b|healthy\b|available\b|schedulable\b|valid\b|verified|validated|established"
    r"|synced\b|in ?sync\b|reconciled\b|renewed|issued\b|approved\b|approval(?:\z| (?:received|granted|given))"
    r"|admitted|accepted|programmed|bound\b|attached\b|mounted|announcing|rebuilt|unsealed|uncordon|resumed?\b"
    r"|unpaused|enabled\b|enforced|is up\b|online\b|connected|joined|allocated|assigned|announced|pulled"
    r"|scaled ?up ?group|imported|loaded|applied|configured|compliant|ok\b|optimal|up to date|active\z|registered\z"
    r"|readyz\b|initiali[sz]ed|presented|generated|recycled|ensured|rollback|rolled back",
    "done": _DONE_AGAIN,
    "did-at-last": r"\w+ (?:[^u\s]|u[^n\s])\w*[^e]ed\z",
    "done-first": rf"\A(?:successfully )?{_DONE_AGAIN}",
    "waits-first": r"\A(?:still )?(?:a?waiting|waits?|pending)\b|\A(?:\w+ ){0,3}(?:awaits|needs|requires) \w+",
    "skips-first": r"\A(?:ignor|skipp?)(?:ed|ing)\b",
    "made-first": r"\A(?:successfully )?(?:added|configured|created|deployed|installed|provisioned)\b",
    "upset-first": r"\A(?:draining|drained|evict(?:ed|ing)|reboot(?:ed|ing)|restart(?:ed|ing)|shut(?:ting)? down"
    r"|stopp(?:ed|ing)|terminat(?:ed|ing))\b",
    "queued-up": r"(?:en)?queu(?:e?ing|ed)(?: it)? for\b",
    "tried-now": r"will (?:now )?be retried(?: now| immediately| shortly)?[.!]?\z",
    # A thing and no sentence: what is to be made, not what was.
    "order-first": r"\Acreate \S+\z",
    "cache-goes": r"(?:\w+ )*caches? (?:\w+ )?(?:evict|flush|invalidat|prun|purg)\w*|evict\w* (?:\w+ )*cache",
    # What is about to go as somebody wants it.
    "going": r"(?:being )?(?:deleting|removing|uninstalling)\z|(?:deletion|removal|uninstallation)(?: (?:requested"
    r"|started|in progress))?\z",
    "turned-down": r"\w+ (?:declined|rejected)\z",
    "to-be-done": r"(?:will|shall|is about to|is going to) be \w+",
    "act-issued": r"(?:delet(?:e|ion)|restart|reboot|stop|shut ?down|power ?off|reset"
    r"|evict(?:ion)?) (?:\w+ )?issued\b|issued (?:an? |the )?(?:delete|restart|reboot|stop|shut ?down|power ?off"
    r"|reset|evict)",
    "advance-first": r"\A(?:start(?:ing)? (?:of )?|continue )?(?:advance|advancing)\b",
    "to-a-step": r"(?:phase|state|status) (?:\S+ ){0,3}(?:to|->) \W?(?:build|creat|import|initiali[sz]|install|pend"
    r"|prepar|provision|pull|queu|schedul|start|wait)ing\b",
    "approval": r"approved\b|granted\b|approval (?:given|granted)",
    "all-rights": r"cluster-?admin\b",
    "node-emptied": r"success\w* (?:cordoned and )?(?:drained|evacuated)|(?:drained|evacuated) success",
    "chaos": r"(?:apply|applied|inject\w*) (?:\w+ )?chaos\b|chaos (?:was )?(?:applied|injected)",
    "acts-first": r"\A(?:clear|delet|disabl|drain|evict|kill|mov|overrid|overwrit|recreat|reduc|remov|replac|reschedul"
    r"|reset|restart|revok|scal|shrink|stopp|terminat|paus|promot|demot|migrat|updat|upgrad|suspend)(?:ed|p?ing)\b"
    r"|\A(?:reset|shut(?:ting)? down)\b",
    "not-doing": r"\Anot (?:apply|creat|delet|deploy|evict|process|pull|reconcil|remov|restart|scal|schedul|sign|start"
    r"|sync|updat)ing\b|\A(?:will not|won.t|no need to) (?:\w+)",
    "made-it-says": r"\A(?:\S+ ){1,4}(?:(?:has|have) been |was |were )?(?:successfully )?(?:created|updated|installed"
    r"|deployed|provisioned|registered|configured)[.!]?\z",
    "failed-back": r"fail(?:ed|ing)? ?back\b",
    "untainted": r"taints? (?:was |were )?removed|removed (?:the |\S+ )?taint|untaint",
    "success-first": r"\Asuccessfully (?:activated|applied|configured|enabled|executed|imported|migrated|promoted"
    r"|published|rolled out|rotated|switched|updated|upgraded)\b",
    "finalizer": r"finali[sz]er",
    "made": r"\Aadd\z|\A(?:allocate|assign|attach|deploy|install|register)\b|taken\b|created?\b|launched|updated?\b"
    r"|added\b|observed\b|installed|deployed|provisioned|reload(?:ed)?\b|sync\z|service restart|abortion"
    r"|scalers? started|monitor started",
    "made-last": r"\w+ (?:created|installed|deployed|provisioned|launched)\z",
    # --- what is being done, and what was ---
    "started": r"started\b|\Ascheduled\b",
    "begun": r"await|\w+(?:ion|ing|ment|up|down|over|ade|ate|art|ore|ize) initiated\b|start(?:ing|s|ed)?\b|begin"
    r"|began|begun|wait(?:ing|s)?\b|pending\b|scheduled\b|scheduling\b|request(?:ed|ing)?\b|in ?progress"
    r"|progress(?:ing)?\b|creating|pulling|provisioning|importing|expanding|ensuring|initiali[sz]ing|preparing"
    r"|progressed|installing|running\b|queued|nominated|processing|attempt|trigger(?:ed|ing|s)\b|reconciling"
    r"|establish\b|killing|requeu|deferring|(?:sync|validat|verify|join|leav|deploy|build|upload|download|push|fetch"
    r"|load|reload|export|apply|execut|complet|finish|resum|proceed|enabl|resolv|scann|check|test|discover|monitor"
    r"|bootstrapp|clon|copy|archiv|restor|evaluat|comput|connect|submitt)ing\b|submitted",
    "removed": r"(?:delet|remov)\w* (?:\w+ )?node\b|(?:node|machine) (?:was )?(?:delet|remov)|(?:delet|remov)\w*\z",
    "maintenance": r"maintenance|cordon",
    "put-to-death": r"killed\b",
    "cordoned": r"unschedulable",
    "deleted-well": r"success\w* terminat|(?:uninstall|terminat)\w* succe|deprovision(?:ed|ing\z|\w* (?:succe"
    r"|complete|finish|done))|(?:delet|remov|uninstall)\w* (?:complete|finish|done)|delet\w* (?:successful|succe)"
    r"|success\w* (?:delet|remov|deprovision|uninstall|detach|unmount)\w* \w|detach\w* succe",
    "starting": r"\w+ (?:started|starting|wait|waiting|planned|queued|scheduled|pending|in progress|progressing"
    r"|ongoing|underway)\z|\w+(?:ion|ing|ment|up|down|over|ade|ate|art|ore|ize) initiated\z|(?:creat\w*|deploy\w*"
    r"|install\w*|provision\w*|sync|reconcile|resource|import|export|build|job|task|step|run) (?:start|begin)\z",
    "dealt-with": rf"(?:{_NAMED}) (?:\w+ )*(?:{_DEALT_WITH})\z",
    "asked-last": r"\w+ (?:requested|triggered|detected|ignored|found|initiated|fired|selected|chosen)\z",
    "birth": r"bootstrap|deploy|creat|start|provision|launch|boot\b|regist|join|build",
    "to-serve": r"load ?balancer (?:pending|waiting)|(?:pending|waiting) (?:for )?load ?balancer|target regist"
    r"|regist\w* target|(?:sync|updat|ensur|build|deploy)\w* (?:backend|target|listener|model)|ensur\w* fail"
    r"|fail\w* (?:to )?ensur|load ?balancer (?:sync|updat|creat|ensur)|(?:sync|updat|creat|ensur)\w* load ?balancer"
    r"|alloc|announce|assign",
    "address": r"ipam\b|alloc",
    "renewal": r"renew|rotat",
    "final": r"will not (?:be )?retr|not retrying|no more retries|giv(?:ing|en) up|gave up|(?:attempts|rollbacks?"
    r"|retries|tries) exhausted|stop(?:ped|ping)? (?:re)?try|no (?:more|further) (?:retry|retries|attempts)|(?:retry"
    r"|attempt|restart) (?:limit|budget|count) (?:reached|exceeded)|max(?:imum)? (?:number of )?(?:retries|attempts"
    r"|restarts)|(?:restarts?|retries|attempts|tries) (?:limit )?exceeded|fail(?:ed|ure)? permanently|(?:permanent"
    r"|terminal)(?:ly)? (?:fail|error)|(?:un|non-?)retr(?:y|i)able|retr(?:y|i)able: false|abandoned|stall detect"
    r"|stopped (?:automatic\w* |auto-?)(?:heal|reconcil|recover|remediat|restart|retr|roll)\w*",
    "to-issue": r"(?:sign\w*|order|present\w*)\b.* ?(?:fail|err)\w*|\Afailed\z",
    "limit-of-tries": r"back ?off limit (?:exceeded|reached|hit)",
    "tries-used-up": r"exhausted (?:\w+ ){0,2}(?:retries|attempts|tries|rebuilds|restarts)|(?:retries"
    r"|attempts) exhausted|after (?:\d+ |all |several )?(?:\w+ )?(?:retries|attempts|tries)\b"
    r"|progress deadline exceeded|all \w+ exhausted\b|back ?off ?limit ?(?:exceeded|hit"
    r"|reached)|reached the (?:specified )?back ?off limit|(?:failure|rebuild|restart|retry) (?:budget|limit"
    r"|threshold) (?:exceeded|exhausted|hit|reached|used up)",
    "stalled": r"(?:\w+ )*stalled\z",
    "backup": r"back ?up|snapshot|archiv|defrag|compact",
    "skipped": r"skip",
    "called-off": r"cancell?ing (?:deletion|eviction|shutdown|drain|removal)|(?:deletion|eviction|shutdown|drain"
    r"|removal) cancell?(?:ed|ation)",
    "to-come": r"\w+ (?:wait|waiting|planned|queued|scheduled|pending)\z",
    "migrated": r"migrated\b",
    "emptied": r"(?:\w+ )*drained\z",
    "upgrading": r"(?:\w+ )*(?:upgrad(?:e|ing)|(?:firmware|fw|kernel|os|version) updat(?:e|ing)|updating version)",
    "upgrade-fails": r"\A(?:(?:cluster|control ?plane|k8s|kubernetes|machine|node|os|talos|version) )?upgrade (?:err\w*"
    r"|fail\w*|timed? ?out)\z|\Afail\w* (?:to )?upgrade (?:cluster|control ?plane|k8s|kubernetes|machine|node|os)?\z",
    "rolled-back": r"roll(?:ed|ing)? ?back",
    "signature": r"signatures?\b|signed\b",
    "clock": r"(?:time|clock|ntp) (?:drift|skew|sync)",
    "drifted": r"drift(?:ed)?\b",
    # Cut off from the others on purpose.
    "shut-off": r"no ?execute|no ?schedule\b|fenc(?:ed?|ing)\b|quarantin|isolat|out of service",
    "nothing-new": r"nothing (?:has )?changed|no (?:changes?|differences?|drift|updates?)\b|unchanged|not changed"
    r"|same as before",
    "ongoing": r"\A(?:stag|creat|start|prepar|initiali[sz]|install|deploy|provision|sync|reconcil|validat|verify|check"
    r"|paus|bootstrap|build|pull|push|download|upload|import|export|copy|clon|generat|comput|resolv|fetch|load|apply"
    r"|process|schedul|launch|configur|enabl|connect|join|attach|mount|issu|renew|sign|request)ing\b"
    r"|\bis (?:now )?(?:in progress|ongoing|under ?way)\b",
    "lead-moved": r"(?:primary|master|leader)(?: \w+)? (?:has |was )?(?:moved|changed|switched|stepp\w+ down"
    r"|transferred)\b|new (?:primary|master)\b|(?:master|primary|leader) adopted|promoted to (?:primary|master"
    r"|leader)\b|switch(?:ed|ing) (?:the )?(?:primary|master)|(?:secondary|standby|replica|slave|follower"
    r"|learner) to (?:primary|master|leader)|(?:primary|master|leader) to (?:secondary|standby|replica|slave|follower)",
    "balance": r"under-? ?utili[sz]|consolidat|rebalanc|descheduler|drift|high node utili|low node utili",
    "operation": r"operation started",
    # One of several goes, and the others stay.
    "shrinking": r"scale ?down|scaled ?down|scaled? ?in\b|decommission",
    "one-of-many": r"from \d+ to [1-9]|(?:broker|node|member|peer|instance|shard|pool|server|drive|osd)s? decommission"
    r"|decommission\w* (?:of )?(?:broker|node|member|peer|instance|shard|pool|server|drive|osd)",
    "leadership": r"stopped leading|los(?:t|e|ing) (?:the |its )?(?:lease|leadership|leader lock)"
    r"|leader ?election lost",
    "running": r"(?:pod|manager|cluster|server|service|database|registry|instance|broker|component|replica|member"
    r"|proxy|gateway|controller|collector|agent|daemon|engine|stack) running\z|(?:cluster|database|instance|machine"
    r"|node|pod|server|service|vm) is (?:now )?running\b|(?:is|are) (?:now )?(?:up and )?running and (?:healthy|ready"
    r"|available)|is now (?:accepting|leading|listening|replicating|serving)\b",
    "tentative": r"\A(?:initiated|(?:begin|start|initiat|prepar|attempt|try)(?:ing|s|e)?|planning|plans|requests"
    r"|requesting) \w+",
    "retention": r"ttl\b|time to live|retention|lifetime|history|backup|snapshot|session|lease|preview|idle",
    "none": r"\Ano \w+",
    "lacks": r"\Ano \w+\z",
    "deleted": r"(?:delete|remove|prune)d?\b",
    "from-to": r"from \S+ to \S+|\S*\d -> \S*\d|to (?:revision|version)\b|updated to\b",
    "marking": r"taint|labels?\b",
    "detected": r"detected\b",
    "trifle": r"no ?op\b|nothing (?:to\b|changed)|no changes?\b|unchanged|notice\b|\Atermination .*finished|(?:restart"
    r"|reboot|disruption|rebalance|up-?scale)\w* (?:is )?(?:required|needed|pending|recommended)\b|stopped serving"
    r"|(?:phase|stage|status|step) updated|(?:update|upgrade|version) available|paus\w* until|(?:csr|order|(?:signing"
    r"|certificate) request) created|finali[sz]er|feature gates? init|log level|stopped listening|graceful (?:shut"
    r"|termin)|shutdown delay|in flight|waiting|window (?:closed|opened)|\Aalready (?:absent|active|deleted|gone"
    r"|removed|running)\z|await|\Await for\b|requires? (?:manual )?(?:approval|action|intervention|confirmation"
    r"|review)|(?:approval|action|intervention|input|confirmation|review|decision) (?:is )?(?:required|needed|pending)"
    r"|status sync|spec sync|file change",
    "upset": r"reboot|restart\b|restarting|restarted|cordon\b|cordoned|drain\b|draining|drained|disrupted|disrupting"
    r"|disruption(?:\z| [ac-z])|terminat|(?:node|instance|machine|vm|capacity) (?:\S+ )?(?:is "
    r"|was )?(?:being )?interrupt|interruption\z|spot (?:instance )?(?:inter|reclaim)|switch(?:ed|ing)? ?over|rolling"
    r"|rolled(?:\z| [^bo])|pods? (?:was |were )?(?:recreated|replaced)|forced?\b (?:cancel|delet|detach|drain|evict"
    r"|fail ?over|kill|power|promot|reboot|remov|restart|shut|stop|terminat)|evict|preempt|scale ?down|scaled ?down"
    r"|unregistered|shut(?:ting)? ?down|stopped\b|reset\b|power(?:ed)? ?off|rebalanc|migrated|deleting ?node"
    r"|(?:cert\w*|ca|signer|tls) rotation started|remount|evacuat|update required|renewing|not schedulable"
    r"|power(?:ed)? on\b|stopping|killed|hibernat|decommission|woken|culled|culling|descheduled|was stopped|withdrawn"
    r"|(?:master|primary) (?:election|elected|switched|changed|promoted)|promoted to (?:primary|master|leader)",
    # What disturbs, and has begun: no roll-out, which goes on beside what serves.
    "disturbing": r"(?:restart|reboot|switch ?over|decommission|shut ?down|rolling|roll|pod cycle|power ?off"
    r"|power cycle) (?:start|starting|started|initiated|begun|scheduled|in progress)\b",
    "over-again": r"\Arecovered (?:after|from)\b|\w+ (?:recovered|restored|resolved|healed|repaired|cleared)\z"
    r"|back to normal|(?:active|ready|healthy|available|online|running) again",
    "as-paused": r"(?:because|as|while|since|refused:) (?:\w+ ){1,3}(?:is|was) (?:paused|suspended)\b",
    "was-changed": r"changed\b|(?:account|pool|queue|shard|topic|zone) closed\z|(?:paused|suspended|override"
    r"|overridden|overwritten)\z",
    "changed": r"cancell?ed\b|(?:account|pool|queue|shard|topic|zone) closed\z|[\w.:/\]\[]+ -> |chang(?:e|ed|ing)"
    r"|modif(?:y|ied)|delet(?:e|ed|ing|ion)|remov(?:e|ed|ing|al)\b|scal(?:e|ing)\b|scaled(?:\z| [^jo]| [jo][^bo])"
    r"|resiz|expand|upgrad|downgrad|patched|edited|paus(?:e|ed|ing)|suspend|detached|deactivat|activat|promot|demot"
    r"|replac|new (?:artifact|revision|version|target|commit|image|release|digest)|overrid|migrating|versions?\z|rotat"
    r"|updating|forgot(?:ten)?\b|\Aset \w+|operation started|image updated|targeting|registered|prun(?:ed|ing)\b"
    r"|deregistered|unloaded|un ?mounted|rescal|supersed|released\b|revok|unbound|unpublish|unstaged|shrunk|shrink"
    r"|shrank|extend|truncat|trimm|purg|compacted|defragmented|reclaim|patching|renam|labell?(?:ed|ing)\b|annotat(?:e"
    r"|ed|ing)\b|untagged|tagged|destroy|eras(?:ed|ing)\b|wip(?:ed|ing)\b|drop(?:ped|ping)?\b|discard|hibernat|idled"
    r"|unidled|rescheduled|unreserv|dealloc|unclaimed|transfer|moved\b|moving\b|relocat|switched|switch\b|toggl|revert"
    r"|granted|cleaned|raised\b|increased|decreased|lowered|reduced|adjusted|reassigned|shifted|recreated|swapped"
    r"|overwritten|(?:up|down)-?scal|unlabel|split\b|grew\b|grown\b|uninstall|deinstall|undeploy|retired|retiring"
    r"|off ?boarded|disabling|disabled\b|banned|blacklist|whitelist|denylist|allowlist|exempt|exclu|bypass|unlink"
    r"|unpair|unsubscrib|garbage collect|consolidat(?:e|i)|reconfigur|deprovision(?:ing)?\z|(?:member|node|peer|user"
    r"|host|broker|agent|replica) left\z",
}  # fmt: skip
