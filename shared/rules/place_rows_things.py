"""Whose matter something is, second half: things with an owner, known by name, and what has befallen the others."""

from shared.rules.place import Row
from shared.rules.products import APPLICATIONS, CLOUDS, DATABASES, GROUPS, KINDS, PARTS, PLATFORMS, PRODUCTS

THINGS: tuple[Row, ...] = (
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
    # What a cluster needs of a cloud before it has nodes.
    Row(("infrastructure", "network"),
        both=rf"\A(?:(?:{CLOUDS})\w*(?:Cluster|ControlPlane|Machine)"
            r"|\w*Cluster \S*infrastructure\.cluster\S*) .*\n.*(?:\brouters?\b"
            r"|\bnetworks?\b|\bsub ?nets?\b|load ?balanc|\b[aceln]?lbs?\b|gateway|\bvpcs?\b|\bv ?nets?\b|security group"
            r"|floating ips?\b|route ?tables?\b|\bnat\b|\beips?\b|firewall|peering|\bdns\b)"),
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
            r"|snapshotter)|openebs|topolvm|\blvm|portworx|trident|snapshot|persistentvolume|\Aimport-controller"
            r"|datavolume"),
    Row(("infrastructure", "workload"), kind=r"serving\.knative|eventing\.knative", who=r"knative"),
    Row(("infrastructure", "network"),
        kind=r"\A(?:Node(?:BGP|DNS|Network|Rout|Tunnel|VLAN)\w*|UserDefinedNetwork|Egress\w*|Firewall\w*"
            r"|ServersTransport|(?:Back|Front)endConfig|RateLimit\w*|VPN|RouteAdvertisements|ReferenceGrant"
            r"|Backend\w*Policy|ENI\w*|KubeProxy\w*|Listener\w*|Cluster(?:Link|Network)\w*|IPAddressClaim|FRR\w+|Eip"
            r"|ServiceImport|ServiceExport|Tunnel|HostedZone|Zone|VLAN)\b|nmstate|higress|\A(?:Service|Endpoints?"
            r"|EndpointSlice|IngressController|IngressClass|VirtualService|DestinationRule)\b|\A(?:IPPool|IPAddress"
            r"|ServiceCIDR|EgressIP|BGP\w*|L2\w*|DNS\w*|NetworkAttachmentDefinition|Subnet)\b|\A(?:TargetGroupBinding"
            r"|Sriov\w*|CiliumNode|CiliumEndpoint|ServiceL2Status|TigeraStatus|Istio\w*)\b|\A(?:TransportServer"
            r"|VirtualServer)\b|\A\w*(?:Route|Gateway|Ingress\w*|Mesh|Proxy(?:Class|Group)?|Network|Peer"
            r"|LoadBalancer)\b|networking|traefik\.io|getambassador|ako\.vmware|tailscale|skupper|\bipam\."
            r"|crd\.k8s\.amazonaws|kubeovn|ovn\.org|metallb|cilium|calico|istio|gateway\.|submariner|linkerd|consul",
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
            rf"|\A(?:{CLOUDS})\w*Cluster\b",
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
            r"|\bsnapshot|\bvolumes? |\bpvc|storage class|(?:disk|storage) full|\brestor(?:e|ation)\b)",
        message=r"\b(?:expand|extend|grow|resiz|scal|shrink)\w* (?:of |the )?(?:\w+ )?(?:disks?|PVCs?"
            r"|persistent ?volumes?|storage|volumes?)\b|\b(?:PVC|(?:persistent ?)?volume)s? (?:expansion|growth"
            r"|resiz\w+|shrink\w*)"),
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
            r"|\bvips?\b|firewall|egress|\bgateways?\b",
        message=r"failed to set ?up (?:network|sand ?box|pod)|\bcni\b|network is not ready|ClusterDNS|\bmultus\b"
            r"|\bovn-k8s|\badd(?:ing)? network|configure pod interface|no IP addresses"),
    Row(("infrastructure", "storage"),
        reason=r"volume|\bcsi\b|empty ?dir|\bmount|attach|detach|persistent|\biscsi|\blvm|\bluns?\b|thin ?pool"
            r"|\bdisk bad|\braid\b|\bnfs\b|root ?fs\b|\bnvme|\bssd\b|file ?system|ext4|\bxfs|\bio ?error|overlay"
            r"|image layer|layerchain|docker image|storage (?:class|clean|full|expan|resiz)|\bpvc\b|snapshot"
            r"|\bback ?ups?\b|\brestor(?:e|ation) (?:complet|err|fail|inval|succ)|\Afail\w* (?:to )?restore\b",
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
