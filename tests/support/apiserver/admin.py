"""The `kubernetes` package with all rights: it writes what tests need, and its lists are the oracle."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import kubernetes
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from tests.support.apiserver.server import ApiServer

Result = TypeVar("Result")
_SECONDS = 60.0


class Admin:
    """Writes; while the server is down it waits, and repeats what certainly was not done."""

    def __init__(self, server: ApiServer) -> None:
        config = str(server.kubeconfig("admin"))
        client = kubernetes.config.new_client_from_config(config_file=config, context="lab")
        client.configuration.retries = False
        self.core = kubernetes.client.CoreV1Api(client)
        self.rbac = kubernetes.client.RbacAuthorizationV1Api(client)

    def namespace(self, name: str) -> str:
        """Make a namespace and return its name."""
        self.core.create_namespace({"metadata": {"name": name}})
        return name

    def config_map(self, namespace: str, name: str, **data: str) -> Any:
        """Make a ConfigMap."""
        return self.core.create_namespaced_config_map(namespace, {"metadata": {"name": name}, "data": data})

    def event(self, namespace: str, name: str, count: int = 1) -> Any:
        """Make an Event."""
        body = {
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {"kind": "Pod", "namespace": namespace, "name": "web", "apiVersion": "v1"},
            "reason": "BackOff",
            "message": "Back-off restarting failed container",
            "type": "Warning",
            "count": count,
            "source": {"component": "kubelet"},
        }
        return self.core.create_namespaced_event(namespace, body)

    def token(self, namespace: str, account: str, secret: str) -> str:
        """Return a token of a service account that ends with a Secret."""
        bound = {"kind": "Secret", "apiVersion": "v1", "name": secret}
        asked = {"spec": {"audiences": ["https://kubernetes.default.svc"], "boundObjectRef": bound}}
        return str(self.core.create_namespaced_service_account_token(account, namespace, asked).status.token)


def patiently(work: Callable[[], Result]) -> Result | None:
    """Do something although the server is away for a while; None where it turns out to have been done before."""
    end = time.monotonic() + _SECONDS
    while True:
        try:
            return work()
        except (ApiException, HTTPError, OSError) as error:
            if getattr(error, "status", None) in {404, 409}:
                return None
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def at_once(work: Callable[[Any], Any], items: Iterable[Any], threads: int = 8) -> None:
    """Do something with each of many, some at a time."""
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, items):
            pass
