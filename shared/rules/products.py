"""Whose matter the products of the field are: their names, as they stand in API groups, kinds and components.

`place_rows` has them below the kinds and words that say more: a product's certificate is a matter of certificates.
Applications (databases, queues, pipelines) are not listed: what nobody names is a workload.
"""

from shared.events.vocabulary import Category, Subcategory


def _any_of(names: str) -> str:
    return "|".join(names.split())


# RE2 patterns of names; one that is short has its edges marked.
PRODUCTS: dict[tuple[Category, Subcategory], str] = {
    ("security", "runtime"): _any_of(r"""
        aquasec\.com \bfalcon[-.] \bNv\w*SecurityRule carbon-?black clamav crowdstrike deepfence falcosecurity
        gadget\.kinvolk inspektor kubearmor kubescape\.io lacework microsoft-defender neuvector osquery sentinelone
        stackrox sysdig tetragon tracee twistlock \bwazuh\b
    """),
    ("security", "image"): _any_of(r"""
        anchore aquasecurity\.github \bnotation \bratify copacetic dependency-?track fulcio grype kubeclarity
        portieris rekor rhtas securesign softwarecomposition
    """),
    ("security", "authentication"): _any_of(r"""
        auth0 authelia authentication\.open-cluster authentik authorino \bdex\b \bgluu \bkanidm \bkaniop \bkiam
        \blogto \bokta \bory[-.] \bspire\b casdoor fusionauth hydra\b keycloak kratos\b kube2iam oathkeeper \.ory\.sh
        pinniped spiffe teleport user\.openshift\.io zitadel
    """),
    ("security", "rbac"): _any_of(r"""
        access-?manager authorization\.(?:k8s|azure) rbac-?manager rbac\.open-cluster
    """),
    ("security", "certificate"): _any_of(r"""
        cert-manager ejbca jetstack\.io smallstep step-issuer trust-manager venafi
    """),
    ("admission", "policy"): _any_of(r"""
        capsule compliance\. datree jspolicy k-rail kube-?bench kubewarden polaris policy\.open-cluster styra
    """),
    ("security", "network-policy"): _any_of(r"""
        otterize
    """),
    ("infrastructure", "network"): _any_of(r"""
        adguard aga\.k8s antrea apisix application-networking\.k8s appmesh \bbgp \bgloo \bkilo\b bluecat \bnsx
        cfargotunnel citrix cloudflared cloudflare-(?:operator|tunnel) coredns dns\.cav efficientip egress-?gateway
        f5\.com fabedge frr-k8s haproxy headscale infoblox k8gb k8s\.cni\.cncf kgateway konghq kuadrant kubeslice
        lighthouse loxilb netbird netbox netmaker netobserv netscaler networking-operator network\.openshift
        network-operator nginx\.org ngrok nova-?route openelb openvpn pi-?hole powerdns projectcontour purelb
        raven\.openyurt smi-spec solo\.io spiderpool tailscale vpc- vpcresources whereabouts wireguard zerotier
    """),
    ("infrastructure", "storage"): _any_of(r"""
        alluxio \bcarina \bcsi[-.] \bcsm\b \bborg(?:base|backup|matic) \bdell\.com \bdell-csi beegfs \bgarage
        \bmin\.io \bodf\b \bondat \bstork
        \bweka \bzfs cloudcasa cns\.vmware -csi\b cubefs curvefs datacore dataprotection\.kubeblocks drbd fluid\.io
        gemini\.fairwinds gluster hostpath hpe-csi hwameistor infinibox infinidat iomesh juicefs kasten kio\.kasten
        kopia kubestash libopenstorage lightbits lustre moosefs netapp nvmeof oadp openebs open-local portworx
        powerprotect purestorage pvc-autoscaler quobyte restic s3-operator scality seaweed simplyblock snapmirror
        spectrum storage\.hpe storageos synology topolvm trident trilio vastdata veeam velero volsync volume-
        vsphere-csi
    """),
    ("infrastructure", "virtualization"): _any_of(r"""
        \bvirtink forklift harvester hyperconverged imageregistry\.vmware kataconfig konveyor libvirt microvm qemu
        vjailbreak vmoperator
    """),
    ("infrastructure", "node"): _any_of(r"""
        agent-install \bakri \bdraino \bkmm\b \bkured \bmaas\b \bnfd\b bootstrap\.cluster bottlerocket brupop \btink-
        device-plugin deviceplugin devices\.kubeedge elemental flatcar habana ironcore keikoproj linuxptp mellanox
        metal3 metal-api metal-stack node-feature node-observability nodeobservability node-termination redfish
        resource\.k8s\.io sidero\b spot-handler sriovfec sro\.openshift tinkerbell
    """),
}
"""Names that tell as much in a component as in a kind or group."""

