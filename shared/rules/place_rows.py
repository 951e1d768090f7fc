"""Where the names and words of an event lead: the rows that `places` reads from the top.

Security and admission stand first: who must act decides, not where it shows. `kind` is looked for in the kind and its
API version, `who` in the reporting component, `reason` in the reason taken apart, `both` in kind, component and, on a
line of its own, reason; `message` in the message.
"""

from typing import NamedTuple

from shared.events.vocabulary import Category, Subcategory
from shared.rules.products import APPLICATIONS, DATABASES, GROUPS, KINDS, PARTS, PLATFORMS, PRODUCTS

Place = tuple[Category, Subcategory]


class Row(NamedTuple):
    """A place and what leads there."""

    place: Place
    kind: str = ""
    who: str = ""
    reason: str = ""
    both: str = ""
    message: str = ""


ROWS: tuple[Row, ...] = (
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
        reason=r"oauth|token|anonymous|(?:secret|credential|key)s? (?:leak|expos)|password|authenticat|\bauth\b"
            r"|encrypt|login|client secret|(?:service|user|robot|machine) account|secret rotat|\bsso\b|\bmfa\b"
            r"|\bkms\b|\bauthn\b|workload identity|\bssh key|\bapi key|\bcredentials? (?:secret )?(?:err|expir|fail"
            r"|invalid|rotat|missing|refus|reject|revok|not)|\bjwt\b|\bjwks\b|\boidc\b|\bsaml\b|\bldap\b",
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
    Row(("infrastructure", "workload"), kind=APPLICATIONS,
        who=r"weblogic|\A(?:helm|image-\w+|kustomize|source)-controller"),
    # What a cloud is ordered through Kubernetes is the workload's that ordered it, but for what only keeps data.
    Row(("infrastructure", "storage"), kind=r"\A(?:Bucket|Storage(?:Account|Bucket))\b"),
    Row(("infrastructure", "workload"),
        kind=r"\A(?:Compute\w+|SQL(?:Instance|Database|User|SSLCert|Server)\w*|RDS\w*|DB(?:Instance|Cluster)\w*"
            r"|ServiceInstance)\b|cnrm\.cloud|azure\.com|services\.k8s\.aws|crossplane|upbound",
        who=r"\Aservice-catalog|\Amanaged/|crossplane"),
    Row(("infrastructure", "network"),
        kind=r"\A(?:(?-i:Vlan|VLAN|Uplink|ClusterNetwork)\w*|Bond\b)|\A\w*DNS\b|\A(?:Firewall|LoadBalancer|Network)\b"),
    Row(("infrastructure", "node"), kind=r"\A\w*Remediation\b"),
    *(Row(place, kind=names, who=names) for place, names in PRODUCTS.items()),
    *(Row(place, kind=names) for place, names in KINDS.items()),
    Row(("infrastructure", "control-plane"), kind=PLATFORMS),
    # --- things with an owner of their own, whatever befalls them ---
    Row(("infrastructure", "network"), kind=r"\A\w*(?-i:Mesh)"),
    Row(("infrastructure", "control-plane"),
        kind=r"\A(?:CustomResourceDefinition|\w*ResourceSet(?:Binding)?|Cluster(?:Catalog|Extension)|HelmChartProxy"
            r"|ManifestWork|SyncSet|PropagationPolicy|KubeFed\w+|LogicalCluster|ImageBasedUpgrade"
            r"|\w*Provider \S*cluster\.x-k8s\.io)\b|karmada|gardener\.cloud|(?:cluster|operator|work"
            r"|addon)\.open-cluster-management|cattle\.io|\A(?:Lease|ClusterOperator|ClusterVersion"
            r"|ClusterServiceVersion|CatalogSource|InstallPlan)\b|\A(?:OperatorGroup|\w*ControlPlane|Etcd\w*"
            r"|APIService|FeatureGate|HostedCluster|ManagedCluster\w*|MultiCluster(?:Hub|Engine)|ClusterClass"
            r"|PriorityClass|(?:RKE|K3s|Virtual)\w*Cluster|WorkerPool|StorageVersionMigration)\b"
            r"|\A(?:Cluster(?:Upgrade|Update|Deployment|Claim|Pool|Instance|ImageSet|Group\w+)|AgentClusterInstall"
            r"|InfraEnv|Klusterlet|Shoot|Seed|VCluster|Kube(?:APIServer|Scheduler|ControllerManager))\b",
        reason=r"leader election|\betcd\b"),
    Row(("infrastructure", "storage"), kind=r"\A(?:PersistentVolume|VolumeAttachment|VolumeSnapshot)"),
    Row(("infrastructure", "storage"),
        both=r"\AVirtualMachine(?:Instance)? .*\n.*(?:volume|\bpvc\b|disk|\bi ?o ?err|storage|small pv|attachment"
            r"|\bmount)"),
    Row(("infrastructure", "virtualization"),
        kind=r"\AVirtualMachine|[^i]\.kubevirt\.io/v|harvesterhci\.io|\AVM(?:Import|Export|Backup)|\AGuestAgent"
            r"|\Akubevirt\.io|forklift|\AKubeVirt|\AHyperConverged|\ASSP\b",
        who=r"\bvirt-|kubevirt|hyperconverged|harvester"),
    Row(("infrastructure", "storage"),
        kind=r"\A(?:PersistentVolume|Volume|Storage|CSI|Data(?:Volume|ImportCron|Source|Upload|Download)|Ceph"
            r"|Block(?:Device|Pool|Storage|Volume)?\b)|\A(?:Object(?:Bucket|Store)|Bucket(?:Claim|Access|Class)"
            r"|Backup|Restore|PodVolume|LVM|BackingImage|RecurringJob|GroupSnapshot)|\A(?:Linstor|NooBaa"
            r"|Replication(?:Source|Destination)|VolumeReplication)|\A(?:Schedule|Engine|Replica)\b|\A\w*(?:Snapshot"
            r"|Backup|Restore|Storage|Volume|Disk)|\A(?:Backing|Bucket|Object|Namespace)Store\b|\A(?:Filesystem"
            r"|NetworkFence|ReclaimSpaceJob|ExportAction|JuiceFS|Seaweed|DR(?:Cluster|P\w+)|NFS\w*|Iscsi\w*"
            r"|DataProtection\w*|HostPath\w*|LocalVolume\w*|CacheGroup)\b|storage\.k8s|velero\.io|stash\.appscode"
            r"|kanister|k8up|data\.fluid|minio\.min\.io|longhorn|ceph|cdi\.kubevirt|linstor|portworx|csiaddons|ramendr",
        who=r"juicefs|fluid\b|alluxio|beegfs|\bweka|quobyte|spectrum-scale|seaweed|garage|longhorn|\brook|ceph|velero"
            r"|noobaa|\bminio|piraeus|linstor|volsync|k8up|kanister|kasten|stork|mayastor|cstor|glusterfs|\bocs-"
            r"|\bodf-|lvms|nfs-|stash\b|snapscheduler|\bcdi\b|csi\b|external-(?:provisioner|attacher|resizer"
            r"|snapshotter)|openebs|topolvm|\blvm|portworx|trident|snapshot|persistentvolume|\bimport-controller"
            r"|datavolume"),
    Row(("infrastructure", "workload"), kind=r"serving\.knative|eventing\.knative", who=r"knative"),
    Row(("infrastructure", "network"),
        kind=r"\A(?:NodeNetwork\w*|UserDefinedNetwork|Egress\w*|Firewall\w*|ServersTransport|(?:Back|Front)endConfig"
            r"|RateLimit\w*|VPN|RouteAdvertisements|ReferenceGrant|Backend\w*Policy|ENI\w*|KubeProxy\w*|Listener\w*"
            r"|Cluster(?:Link|Network)\w*|IPAddressClaim|FRR\w+|Eip|ServiceImport|ServiceExport|Tunnel|HostedZone"
            r"|Zone|VLAN)\b|nmstate|higress|\A(?:Service|Endpoints?|EndpointSlice|IngressController|IngressClass"
            r"|VirtualService|DestinationRule)\b|\A(?:IPPool|IPAddress|ServiceCIDR|EgressIP|BGP\w*|L2\w*|DNS\w*"
            r"|NetworkAttachmentDefinition|Subnet)\b|\A(?:TargetGroupBinding|Sriov\w*|CiliumNode|CiliumEndpoint"
            r"|ServiceL2Status|TigeraStatus|Istio\w*)\b|\A(?:TransportServer|VirtualServer)\b|\A\w*(?:Route|Gateway"
            r"|Ingress\w*|Mesh|Proxy(?:Class|Group)?|Network|Peer|LoadBalancer)\b|networking|traefik\.io"
            r"|getambassador|ako\.vmware|tailscale|skupper|\bipam\.|crd\.k8s\.amazonaws|kubeovn|ovn\.org|metallb"
            r"|cilium|calico|istio|gateway\.|submariner|linkerd|consul",
        who=r"\bmesh|firewall|\bcni|-cni\b|spiderpool|hybridnet|frr-k8s|liqo|otterize|\bvpc|terway|metallb|calico"
            r"|tigera|cilium|\bovn|multus|istio|dns\b|external-dns|ingress|nginx|haproxy|contour|traefik|whereabouts"
            r"|sriov|kube-proxy|linkerd|\bkuma\b|\bconsul\b|\bf5\b|f5-|\bavi\b|\bako\b|nsx|kube-vip|kube-router"
            r"|weave-net|\bgloo|\bkong|ambassador|emissary|envoy|apisix|skupper|openelb|purelb|netbird|tailscale"
            r"|load-?balancer|antrea|flannel|submariner|endpoint|gateway|ipallocator|portallocator|cidr"),
    Row(("infrastructure", "node"),
        kind=r"\A(?:\w*Remediation\w*|VSphereVM|\w+Server\b \S*infrastructure\S*|\w*DevicePlugin"
            r"|ContainerRuntimeConfig|NUMA\w+|Preprovisioning\w+|TalosConfig|BottlerocketShadow|PerformanceProfile"
            r"|HostFirmware\w*|Hardware|GpuDevicePlugin|ResourceSlice|\w+NodePool)\b|\A(?:Node\w+|InstanceGroup"
            r"|Machine\w*|BareMetalHost|Metal3\w*|\w+Machine|KubeletConfig|KubeadmConfig|Tuned|Profile)\b|karpenter"
            r"|machine"),
    Row(("infrastructure", "control-plane"), kind=r"\A\w*Cluster .*(?:cluster\.x-k8s|kubermatic|gardener|hive)"
            r"|\A(?:AWS|Azure|GCP|VSphere|OpenStack|HCloud|Hetzner|IBM\w*|(?-i:DO)|Nutanix|Proxmox|Metal3|Docker"
            r"|CloudStack|Cloudscale|Equinix|Exoscale|Harvester|Huawei|Ionos|Kubevirt|Latitude|Linode|Maas|Microvm"
            r"|Outscale|Packet|Scaleway|Tinkerbell|Upcloud|VCD|Vultr|(?-i:ACK|BYO|OCI|OVH))\w*Cluster\b",
        who=r"kkp-|kubermatic|cluster-api|\bcapi-"),
    Row(("infrastructure", "node"), message=r"nodes are available:.*(?:not-ready|unreachable|unschedulable)"),
    Row(("infrastructure", "storage"),
        message=r"persistent volumes? to bind|volume node affinity|max volume count|prepare subPath|create subPath"),
    Row(("infrastructure", "pod"), reason=r"image.* pull|pull.* image|container (?:creation|startup)"),
    Row(("infrastructure", "workload"), kind=r"\A\w*Workflow|\A(?:Pipeline|Task|Application|Helm\w+|Kustomization)"
            r"|\A(?:Build|BuildConfig|DeploymentConfig|ReplicationController)\b"),
    Row(("infrastructure", "network"), reason=r"connectivity|endpoint detection",
        message=r"(?:add(?:ed)? to|remov(?:ed?) from|targets? of) (?:the |a )?load ?balancer"),
    Row(("infrastructure", "node"), reason=r"master nodes?\b"),
    Row(("infrastructure", "control-plane"),
        kind=r"operator\.openshift|config\.openshift|operators\.coreos",
        reason=r"\bapi ?server\b|control ?plane",
        who=r"apiserver|openshift|olm\b|operator-lifecycle|\betcd|hypershift|klusterlet|gardenlet|kamaji"
            r"|cluster-version|image-registry|samples-operator|console-operator|\A(?:cluster|kube|authentication"
            r"|ingress|insights|marketplace)-[a-z-]*operator|\A(?:kube-|cloud-)?controller-manager"),
    # What a database keeps is its own matter; the disk that it is kept on is not.
    Row(("infrastructure", "storage"),
        both=rf"\A(?:\w*(?:Cluster|Datacenter)|(?:{DATABASES})\w*) .*\n.*(?:\bback ?ups?\b"
            r"|\bsnapshot|\bvolumes? |\bpvc|storage class|(?:disk|storage) full)"),
    Row(("infrastructure", "workload"),
        kind=rf"\A\w+(?:Cluster|Datacenter)\b|\A(?:{DATABASES})\w*\b|cassandra|postgres"
            r"|mongodb|kafka"),
    # --- kinds that nobody knows, whose names speak for themselves ---
    *(Row(place, kind=names) for names_of in (PARTS, GROUPS) for place, names in names_of.items()),
    # --- things of the cluster: what has befallen them ---
    Row(("infrastructure", "node"), message=r"node was low on resource|node had condition"),
    Row(("infrastructure", "network"),
        reason=r"network|\bnics?\b|\bbgp\b|\blink (?:up|down|flap)|\bcni\b|\bdns|\broutes?\b|interface|net ?device"
            r"|conntrack|ip ?tables|\bingress(?:es)?\b|http ?route|\btunnel|packets? drop|kube ?proxy|proxier"
            r"|resolver\b|resolv ?conf|(?:name|host|domain) ?resol|subnet|\bip\b|\bi ?ps\b|ip family|cidr"
            r"|load ?balancer|\bipam\b|\bvpn|\bvx?lan|wire ?guard|\bip ?sec\b|\bmtu\b|\barp\b|\bnat\b|\bospf\b|\bdhcp"
            r"|\bvips?\b|firewall|egress",
        message=r"failed to set ?up (?:network|sand ?box|pod)|\bcni\b|network is not ready|ClusterDNS|\bmultus\b"
            r"|\bovn-k8s|\badd(?:ing)? network|configure pod interface|no IP addresses"),
    Row(("infrastructure", "storage"),
        reason=r"volume|\bcsi\b|empty ?dir|\bmount|attach|detach|persistent|\biscsi|\blvm|\bluns?\b|thin ?pool"
            r"|\bdisk bad|\braid\b|\bnfs\b|root ?fs\b|\bnvme|\bssd\b|file ?system|ext4|\bxfs|\bio ?error|overlay"
            r"|image layer|layerchain|docker image|storage (?:class|clean|full|expan|resiz)|\bpvc\b|snapshot"
            r"|\bback ?ups?\b",
        message=r"no space left|volumeMount|MountVolume|AttachVolume|persistentvolumeclaim|\bdisk (?:pressure|space)"
            r"|the disk |data director"),
    Row(("infrastructure", "workload"),
        reason=r"config ?map (?:\w+ )?(?:missing|not found)",
        message=r"(?:configmap|secret) \S+ not found|find key .*in (?:ConfigMap|Secret)"),
    Row(("infrastructure", "node"), both=r"\APod .*cluster-autoscaler\n.*scale down"),
    Row(("infrastructure", "workload"), both=r"\APod .*(?:autoscaler|vpa|descheduler|disruption)"),
    Row(("infrastructure", "pod"), kind=r"\APod\b"),
    Row(("infrastructure", "virtualization"), message=r"\bvirtual machine"),
    Row(("infrastructure", "node"),
        reason=r"\bnodes? (?:cordon|drain|taint)|(?:cordon|drain|taint)(?:ed|ing)? nodes?\b|\bkernel|\bbios\b"
            r"|firmware|\bbmc\b|\bkubelet|\bcontainerd|\bcri-?o\b|\bpsu\b|\bhugepages",
        kind=r"\ANode\b",
        who=r"karpenter|cluster-autoscaler|\bmachine|\bnode-|kured|node-tuning|tuned|\bbmc|redfish|ironic|\bcap[a-z]-"
            r"|medik8s",
        both=r"\A(?:Deployment|DaemonSet|ConfigMap|Namespace|Lease) .*\n.*\bnodes?\b"),
)  # fmt: skip
