"""Whose matter the products of the field are: their names, as they stand in API groups, kinds and components.

`places` looks for them below the kinds and words that say more: a product's certificate is a matter of certificates.
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
        stackrox sysdig tetragon tracee twistlock wazuh
    """),
    ("security", "image"): _any_of(r"""
        anchore aquasecurity\.github \bratify copacetic dependency-?track fulcio grype kubeclarity \bnotation
        portieris rekor rhtas securesign softwarecomposition
    """),
    ("security", "authentication"): _any_of(r"""
        auth0 authelia authentication\.open-cluster authentik authorino \bdex\b \bgluu
        \bkanidm \bkaniop \bkiam \blogto \bokta \bory[-.] casdoor dex\. fusionauth hydra\b
        keycloak kratos\b kube2iam oathkeeper \.ory\.sh pinniped spiffe spire\b
        teleport user\.openshift\.io zitadel
    """),
    ("security", "rbac"): _any_of(r"""
        access-?manager authorization\.(?:k8s|azure) rbac-?manager rbac\.open-cluster
    """),
    ("security", "certificate"): _any_of(r"""
        cert-manager ejbca jetstack\.io smallstep step-issuer trust-manager venafi
    """),
    ("admission", "policy"): _any_of(r"""
        capsule compliance\. datree fairwinds jspolicy k-rail kube-?bench kubewarden polaris policy\.open-cluster
        styra
    """),
    ("security", "network-policy"): _any_of(r"""
        otterize
    """),
    ("infrastructure", "network"): _any_of(r"""
        adguard aga\.k8s antrea apisix application-networking\.k8s appmesh \bbgp \bgloo \bkilo\b bluecat \bnsx
        cfargotunnel citrix cloudflared cloudflare-(?:operator|tunnel) coredns dns\.cav efficientip egress-?gateway
        f5\.com fabedge frr-k8s haproxy headscale infoblox k8gb k8s\.cni\.cncf kgateway konghq kuadrant kubeslice
        lighthouse loxilb netbird netmaker netobserv netscaler networking-operator network\.openshift
        network-operator nginx\.org ngrok nova-?route openelb openvpn pi-?hole powerdns projectcontour purelb
        raven\.openyurt smi-spec solo\.io spiderpool tailscale vpc- vpcresources whereabouts wireguard zerotier
    """),
    ("infrastructure", "storage"): _any_of(r"""
        alluxio \bcarina \bcsi[-.] \bcsm\b \bdell\.com \bdell-csi beegfs \bgarage \bmin\.io \bodf\b \bstork \bweka
        \bzfs cloudcasa cns\.vmware -csi\b cubefs curvefs datacore dataprotection\.kubeblocks drbd fluid\.io
        gemini\.fairwinds gluster hostpath hpe-csi hwameistor infinibox infinidat iomesh juicefs kasten kio\.kasten
        kopia kubestash libopenstorage lightbits lustre moosefs netapp nvmeof oadp ondat openebs open-local portworx
        powerprotect purestorage pvc-autoscaler quobyte restic s3-operator scality seaweed simplyblock snapmirror
        spectrum storage\.hpe storageos synology topolvm trident trilio vastdata veeam velero volsync volume-
        vsphere-csi
    """),
    ("infrastructure", "virtualization"): _any_of(r"""
        \bvirtink forklift harvester hyperconverged imageregistry\.vmware kataconfig konveyor libvirt microvm qemu
        vjailbreak vmoperator
    """),
    ("infrastructure", "node"): _any_of(r"""
        agent-install \bakri \bdraino \bkmm\b \bkured \bmaas\b \bnfd\b bootstrap\.cluster bottlerocket brupop
        \btink- device-plugin deviceplugin devices\.kubeedge elemental flatcar habana ironcore keikoproj linuxptp
        mellanox metal3 metal-api metal-stack node-feature node-observability nodeobservability node-termination
        redfish resource\.k8s\.io sidero\b spot-handler sriovfec sro\.openshift tinkerbell
    """),
}
"""Names that tell as much in a component as in a kind or group."""

PLATFORMS = _any_of(r"""
    \ACluster(?:Add[oO]n|Template|Profile|Summary|Info|Provision|Sync|Bootstrap|Registration|Inventory|Object)\w*
    \A(?:ComponentStatus|PackageManifest|FlowSchema|PriorityLevelConfiguration|APIExport|APIBinding)\b
    addons\.cluster\.x-k8s \A(?:Deckhouse|Module)\w*\sdeckhouse\.io
    \A(?:Member|Remote|Managed|Hosted|Workload|Guest|Child|Leaf|Hub|Spoke|Foreign|Sveltos)Cluster\w*
    \A(?:Kubernetes|Tanzu\w*|EKS|GKE|AKS|OKE|ACK|TKE|K0s|K3s|MicroK8s|Talos|KubeOne)Cluster\w*
    anywhere\.eks apiregistration \bhive\w*\.openshift flowcontrol\.apiserver gardener\.cloud k0rdent k0smotron
    k0sproject k8c\.io kamaji karmada kcp\.io kubefed kubeone kubermatic kubernetes-fleet l[ac][am]\.openshift
    liqo\.io loft\.sh multicluster\.x-k8s\.io/ open-cluster-management operator\.cluster\.x-k8s operatorframework
    run\.tanzu runtime\.cluster\.x-k8s siteconfig\. sveltos vcluster
""")
"""Kinds and groups of those that build, join and run clusters, whose controllers also act on Pods of others."""

APPLICATIONS = _any_of(r"""
    \AJob(?:Set|Flow)\b \A(?:NIM|Dynamo|Nemo)\w+ bindings?\.operators\.coreos chaos\.datadog chaos-mesh fluxcd
    kaito\.sh koordinator kserve\.io kubeflow kueue\.x-k8s litmus seldon\.io selectdb servicebinding stackable\.tech
    starrocks strimzi\.io
""")
"""Applications whose kinds have names of other things."""