PLATFORMS = _any_of(r"""
    \ACluster(?:Add[oO]n|Template|Profile|Summary|Info|Provision|Sync|Bootstrap|Registration|Inventory|Object)\w*
    \A(?:ComponentStatus|PackageManifest|FlowSchema|PriorityLevelConfiguration|APIExport|APIBinding)\b
    addons\.cluster\.x-k8s \A(?:Deckhouse|Module)\w*\sdeckhouse\.io
    \A(?:Kubernetes|Tanzu\w*|EKS|GKE|AKS|OKE|ACK|TKE|K0s|K3s|MicroK8s|Talos|KubeOne)Cluster\w*
    \A(?:Member|Remote|Managed|Hosted|Workload|Guest|Child|Leaf|Hub|Spoke|Foreign|Sveltos|Tenant)Cluster\w*
    anywhere\.eks
    apiregistration \bhive\w*\.openshift flowcontrol\.apiserver gardener\.cloud k0rdent k0smotron k0sproject k8c\.io
    kamaji karmada kcp\.io kubefed kubeone kubermatic kubernetes-fleet l[ac][am]\.openshift liqo\.io loft\.sh
    multicluster\.x-k8s\.io/ open-cluster-management operator\.cluster\.x-k8s operatorframework run\.tanzu
    runtime\.cluster\.x-k8s siteconfig\. sveltos vcluster
""")
"""Kinds and groups of those that build, join and run clusters, whose controllers also act on Pods of others."""

APPLICATIONS = _any_of(r"""
    \A(?:State|Vending)Machine\w* \A(?:Archive|Beacon|Besu|Bitcoin|Chain|Ethereum|Full|Geth|Solana|Validator)\w*Node\b
    \A(?:Cluster)?TriggerAuthentication\b \AJob(?:Set|Flow)\b \A\w*[GNT]PU(?:App|Job|Task|Workload)\b
    \A(?:Cluster)?ResourceBinding\b \A(?:Bundle|GitRepo|HelmOp)\w*\sfleet\.cattle
    \A(?:NIM|Dynamo|Nemo)\w+ bindings?\.operators\.coreos chaos\.datadog chaos-mesh fluxcd kaito\.sh keda\.sh
    koordinator kserve\.io kubeflow kueue\.x-k8s litmus seldon\.io selectdb servicebinding stackable\.tech starrocks
    strimzi\.io weblogic \ANginx\b
""")
"""Applications whose kinds have names of other things."""

CLOUDS = _any_of(r"""
    AWS Azure CloudStack Cloudscale Docker Equinix Exoscale GCP HCloud Harvester Hetzner Huawei IBM\w* Ionos Kubevirt
    Latitude Linode Maas Metal3 Microvm Nutanix OpenStack Outscale Packet Proxmox Scaleway Tinkerbell Upcloud VCD
    VSphere Vultr (?-i:ACK|BYO|DO|OCI|OVH)
""")
"""Where clusters are built: with these words their kinds begin."""

DATABASES = _any_of(r"""
    Aerospike Cassandra ClickHouse Cockroach Couch Dragonfly Elastic EMQX Hazelcast Infinispan Kafka Maria Memcached
    Mongo MySQL NATS Neo4j OpenSearch Postgres Pulsar Rabbit Redis Redpanda Scylla Solr TiDB Valkey Vitess YugaByte
    ZooKeeper
""")
"""Databases and queues: with these words their kinds begin, of which one may be called a node."""


