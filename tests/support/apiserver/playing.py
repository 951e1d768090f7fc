"""What controllers, kubelets and people do in a cluster, each with the words and the identity that it really has.

The API server of the tests runs alone: what the others would write into it is written here, as their sources have it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import kubernetes

from tests.support.apiserver.server import ApiServer, token_of

ALICE = "alice"
CONTROLLERS = "system:kube-controller-manager"
SPACE = "shop"
NODE = "worker-3"
PIN = "hunter2"
_TOKEN = "reader-token"  # noqa: S105 - the name of a Secret
Object = dict[str, Any]


def now() -> str:
    """Return the time as the API has it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


class Actor:
    """Somebody who asks the API server, with a token and a program of their own."""

    def __init__(self, server: ApiServer, name: str, token: str, program: str) -> None:
        config = str(server.kubeconfig(f"{name}.kubeconfig", token=token))
        client = kubernetes.config.new_client_from_config(config_file=config, context="lab")
        client.user_agent = program
        self.core = kubernetes.client.CoreV1Api(client)
        self.apps = kubernetes.client.AppsV1Api(client)
        self.network = kubernetes.client.NetworkingV1Api(client)
        self.rights = kubernetes.client.RbacAuthorizationV1Api(client)


class Played:
    """A small cluster: one node, one Deployment, one claim, one NetworkPolicy, one Secret and who may read it."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self.alice = Actor(server, ALICE, token_of(ALICE), "kubectl/v1.37.2 (linux/amd64) kubernetes/0000000")
        self.controllers = Actor(server, "controllers", token_of(CONTROLLERS), "kube-controller-manager/v1.37.2")
        self.uids: dict[str, str] = {}

    def build(self) -> None:
        """Make everything, in good order but for the claim, which waits."""
        alice, made = self.alice, self.uids
        alice.core.create_namespace({"metadata": {"name": SPACE}})
        made["Node"] = alice.core.create_node({"metadata": {"name": NODE}}).metadata.uid
        self.node_is("True", "KubeletReady", "kubelet is posting ready status")
        made["Deployment"] = alice.apps.create_namespaced_deployment(SPACE, _deployment()).metadata.uid
        self._rolled_out(1, "NewReplicaSetAvailable", 3)
        claim = {
            "metadata": {"name": "data"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "fast",
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
        made["PersistentVolumeClaim"] = alice.core.create_namespaced_persistent_volume_claim(SPACE, claim).metadata.uid
        policy = {"metadata": {"name": "deny-all"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}
        alice.network.create_namespaced_network_policy(SPACE, policy)
        alice.core.create_namespaced_secret(SPACE, {"metadata": {"name": "db"}, "stringData": {"pin": PIN}})

    def node_is(self, status: str, reason: str, message: str) -> None:
        """Write a node's condition, as the kubelet does, and for a lost one the node lifecycle controller."""
        condition = {"type": "Ready", "status": status, "reason": reason, "message": message}
        times = {"lastHeartbeatTime": now(), "lastTransitionTime": now()}
        body = {"status": {"conditions": [{**condition, **times}]}}
        self.controllers.core.patch_node_status(NODE, body)

    def event(self, about: Object, reason: str, message: str, component: str, **more: Any) -> str:
        """Write an Event of the old kind, as nearly all components still do; return its name."""
        space = about.get("namespace", "default")
        body = {
            "metadata": {"generateName": f"{about['name']}.", "namespace": space},
            "involvedObject": about,
            "reason": reason,
            "message": message,
            "type": "Normal",
            "count": 1,
            "firstTimestamp": now(),
            "lastTimestamp": now(),
            "source": {"component": component},
            **more,
        }
        return str(self.controllers.core.create_namespaced_event(space, body).metadata.name)

    def lose_node(self) -> None:
        """The kubelet is not heard any more (pkg/controller/nodelifecycle)."""
        self.node_is("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
        about = {"kind": "Node", "apiVersion": "v1", "name": NODE, "uid": self.uids["Node"]}
        self.event(about, "NodeNotReady", f"Node {NODE} status is now: NodeNotReady", "node-controller")

    def find_node(self) -> None:
        """It is heard again; its own Events carry no uid (pkg/kubelet/kubelet_node_status.go)."""
        self.node_is("True", "KubeletReady", "kubelet is posting ready status")
        about = {"kind": "Node", "name": NODE}
        self.event(about, "NodeReady", f"Node {NODE} status is now: NodeReady", "kubelet")

    def refuse_claim(self, times: int) -> None:
        """Its class does not exist; one Event counts the tries (pkg/controller/volume/persistentvolume)."""
        message = 'storageclass.storage.k8s.io "fast" not found'
        component = "persistentvolume-controller"
        name = self.event(self._claim(), "ProvisioningFailed", message, component, type="Warning")
        for count in range(2, times + 1):
            self.controllers.core.patch_namespaced_event(name, SPACE, {"count": count, "lastTimestamp": now()})

    def bind_claim(self) -> None:
        """Somebody made the class; the provisioner makes the volume."""
        message = "Successfully provisioned volume pvc-1"
        self.event(self._claim(), "ProvisioningSucceeded", message, "ebs.csi.aws.com_controller")
        status = {"status": {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}}
        self.controllers.core.patch_namespaced_persistent_volume_claim_status("data", SPACE, status)

    def roll_out(self) -> None:
        """Alice sets another image, and the Deployment's controller replaces the pods, one after the other."""
        image = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "shop/web:1.5"}]}}}}
        self.alice.apps.patch_namespaced_deployment("web", SPACE, image, field_manager="kubectl-set")
        about = {"kind": "Deployment", "apiVersion": "apps/v1", "namespace": SPACE, "name": "web"}
        about["uid"] = self.uids["Deployment"]
        for updated in (1, 2):
            message = f"Scaled up replica set web-5d4f to {updated}"
            self.event(about, "ScalingReplicaSet", message, "deployment-controller")
            self._rolled_out(2, "ReplicaSetUpdated", updated)
        self._rolled_out(2, "NewReplicaSetAvailable", 3)

    def remove_policy(self) -> None:
        """Alice takes away what keeps others from talking to the shop."""
        self.alice.network.delete_namespaced_network_policy("deny-all", SPACE)

    def read_secret(self) -> None:
        """Alice reads it, which people may do."""
        self.alice.core.read_namespaced_secret("db", SPACE)

    def steal_secret(self) -> None:
        """Somebody who has the token of a program of another namespace reads it by hand."""
        alice, space = self.alice, "web-shop-front"
        alice.core.create_namespace({"metadata": {"name": space}})
        alice.core.create_namespaced_service_account(space, {"metadata": {"name": "front"}})
        alice.core.create_namespaced_secret(space, {"metadata": {"name": _TOKEN}})
        reader = {"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]}
        alice.rights.create_namespaced_role(SPACE, {"metadata": {"name": "reader"}, **reader})
        binding = {
            "metadata": {"name": "reader"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
            "subjects": [{"kind": "ServiceAccount", "namespace": space, "name": "front"}],
        }
        alice.rights.create_namespaced_role_binding(SPACE, binding)
        bound = {"kind": "Secret", "apiVersion": "v1", "name": _TOKEN}
        asked = {"spec": {"audiences": ["https://kubernetes.default.svc"], "boundObjectRef": bound}}
        token = alice.core.create_namespaced_service_account_token("front", space, asked).status.token
        thief = Actor(self._server, "thief", token, "curl/8.5.0")
        thief.core.read_namespaced_secret("db", SPACE)

    def _claim(self) -> Object:
        uid = self.uids["PersistentVolumeClaim"]
        return {"kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": SPACE, "name": "data", "uid": uid}

    def _rolled_out(self, generation: int, reason: str, updated: int) -> None:
        """Write what the Deployment's controller says of its work (pkg/controller/deployment/progress.go)."""
        progressing: Mapping[str, str] = {
            "type": "Progressing",
            "status": "True",
            "reason": reason,
            "message": 'ReplicaSet "web-5d4f" has successfully progressed.',
            "lastTransitionTime": now(),
            "lastUpdateTime": now(),
        }
        counts = {"replicas": 3, "readyReplicas": 3, "availableReplicas": 3, "updatedReplicas": updated}
        body = {"status": {"observedGeneration": generation, **counts, "conditions": [dict(progressing)]}}
        self.controllers.apps.patch_namespaced_deployment_status("web", SPACE, body)


def _deployment() -> Object:
    labels = {"app": "web"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "shop/web:1.4"}]}}
    return {
        "metadata": {"name": "web"},
        "spec": {"replicas": 3, "selector": {"matchLabels": labels}, "template": pod},
    }
