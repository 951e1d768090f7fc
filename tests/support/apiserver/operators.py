"""What an OpenShift has besides Kubernetes: kinds whose definitions we have not, and operators that report.

The kinds have just the fields that their documents name and our manifests use or might, so that the API server refuses
a misspelt one. The operators are played, and a kubelet: they write what real ones write when all is well, or when an
image cannot be pulled.
"""

import base64
import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.apiserver.applying import Applier
from tests.support.apiserver.flowing import READY, reported
from tests.support.apiserver.server import ApiServer
from tests.support.kustomize import Manifest

ANY: Manifest = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
TEXT: Manifest = {"type": "string"}
TEXTS: Manifest = {"type": "array", "items": TEXT}
NUMBER: Manifest = {"type": "integer"}
SWITCH: Manifest = {"type": "boolean"}


def fields(*required: str, **known: Manifest) -> Manifest:
    """Return the schema of an object with these fields and no others."""
    return {"type": "object", "properties": known, **({"required": list(required)} if required else {})}


_SUBSCRIPTION = fields(
    "name", "source", "sourceNamespace",
    name=TEXT, channel=TEXT, source=TEXT, sourceNamespace=TEXT, installPlanApproval=TEXT, startingCSV=TEXT, config=ANY,
)  # fmt: skip
_KNATIVE_KAFKA = fields(
    "channel", "source",
    broker=fields(
        "enabled",
        enabled=SWITCH,
        defaultConfig=fields(
            bootstrapServers=TEXT, numPartitions=NUMBER, replicationFactor=NUMBER, authSecretName=TEXT
        ),
    ),
    source=fields("enabled", enabled=SWITCH),
    sink=fields("enabled", enabled=SWITCH),
    channel=fields("enabled", enabled=SWITCH, bootstrapServers=TEXT, authSecretNamespace=TEXT, authSecretName=TEXT),
    config=ANY, logging=fields(level=TEXT), workloads={"type": "array", "items": ANY},
)  # fmt: skip
_CERTIFICATE = fields(
    "secretName", "issuerRef",
    secretName=TEXT, commonName=TEXT, dnsNames=TEXTS, isCA=SWITCH, duration=TEXT, renewBefore=TEXT, usages=TEXTS,
    privateKey=fields(algorithm=TEXT, size=NUMBER, rotationPolicy=TEXT),
    issuerRef=fields("name", name=TEXT, kind=TEXT, group=TEXT),
)  # fmt: skip
_LINK = fields(location=TEXT, text=TEXT, href=TEXT, namespaceDashboard=fields(namespaces=TEXTS))

KINDS: dict[tuple[str, str, str], tuple[bool, Manifest]] = {
    # The Operator Lifecycle Manager's API reference.
    ("operators.coreos.com", "v1", "OperatorGroup"): (True, fields(targetNamespaces=TEXTS, upgradeStrategy=TEXT)),
    ("operators.coreos.com", "v1alpha1", "Subscription"): (True, _SUBSCRIPTION),
    ("operators.coreos.com", "v1alpha1", "ClusterServiceVersion"): (True, ANY),
    # OpenShift Serverless: "Installing OpenShift Serverless", and the types of its operator.
    ("operator.knative.dev", "v1beta1", "KnativeServing"): (True, fields(config=ANY)),
    ("operator.knative.dev", "v1beta1", "KnativeEventing"): (True, fields(config=ANY)),
    ("operator.serverless.openshift.io", "v1alpha1", "KnativeKafka"): (True, _KNATIVE_KAFKA),
    # cert-manager's API reference.
    ("cert-manager.io", "v1", "Issuer"): (True, fields(selfSigned=fields(), ca=fields("secretName", secretName=TEXT))),
    ("cert-manager.io", "v1", "Certificate"): (True, _CERTIFICATE),
    # OpenShift's API reference.
    ("console.openshift.io", "v1", "ConsoleLink"): (False, _LINK),
}
"""Group, version and kind: whether it lies in a namespace, and what its `spec` knows."""


def definitions() -> Iterator[Manifest]:
    """Yield the definitions of the kinds, each with a status that takes anything."""
    for (group, version, kind), (namespaced, spec) in KINDS.items():
        plural = f"{kind.lower()}s"
        schema = {"type": "object", "properties": {"spec": spec, "status": ANY}}
        one = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
        yield {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}"},
            "spec": {
                "group": group,
                "scope": "Namespaced" if namespaced else "Cluster",
                "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
                "versions": [{**one, "subresources": {"status": {}}}],
            },
        }


