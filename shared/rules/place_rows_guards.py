"""Whose matter something is, first half: what guards refuse, and whose trust, rights and identity are at stake."""

from shared.rules.place import Row

GUARDS: tuple[Row, ...] = (
    # --- what a cloud refuses is no rule of the cluster ---
    Row(("infrastructure", "network"), both=r"\AService .*\n.*load ?balancer"),
    # A Gateway that refers to what it may not use is set up wrongly; the certificate itself may be fine.
    Row(("infrastructure", "network"),
        reason=r"invalid certificate ref",
        message=r"(?:certificate ?ref(?:s|erence)?|ReferenceGrant)\b"),
    # Whose it is, a webhook's or a guard's: a certificate that runs out is one.
    Row(("security", "certificate"), reason=r"certificate (?:renew|issu|expir|rotat)|renew\w* certificate"),
    # A webhook that converts versions or carries messages has no say in what is admitted.
    Row(("infrastructure", "control-plane"), reason=r"conversion webhook", message=r"conversion webhook"),
    Row(("infrastructure", "workload"), message=r"because it is being terminated|(?:notification|outgoing|incoming"
    r"|alert|slack|teams) webhook|webhook (?:delivery|payload|url)"),
    # A copy of what the platform itself keeps is a copy.
    Row(("infrastructure", "storage"),
        kind=r"\A(?:Backup(?:Bucket|Entry)|E(?:TCD|tcd)\w*(?:Backup|Snapshot)\w*)\b",
        reason=r"\betcd (?:\w+ )?(?:back ?up|snap ?shot)",
        both=r"\A(?:\w*ControlPlane|E(?:TCD|tcd)\w*) .*\n.*(?:\bback ?ups?\b|\bsnap ?shot)"),
    Row(("infrastructure", "control-plane"), kind=r"\A(?:ClusterOperator|Etcd\w*)\b"),
    Row(("infrastructure", "storage"), kind=r"\ANode longhorn"),
    Row(("infrastructure", "node"), both=r"\A(?:\w*Machine\w*|NodeClaim|NodePool) .*\n.*quota"),
    # --- refused by a rule of the cluster ---
    Row(("admission", "quota"),
        kind=r"\A\w*ResourceQuota\b|\A(?:Cluster|Local)Queue\b",
        reason=r"quota",
        message=r"(?:exceed\w*|failed|insufficient)(?: \w+)? quota|quota (?:limit|exceeded|is used)|over quota"),
    Row(("admission", "limitrange"),
        kind=r"\ALimitRange\b",
        reason=r"limit ?range",
        message=r"(?:maximum|minimum) \S+ usage per|max limit to request ratio"),
    Row(("admission", "mutating-webhook"),
        kind=r"\AMutatingWebhook",
        both=r"kyverno.*\n.*mutat",
        message=r"calling mutating webhook|mutating admission|patch in webhook response|unsupported patch type"
            r"|attempted to modify the object"),
    Row(("admission", "policy"), message=r"forbidden for the current"),
    Row(("security", "image"),
        kind=r"\A(?:Image(?:Stream|Policy|Manifest|Verif\w+)|ClusterImagePolicy|TrustRoot|Vulnerability|Sbom)|sigstore",
        who=r"trivy|cosign|sigstore|\bclair|quay-(?:container-)?security|imagepolicy|\baqua(?:sec|-)|anchore|grype"
            r"|snyk|ratify|connaisseur|notary",
        reason=r"(?:untrusted|disallowed|forbidden|blocked|unknown) registry|signature|sigstore|cosign|vulnerab"
            r"|\bcve\b|image (?:block|den|policy|quarant|reject|scan|verif|pull secret)|(?:security|secret) scan"
            r"|provenance|attestation|\bslsa\b",
        message=r"no matching signatures|\battestation|\b(?:image|security) scan\b|\bvulnerabilit(?:y|ies)\b|\bCVE-\d"
            r"|signature ?(?:required|verif|valid)|verify the signature|cosign|sigstore|image verification"
            r"|signature was required|(?:verify|validate) (?:the )?(?:image|signature)|image (?:was )?rejected"
            r"|pull access denied|requested access to the resource|(?:pull|image|manifest"
            r"|registry).*(?:unauthori[sz]ed|forbidden|denied)"),
    Row(("admission", "policy"),
        message=r"forbidden by policy|validation\.gatekeeper\.sh|kyverno\S*\.svc|webhook \"\S*kyverno|(?:polic|rule"
            r"|violat)\w*\b.*kyverno|kyverno\b.*(?:polic|rule|den|block|violat)|ValidatingAdmissionPolicy"
            r"|constraint violat"),
    Row(("security", "certificate"),
        message=r"calling webhook.*x509|(?:secret|configmap)s? .*(?:\btls\b|\bcert|\bca-bundle"
            r"|\bserving).*(?:not found|does not exist)|(?:unable to|cannot|could not) find .*secret.*(?:\btls\b"
            r"|\bcert)"),
    Row(("admission", "validating-webhook"),
        kind=r"\AValidatingWebhook",
        reason=r"admission webhook|\bwebhook (?:call|cert|config|den|down|err|fail|inval|not|reject|tim|un)",
        message=r"admission webhook|calling webhook"),
    Row(("infrastructure", "node"),
        kind=r" nvidia\.com|karpenter|amd\.com|\APtp\w*|\bkmm\.|habana|\.intel\.com",
        who=r"\bgpu-|nvidia|kmm\b|\bamd-gpu|device-plugin"),
    Row(("admission", "policy"), kind=r"\A\w*Policy\w*Violations?\b"),
    Row(("infrastructure", "workload"), kind=r"slurm|\A\w*Chaos\b", reason=r"rollout restart|\breflection"),
    Row(("security", "rbac"), kind=r"\A(?:IAM\w*|(?:Cluster)?RoleBinding\b)"),
    Row(("infrastructure", "storage"), both=r"\A\w*Policy .*\n.*(?:\bback ?ups?\b|snapshot|restore)"),
    Row(("infrastructure", "node"), both=r"\ANode .*\n.*(?:\btaint|out of disk|disk space|disk pressure"
        r"|chassis intrusion)"),
    # --- security: whose trust, rights and identity are at stake ---
    Row(("security", "network-policy"),
        kind=r"\APolicyEndpoint|NetworkPolicy\b|\ASecurityPolicy\b|\A(?:Egress|IngressNode)Firewall"
            r"|\ASecurityGroupPolicy|\AAuthorizationPolicy\b",
        reason=r"network polic(?:y|ies)|security policy|\banp|egress firewall",
        both=r"\A(?:Pod|Cilium|Network|Node|Endpoint|Namespace)\S* .*\n.*policy (?:denied|drop)",
        message=r"\((?:policy_?den|auth_required)|\Apolicy denied|denied by (?:network )?polic"),
    Row(("security", "runtime"),
        kind=r"\ATracingPolicy|platform\.stackrox|\A(?:FileIntegrity|Intrusion|Malware|Threat)\w*",
        who=r"\bwazuh\b|forensic|suricata|osquery|ossec|coraza|\bzeek|\bsnort|clamav|falco|aqua-enforcer|\bacs\b"
            r"|tetragon|sysdig|kubearmor|neuvector|stackrox|tracee|twistlock|crowdstrike|defender|kubescape",
        reason=r"threat|forensic|malware|virus|rootkit|port scan|malicious|suspicious|injection (?:attempt|attack)"
            r"|sql injection|\battack|brute ?force|exfiltrat|mining\b|miner\b|intrusion|defender|exploit"
            r"|reverse shell|web ?shell|back ?door|shell (?:spawn|detect|in)|sensitive (?:file|path)|ptrace|fileless"
            r"|kernel module|\bfile ?(?:system )?integrity|container (?:drift|escape)|escape detect|(?:unexpected"
            r"|unauthori[sz]ed|unknown|untrusted|disallowed|anomalous) (?:process|binary|exec|shell|syscall|command"
            r"|connection|outbound|listen)|process (?:blocked|killed|injection)|lateral movement|\bc2\b",
        message=r"reverse shell|command[- ]and[- ]control|crypto\w* ?min(?:er|ing)|mining pool|container escape"
            r"|dropped and executed|/etc/shadow|root ?kit"),
    Row(("security", "pod-security"),
        kind=r"\ASecurityContextConstraints|security-profiles|\APodSecurity|\A(?:Seccomp|Selinux|AppArmor)Profile",
        reason=r"host ?(?:path|network|pid|ipc) (?:mount|pod|used|detect|enabl)|pod ?security|app ?armor|seccomp"
            r"|se ?linux|sysctl|\bprivileged|privilege escal|\bscc\b|uid range|run as",
        message=r"violates PodSecurity|\bapparmor\b|\bseccomp\b|security context constraint|run as (?:root|non)"
            r"|runAsNonRoot|runAsUser"),
    Row(("security", "authentication"),
        message=r"authenticat|denied for user|(?:incorrect|invalid|wrong|bad) (?:\w+ )?(?:user ?name|login|credential)"
            r"|user ?name or password|complete login|failed to log ?in|\bauth failure|InvalidAccessKey"
            r"|SignatureDoesNotMatch|InvalidClientTokenId|UnrecognizedClient|ExpiredToken|AuthFailure"
            r"|invalid_(?:grant|client)|AADSTS|token (?:has |is |was )?(?:expired|invalid|revoked)"
            r"|\bunauthorized\.?\z|to provide credentials|auth login|(?:check|expired|bad|wrong|revoked"
            r"|registration) token|unable to log ?in|invalid (?:token|credential|password)|\b401\b|log ?in failed"),
    # Not every role gives rights, and not every token lets in.
    Row(("infrastructure", "workload"),
        reason=r"\brole group|\b(?:follower|leader|master|primary|replica|slave|standby) role|\btoken (?:ring|range)"
            r"|\bhelm (?:release|chart)",
        message=r"\brole (?:\w+ )?(?:from \S+ )?to (?:primary|secondary|master|slave|replica|leader|follower|standby)"),
    # What a backup is refused is its store's to permit, not the cluster's.
    Row(("infrastructure", "storage"), kind=r"\A(?:\w*Cluster)?(?:Backup|Restore)\b", message=r"\biscsi(?:adm)?\b"),
    Row(("infrastructure", "network"), reason=r"no (?:free )?ips? (?:available|left)|\bip (?:pool )?exhaust"),
    Row(("security", "rbac"),
        kind=r"\A(?:Global|Cluster)?Role\b|\A\w*Role(?:Binding|Template|Assignment)\w*|\A(?:RBAC|(?:Subject)?Access"
            r"Re(?:quest|view)|TemporaryAccess)|\A(?:\w*[^c])?Permission\b",
        reason=r"\Aforbidden\z|(?:\A|user |topic )acls? |\brole\b|role ?binding|\brbac\b|cluster role"
            r"|not ?authori[sz]ed|unauthori[sz]ed|authori[sz]ation fail|access denied|permission denied|\b(?:iam"
            r"|missing|excessive|insufficient) permission|\bpermission claims?\b|audit (?:policy|profile)"
            r"|arguments audit\z|\Aaudit\z",
        message=r"(?-i:\b[a-z]+s(?:\.[a-z0-9.]+)? is forbidden)|\bis forbidden: User|cannot \w+ resource \""
            r"|unauthorized operation|not authori[sz]ed|permission denied (?:to|for) \w|\bpermission '\S+' denied"
            r"|Access ?Denied|AuthorizationFailed|UnauthorizedOperation|(?:insufficient|lacks"
            r"|missing) (?:\w+ )?(?:permission|privilege)s?|grant RBAC"),
    Row(("security", "certificate"),
        kind=r"\A(?:Certificate|ManagedCertificate|\w*PKISecret\b|ClusterTrustBundle|Order\b|Challenge\b"
            r"|PodCertificate|CABundle|KeyPair|IstioCSR|TrustManager)|\A\w+T[Ll][Ss]\b|\A\w*(?:Issuer|Certificate)\b"
            r"|cert-manager|certificates\.k8s",
        who=r"\Acert-|certificat|-issuer\b|\Atrust-",
        reason=r"certificate|\bissuer update|\bcerts?\b|\bcsr\b|\bkey ?store|\btrust ?(?:store|bundle)|\btls\b|x509"
            r"|ca bundle|\bcabundle|signer|key ?pair|\Arotation (?:err|fail)|\b(?:cert\w*|ca|key|signer|tls) rotation"
            r"|target update required|\bca\b",
        message=r"x509|certificate|tls: |acme (?:provider|server|challenge|order|account)|params:acme"),
    Row(("security", "authentication"),
        kind=r"\A(?:Vault(?:Auth\w*|Connection|Dynamic\w*)?|OAuth\w*|Users?|CredentialsRequest|Identity"
            r"|ServiceAccount|TokenReview)\b|\A(?:Peer|Request)Authentication|spiffe|pinniped|authorino"
            r"|\A\w*Auth(?:Config|Provider|Policy|Flow)\b|\ASpire\w*|\APasswordPolic|\A(?:JWT|Group)(?:Authenticator"
            r"|Sync)|\A(?:Azure|AWS|GCP|Pod|Workload|Federated)\w*Identity|\A\w*IdentityProvider\b"
            r"|\A\w*Secret(?:Store|Claim|Import|Export|Sync\w*)?\b|\AOnePasswordItem\b",
        who=r"secrets-store|authelia|zitadel|oidc|\bkiam|\bspire|\bdex\b|keycloak|\Avault|vault-agent|teleport"
            r"|boundary|authentik|\bory-|pinniped|oauth",
        reason=r"oauth|token|anonymous|no credential|(?:secret|credential|key)s? (?:leak|expos)|password|authenticat"
            r"|\bauth\b|encrypt|login|client secret|(?:service|user|robot|machine) account|secret rotat|\bsso\b"
            r"|\bmfa\b|\bkms\b|\bauthn\b|workload identity|\bssh key|\bapi key|\bcredentials? (?:secret )?(?:err|expir"
            r"|fail|invalid|rotat|missing|refus|reject|revok|not)|\bjwt\b|\bjwks\b|\boidc\b|\bsaml\b|\bldap\b",
        both=r"operator\n.*\bsecret (?:creat|updat|delet)",
        message=r"authentication|invalid (?:token|credential|password)|log ?in failed|\b401\b"
            r"|service account .*not found"),
    Row(("admission", "policy"),
        kind=r"\A(?:Cluster)?(?:Cleanup)?Policy(?:Automation|Binding|Bundle|Exception|Group|Server|Set)?\b"
            r"|\A(?:Configuration|Js)Policy|PolicyReport|\AConstraint|AdmissionPolicy|\ACompliance"
            r"|compliance\.openshift|constraints\.gatekeeper|\ACIS|cis\.cattle|kyverno|gatekeeper",
        who=r"kube-bench|kyverno|gatekeeper|\bopa\b|compliance|governance|kubewarden|polaris|datree",
        reason=r"(?:policy|constraint) (?:violat|breach|den|refus|reject|warn|error|appl|skip|template|audit)"
            r"|admission (?:block|den|refus|reject)|complian(?:t|ce (?:\w+ )?(?:err|fail|violat))"),
)  # fmt: skip
