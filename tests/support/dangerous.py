"""Forty things that none of our accounts may do: to read secrets, to become somebody else, to change what runs."""

RBAC = "rbac.authorization.k8s.io"
ADMISSION = "admissionregistration.k8s.io"
_TABLE = f"""
get secrets
list secrets
watch secrets
create secrets
delete secrets
get configmaps
update configmaps
create serviceaccounts/token
impersonate users
impersonate groups
impersonate serviceaccounts
create pods
delete pods
create pods/exec
create pods/attach
create pods/portforward
create pods/eviction
get pods/log
update pods/ephemeralcontainers
create nodes/proxy
patch nodes
delete nodes
create namespaces
delete namespaces
delete persistentvolumes
delete persistentvolumeclaims
delete events
create deployments apps
patch deployments apps
delete daemonsets apps
patch statefulsets apps
create jobs batch
create cronjobs batch
bind clusterroles {RBAC}
escalate clusterroles {RBAC}
create clusterrolebindings {RBAC}
create rolebindings {RBAC}
delete networkpolicies networking.k8s.io
patch validatingwebhookconfigurations {ADMISSION}
approve signers certificates.k8s.io
"""


def _action(line: str) -> dict[str, str]:
    verb, what, *group = line.split()
    resource, _, subresource = what.partition("/")
    return {
        "verb": verb,
        "resource": resource,
        "subresource": subresource,
        "group": "".join(group),
        "namespace": "shop",
    }


DANGEROUS = {line: _action(line) for line in _TABLE.strip().splitlines()}
assert len(DANGEROUS) == 40
