"""A NATS for the topics as manifests: three servers, a volume each, and who may reach them. Pure.

As `knative/base/nats.yaml` has it for state, with the size and the storage class that a bus needs. It has no users and
no TLS: the NetworkPolicy lets in the pods of Tidings alone; an overlay adds what `knative/components/nats-tls` does.
"""

from typing import Any

Manifest = dict[str, Any]

_IMAGE = f"registry.example.com/nats@sha256:{'0' * 64}"
_CLIENTS, _ROUTES, _MONITOR = 4222, 6222, 8222
_DNS = [{"port": port, "protocol": protocol} for port in (53, 5353) for protocol in ("UDP", "TCP")]


def nats(name: str, namespace: str, replicas: int, size: str, storage_class: str) -> list[Manifest]:
    """Return ConfigMap, StatefulSet, two Services, a PodDisruptionBudget and a NetworkPolicy.

    `size` of each volume as Kubernetes writes it (`100Gi`); without a `storage_class` it is the cluster's default one.
    """
    labels = {"app.kubernetes.io/name": name}
    meta = {"name": name, "namespace": namespace, "labels": labels}
    routes = {**meta, "name": f"{name}-routes"}
    selector = {"matchLabels": labels}
    headless = {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": labels}
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": meta,
            "data": {"nats.conf": _conf(name, namespace, replicas)},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": meta,
            "spec": {
                "serviceName": routes["name"],
                "replicas": replicas,
                "podManagementPolicy": "Parallel",  # they wait for each other's votes
                "selector": selector,
                "template": {"metadata": {"labels": labels}, "spec": _pod(name, selector)},
                "volumeClaimTemplates": [_claim(size, storage_class)],
            },
        },
        _service(meta, {"selector": labels}, "client", _CLIENTS),
        _service(routes, headless, "routes", _ROUTES),
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": meta,
            "spec": {"maxUnavailable": 1, "selector": selector},
        },
        _policy(meta, selector),
    ]


def _conf(name: str, namespace: str, replicas: int) -> str:
    servers = [f"nats://{name}-{number}.{name}-routes.{namespace}.svc:{_ROUTES}" for number in range(replicas)]
    lines = [
        "server_name: $POD_NAME",
        f"listen: 0.0.0.0:{_CLIENTS}",
        f"http: 0.0.0.0:{_MONITOR}",
        "max_payload: 2MB",
        "jetstream { store_dir: /data, sync_interval: 10s }",
    ]
    if replicas > 1:  # a cluster of one would wait for others
        lines.append(f"cluster {{ name: {name}, listen: 0.0.0.0:{_ROUTES}, routes: [{', '.join(servers)}] }}")
    return "\n".join(lines) + "\n"


def _pod(name: str, selector: Manifest) -> Manifest:
    spread = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 60,
        "topologySpreadConstraints": [{**spread, "labelSelector": selector}],
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_container()],
        "volumes": [{"name": "config", "configMap": {"name": name}}],
    }


def _container() -> Manifest:
    ports = {"client": _CLIENTS, "routes": _ROUTES, "monitor": _MONITOR}
    return {
        "name": "nats",
        "image": _IMAGE,  # no image: a digest that is forgotten fails loudly
        "args": ["--config", "/etc/nats/nats.conf"],
        "env": [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "ports": [{"name": name, "containerPort": port} for name, port in ports.items()],
        "startupProbe": {**_probe(), "periodSeconds": 5, "failureThreshold": 180},
        "readinessProbe": _probe("js-server-only"),
        "livenessProbe": {**_probe("js-enabled-only"), "periodSeconds": 20},
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            {"name": "config", "mountPath": "/etc/nats", "readOnly": True},
        ],
    }


def _probe(asked: str = "") -> Manifest:
    query = f"?{asked}=true" if asked else ""
    return {"httpGet": {"path": f"/healthz{query}", "port": "monitor"}}


def _claim(size: str, storage_class: str) -> Manifest:
    spec: Manifest = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    if storage_class:
        spec["storageClassName"] = storage_class
    return {"metadata": {"name": "data"}, "spec": spec}


def _service(meta: Manifest, spec: Manifest, port: str, number: int) -> Manifest:
    ports = [{"name": port, "port": number, "targetPort": port}]
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {**spec, "ports": ports}}


def _policy(meta: Manifest, selector: Manifest) -> Manifest:
    ours = {"matchLabels": {"app.kubernetes.io/part-of": "tidings"}}
    spec = {
        "podSelector": selector,
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {"from": [{"podSelector": ours}], "ports": [{"port": _CLIENTS}]},
            {"from": [{"podSelector": selector}], "ports": [{"port": _ROUTES}]},
        ],
        "egress": [
            {"to": [{"podSelector": selector}], "ports": [{"port": _ROUTES}]},
            {"to": [{"namespaceSelector": {}}], "ports": _DNS},
        ],
    }
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}