def _one_of(names: str) -> str:
    return rf"\A(?:{_any_of(names)})\b"


KINDS: dict[tuple[Category, Subcategory], str] = {
    ("security", "runtime"): _one_of(r"""
        ApplicationProfile AquaEnforcer Falcon(?:NodeSensor|Container) PodInfo Rulesfile RuntimePolicy SecuredCluster
        TracingPolicyNamespaced
    """),
    ("security", "image"): _one_of(r"""
        ClusterConfigAuditReport ClusterSbomReport ConfigAuditReport ExposedSecretReport ImageContentSourcePolicy
        ImageDigestMirrorSet ImageTagMirrorSet ImageValidatingPolicy KeyManagementProvider WorkloadConfigurationScan
    """),
    ("security", "pod-security"): _one_of(r"""
        ProfileBinding ProfileRecording RawSelinuxProfile SecurityProfileNodeStatus SelinuxPolicy
    """),
    ("security", "authentication"): _one_of(r"""
        ClusterFederatedTrustDomain ClusterStaticEntry FederationDomain HCPAuth WebhookAuthenticator
    """),
    ("security", "certificate"): _one_of(r"""
        CertificateRequestPolicy CertManager
    """),
    ("security", "network-policy"): _one_of(r"""
        (?:Approved)?ClientIntents ProtectedService ServiceIntentions
    """),
    ("admission", "policy"): _one_of(r"""
        AssignImage AssignMetadata ClusterComplianceReport ClusterScan ExpansionTemplate
        K8s(?:Allowed|Block|Container|Disallowed|External|Horizontal|Https|Image|PSP|Pod|Required)\w+
        K8s(?:No|Unique|Replica|Restrict)\w+ OperatorPolicy PlacementBinding ProfileBundle ScanSetting\w*
        TailoredProfile TenantResource\w* UpdateRequest (?:Validating|Mutating|Generating|Deleting)Policy
    """),
    ("infrastructure", "network"): _one_of(r"""
        AccessGrant AccessLogPolicy AddressGroup AgentEndpoint AkoDeploymentConfig AviInfraSetting Backend Domain
        (?:Backend|Client)TrafficPolicy BFDProfile CloudEndpoint ClusterSet ContourDeployment Dataplane EnvoyFilter
        ExternalWorkload FelixConfiguration FlowCollector FlowMetric GCPBackendPolicy GlobalAccelerator
        GlobalNetworkSet Gslb Limitador HealthCheckPolicy HostEndpoint HostRule HTTPEdge HTTPLocalRateLimitPolicy
        HTTPRouteGroup
        InferencePool IptablesEIP Kong\w+ LBNodeAgent ManagedZone McpBridge NetworkPolicyRecommendation OvnEip
        PodNetworkConnectivityCheck PortPool (?:Leaf|Network|Spine|TOR|V)?Switch ProxyConfig ProxyDefaults
        RateLimitPolicy RemoteNode RouteTable RRset ServiceDefaults ServiceDiscovery ServiceEntry ServiceGroup
        ServiceNetworkEndpointGroup ServiceResolver ServiceRouter ServiceSplitter SwitchLBRule TargetGroupPolicy
        TLSOption TrafficPolicy TrafficSplit VirtualHostOption VirtualNode VpcAssociationPolicy WasmPlugin \w*IPPool
        WorkloadEntry WorkloadGroup
    """),
    ("infrastructure", "storage"): _one_of(r"""
        AlluxioRuntime ApplicationClone ApplicationVault AppVault AsyncReplication AutopilotRule BlockDeviceClaim CDI
        ClusterPair Cns\w+ CStor\w+ DataLoad DataMigrate DellCSI\w+ DownloadRequest EncryptionKeyRotation\w*
        EngineImage HPENodeInfo IBMBlockCSI InstanceManager Jindo\w+ JuiceFS\w* LocalDisk\w* MigrationSchedule
        MinIOJob MirrorPeer ObjectTransfer ReclaimSpace\w+ RetentionPolicy SchedulePolicy SecretProviderClass\w*
        ServerStatusRequest ShareManager ThinRuntime TriggerCsiFullSync WarmUp Weka\w+ ZFS\w+
    """),
    ("infrastructure", "virtualization"): _one_of(r"""
        AAQ ClusterVirtualImage ContentLibrary\w* MigrationPolicy NetworkAddonsConfig OvaImport TektonTasks
    """),
    ("infrastructure", "node"): _one_of(r"""
        BMCEventSubscription ByoHost ClusterAutoscaler DataImage DeviceTaintRule EKSConfig\w*
        Host(?:Firmware|Update)\w+ KubeadmConfigTemplate KubevirtMachine MachineInventory\w* ManagedOSImage
        ManagedOSVersion\w* NicClusterPolicy NodeMetadata NodeModulesConfig NVIDIADriver PinnedImageSet
        Power(?:Node|Profile) PreprovisioningImage RollingUpgrade SeedImage ServerClaim ServerMaintenance
        SpecialResource Sriov(?:Fec|Vrb)\w+ StaticInstance StorageBasedRemediation TalosConfig\w* \w+NodeClass
    """),
    ("infrastructure", "control-plane"): _one_of(r"""
        Cluster(?:Group|Manager|Repo|Curator|Override\w*|Propagation\w*|Resource\w*|Staged\w*)
        ConsolePlugin ControllerInstallation ControllerRegistration ControlNode CoreProvider DataGather
        DeckhouseRelease EKSARelease
        ExtensionConfig HelmChartProxy Image(?:Based\w+|ClusterInstall)
        (?:Infrastructure|Bootstrap|ControlPlane|IPAM|Addon|CAPI)Provider InsightsOperator InternalMemberCluster
        ManagedResource ManagedSeed ManifestWork\w* Module(?:Config|Release|Source) MultiCluster\w+ OpenShiftAPIServer
        OperatorCondition PlacementDecision RKE\w+ Tanzu\w+ UpdateConfig VirtualCluster\w* Work XKubernetes\w*
    """),
}
"""Kinds that belong to one product and do not have its name in theirs."""