_READY = {"conditions": [READY]}
_RUNNING = {"replicas": 3, "readyReplicas": 3, "updatedReplicas": 3, "availableReplicas": 3, "currentReplicas": 3}
REPORTS: dict[str, Manifest] = {
    "/apis/operators.coreos.com/v1alpha1/subscriptions": {"state": "AtLatestKnown"},
    "/apis/operators.coreos.com/v1alpha1/clusterserviceversions": {"phase": "Succeeded"},
    "/apis/operator.knative.dev/v1beta1/knativeservings": _READY,
    "/apis/operator.knative.dev/v1beta1/knativeeventings": _READY,
    "/apis/operator.serverless.openshift.io/v1alpha1/knativekafkas": _READY,
    "/apis/cert-manager.io/v1/certificates": _READY,
    "/apis/kafka.strimzi.io/v1/kafkas": _READY,
    "/apis/kafka.strimzi.io/v1/kafkausers": _READY,
    "/apis/eventing.knative.dev/v1/brokers": {**_READY, "address": {"url": "http://broker.knative-eventing.svc"}},
    "/apis/eventing.knative.dev/v1/triggers": _READY,
    "/apis/eventing.knative.dev/v1alpha1/kafkasinks": _READY,
    "/apis/serving.knative.dev/v1/services": _READY,
    "/apis/sources.knative.dev/v1/apiserversources": _READY,
    "/apis/sources.knative.dev/v1/pingsources": _READY,
    "/apis/sources.knative.dev/v1/sinkbindings": _READY,
    "/apis/apps/v1/statefulsets": {**_RUNNING, "observedGeneration": 1, "currentRevision": "1", "updateRevision": "1"},
    "/apis/apps/v1/deployments": {"replicas": 1, "unavailableReplicas": 1},
}
"""Where objects of a kind lie, and the status that tells that all is well."""

_VERSION: Manifest = {"apiVersion": "operators.coreos.com/v1alpha1", "kind": "ClusterServiceVersion"}
_LABEL = "operators.coreos.com/serverless-operator.openshift-serverless"
_PLACE = {"name": "serverless-operator.v1.36.0", "namespace": "openshift-serverless", "labels": {_LABEL: ""}}
MADE: dict[str, Manifest] = {
    "openshift-serverless/serverless-operator": {**_VERSION, "metadata": _PLACE, "spec": {}},
    "kafka/my-cluster": {
        "apiVersion": "v1", "kind": "Secret", "data": {"ca.crt": base64.b64encode(b"an authority").decode()},
        "metadata": {"name": "my-cluster-cluster-ca-cert", "namespace": "kafka"},
    },
    "kafka/knative": {
        "apiVersion": "v1", "kind": "Secret", "data": {"password": base64.b64encode(b"a password").decode()},
        "metadata": {"name": "knative", "namespace": "kafka"},
    },
    "shop/broken": {
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "broken.17f1", "namespace": "shop"},
        "type": "Warning", "reason": "Failed", "count": 6, "source": {"component": "kubelet", "host": "worker-1"},
        "message": 'Failed to pull image "registry.invalid/nothing:1": no such host',
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "broken-7d4b9c6f5d-x2x7v", "apiVersion": "v1"},
    },
}  # fmt: skip
"""What is made where an object of that namespace and name is found."""


@contextlib.contextmanager
def operating(server: ApiServer) -> Iterator[None]:
    """Play the operators while the block runs."""
    ended = threading.Event()
    thread = threading.Thread(target=_operate, args=(server, ended))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(30)


def _operate(server: ApiServer, ended: threading.Event) -> None:
    with contextlib.closing(Applier(server)) as applier:
        while not ended.wait(0.2):
            for place, status in REPORTS.items():
                _report(applier, place, status)


def _report(applier: Applier, place: str, status: Mapping[str, Any]) -> None:
    """Write the status of all objects of a kind that have none, and make what belongs to them."""
    code, found = applier.ask("GET", place)
    root, plural = place.rsplit("/", 1)
    for item in found["items"] if code == 200 else ():
        if status.keys() <= item.get("status", {}).keys():
            continue
        meta = item["metadata"]
        if made := MADE.get(f"{meta['namespace']}/{meta['name']}"):
            applier.apply(made)
        reported(applier, f"{root}/namespaces/{meta['namespace']}/{plural}/{meta['name']}", dict(status))
