"""The words of a course of things: what is well, what was done, what is being done and what was changed.

The form is that of `words_trouble`.
"""

COURSE: dict[str, str] = {
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