def _part_of(names: str) -> str:
    return rf"\A\w*(?:{'|'.join(map(_as_written, names.split()))})"


def _as_written(name: str) -> str:
    """Return a pattern that finds no abbreviation inside another word: `SSO` is not in `StreamProcessor`."""
    if not name.isalnum() or name != name.upper():
        return name
    return rf"(?-i:{name}(?:[^a-z]|\z)|{name.capitalize()}(?:[^a-z]|\z))"


PARTS: dict[tuple[Category, Subcategory], str] = {
    ("security", "image"): _part_of(r"""
        Attestation Cosign CVE ImageLint ImageScan ImageSign ImageVerif RegistryScan SBOM SignaturePolicy Vulnerab
    """),
    ("security", "certificate"): _part_of(r"""
        ACME Cert\b Certificate (?-i:Cert[A-Z]) (?-i:CSR) KeyRotation Keystore PKI SigningKey TLS TrustBundle
        TrustedCA Truststore
    """),
    ("security", "authentication"): _part_of(r"""
        (?:Access|Refresh|Bearer|Bootstrap|Join)Token APIKey APIToken Authentication AzureAD AuthServer Credential
        Deploy(?:Key|Token) Identity MFA JWT LDAP (?-i:Login) OAuth OIDC Password
        Realm\b SAML SecretRotation ServiceAccount ServicePrincipal SSH_?Key SSO UserAccount UserPool
    """),
    ("security", "rbac"): _part_of(r"""
        Access(?:Binding|Entry|Polic|Request|Session) BindDefinition Break_?[gG]lass Entitlement NamespaceAccess
        Permission PrivilegeRequest RoleDefinition RoleGrant RoleSync (?-i:Sudo(?:[A-Z]|\b)) UserRole
    """),
    ("security", "runtime"): _part_of(r"""
        EDRSensor Forensic HostScan (?-i:IDS) (?-i:WAF) Runtime(?:Rule|Policy|Alert) Security(?:Alert|Event|Incident)
    """),
    ("admission", "policy"): _part_of(r"""
        Admission (?:CEL|Config|Exemption|OPA|Rego)Policy Guardrail
    """),
    ("admission", "quota"): _part_of(r"""
        Quota(?:\b|Increase|Plan|Profile|Request)
    """),
    ("infrastructure", "virtualization"): _part_of(r"""
        GuestOS Hypervisor (?-i:Hyperv) VirtualMachine
        V(?:irtual)?M(?:Class|Host|Instance|Image|Migration\w*|Pool|Restore|Set|Snapshot|Template)?\b
    """),
    ("infrastructure", "storage"): _part_of(r"""
        (?-i:Bucket) DataProtection Datastore\b DiskPool (?:CIFS|File|NAS|Samba|SMB)Share FileSystem InfoScale
        Lustre NFS NVMe
        (?:Disk|Flash|Power\w+|Storage)Array PVC RBD ReplicationPlan
        ReplicationSlot S3Bucket
    """),
    ("infrastructure", "network"): _part_of(r"""
        AddressPool BGP CIDR CustomDomain DNS EgressIP EndpointSlice Envoy Firewall FloatingIP Gateway
        Hostname IP(?:Allocation|Block|Claim|Prefix|Range|Reserv) (?-i:IPAM) (?-i:IP)\w*Pool\b IOSXE Junos
        L[47](?:Policy|Rule)\b LoadBalancer Netplan Network OVSBridge Peering PortForward RouteAdvert RouteReflector
        NXOS (?-i:Router) SecurityGroup Subnet Switch(?:Config|Port) Traceflow (?-i:Traffic)
        PortBinding TrafficTarget Tunnel (?-i:[ACENS]LB) (?:A|CNAME|Zone)Record\b Upstream VirtualIP Vlan Vnet VPC VPN
        (?-i:VRF)
    """),
    ("infrastructure", "node"): _part_of(r"""
        AutoscalingGroup BareMetal BIOS \bBootc \wNode(?:Maintenance|Drain|Reboot|Refresh|Label|Taint) Chassis
        CPUManager Driver(?:Install|Up(?:date|grade)) Firmware Hardware HugePages BMC (?-i:[GNT]PU) Kernel
        Kubelet (?-i:Rack[A-Z]) OSImage OSUp(?:date|grade) SpotInstance OpenStack(?:DataPlane|Server) (?-i:DPU)
        \w(?:Host|Device)\b (?:Cloud|Compute|Edge|Infra|Linux|Managed|Physical|Spot|Static|Windows|Worker)Node\b
    """),
    ("infrastructure", "control-plane"): _part_of(r"""
        AuditSink (?:Cluster|Kube|Secondary)Scheduler\b ControlPlane (?-i:APIServer) SchedulerProfile
        (?:Cluster|K3s|K8s|Kubernetes|OpenShift|Platform|RKE2?)(?:Version)?(?:Upgrade|Update)
    """),
}
"""What the names of kinds that nobody knows have in them where they speak for themselves."""


def _group_of(names: str) -> str:
    return rf" (?:{'|'.join(names.split())})\."


GROUPS: dict[tuple[Category, Subcategory], str] = {
    ("security", "certificate"): _group_of("acme certs? certificates? pki tls"),
    ("security", "authentication"): _group_of("auth authentication identity oauth oidc sso"),
    ("security", "rbac"): _group_of("access authorization permissions? rbac"),
    ("admission", "policy"): _group_of("compliance guardrails? polic(?:y|ies)"),
    ("infrastructure", "virtualization"): _group_of("virt virtualization vms?"),
    ("infrastructure", "storage"): _group_of("backups? buckets? disks? restore snapshots? storage volumes?"),
    ("infrastructure", "network"): _group_of(
        "bgp cni dns firewall ingress ipam lb load-?balancers? mesh net networks? networking proxy tunnels? vpn"
    ),
    ("infrastructure", "node"): _group_of("bare-?metal bmc firmware gpus? hardware machines? metal nodes?"),
}
"""What the first word of an API group says of kinds that nobody knows: `metal.example.io` is a matter of nodes."""
