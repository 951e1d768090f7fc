"""How an API server is reached and by which credentials: a kubeconfig's context, or the service account of a Pod.

Read anew before each request, since tokens and certificates are replaced while we run. Of a kubeconfig
(https://kubernetes.io/docs/reference/config-api/kubeconfig.v1) what would have to run a program, or would check less
than TLS does, is refused rather than passed over.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from shared.settings.http import is_token

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_HOST, _PORT = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"


class AccessError(Exception):
    """The credentials cannot be read or used; the text says why and holds none of them."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where an API server is, whom to trust (`authorities`, PEM) and what to show it."""

    server: str
    authorities: str = ""
    server_name: str = ""
    certificate: bytes = field(default=b"", repr=False)
    token: str = field(default="", repr=False)


class Cluster(NamedTuple):
    """A cluster by the name that its events carry; `read` returns its access as it is now. Raises AccessError."""

    name: str
    read: Callable[[], Access]


def in_cluster(environ: Mapping[str, str], folder: Path = SERVICE_ACCOUNT) -> Access:
    """Return the access of the Pod that we run in. Raises AccessError."""
    host, port = environ.get(_HOST, ""), environ.get(_PORT, "443")
    if not host:
        raise AccessError("no Pod: set KUBECONFIG")
    shown = f"[{host}]" if ":" in host else host
    try:
        authorities = (folder / "ca.crt").read_text(encoding="utf-8")
        token = (folder / "token").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise AccessError("the Pod has no token: its service account must be mounted") from None
    return Access(f"https://{shown}:{port}", authorities, token=_checked(token))


def is_in_cluster(environ: Mapping[str, str]) -> bool:
    """Return True in a Pod."""
    return bool(environ.get(_HOST))


def from_kubeconfig(path: Path, context: str = "") -> Access:
    """Return the access of a context, by default the current one. Raises AccessError."""
    config = _load(path)
    name = context or str(config.get("current-context") or "")
    if not name:
        raise AccessError(f"{path} has no current-context: name one")
    chosen = _named(config, "context", name, path)
    cluster = _named(config, "cluster", str(chosen.get("cluster", "")), path)
    user = _named(config, "user", str(chosen["user"]), path) if chosen.get("user") else {}
    _refuse(cluster, user, name)
    server = str(cluster.get("server", "")).rstrip("/")
    if not server.startswith(("https://", "http://")):
        raise AccessError(f"the cluster of context {name} has no server")
    found = _Material(path.parent, name)
    certificate = found.read(user, "client-certificate")
    return Access(
        server,
        _ascii(found.read(cluster, "certificate-authority"), name),
        str(cluster.get("tls-server-name", "")),
        certificate + b"\n" + found.read(user, "client-key") if certificate else b"",
        _token(user, path.parent, name),
    )


def contexts(path: Path) -> tuple[str, list[str]]:
    """Return the current context of a kubeconfig, and all of them. Raises AccessError."""
    config = _load(path)
    found = [str(item["name"]) for item in config.get("contexts") or [] if isinstance(item, dict) and "name" in item]
    return str(config.get("current-context") or ""), found


class _Material(NamedTuple):
    """Reads certificates and keys, which stand in the file (`-data`, base64) or in files beside it."""

    folder: Path
    context: str

    def read(self, part: Mapping[str, Any], name: str) -> bytes:
        try:
            if part.get(f"{name}-data"):
                return base64.b64decode(str(part[f"{name}-data"]), validate=True)
            return (self.folder / str(part[name])).read_bytes() if part.get(name) else b""
        except (OSError, binascii.Error, ValueError):
            raise AccessError(f"the {name} of context {self.context} cannot be read") from None


def _load(path: Path) -> dict[str, Any]:
    import yaml  # not in a Pod, where no kubeconfig is read

    try:
        config = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - safe
    except (OSError, yaml.YAMLError):
        raise AccessError(f"{path} cannot be read as a kubeconfig") from None
    if not isinstance(config, dict):
        raise AccessError(f"{path} is no kubeconfig")
    return config


def _named(config: Mapping[str, Any], kind: str, name: str, path: Path) -> dict[str, Any]:
    for item in config.get(f"{kind}s") or []:
        if isinstance(item, dict) and item.get("name") == name and isinstance(item.get(kind), dict):
            return dict(item[kind])
    raise AccessError(f"{path} has no {kind} {name!r}")


def _refuse(cluster: Mapping[str, Any], user: Mapping[str, Any], name: str) -> None:
    if cluster.get("insecure-skip-tls-verify"):
        raise AccessError(f"context {name} does not verify TLS: give it a certificate-authority")
    if cluster.get("proxy-url"):
        raise AccessError(f"context {name} goes through a proxy, which is not supported")
    for key in ("exec", "auth-provider"):
        if user.get(key):
            raise AccessError(f"context {name} logs in by a program ({key}): use the token of a service account")
    for key in ("as", "username"):
        if user.get(key):
            raise AccessError(f"context {name} has {key!r}, which is not supported: use the token of a service account")


def _token(user: Mapping[str, Any], folder: Path, name: str) -> str:
    if not user.get("tokenFile"):
        return _checked(str(user.get("token") or ""))
    try:
        return _checked((folder / str(user["tokenFile"])).read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError):
        raise AccessError(f"the tokenFile of context {name} cannot be read") from None


def _checked(token: str) -> str:
    if not is_token(token):
        raise AccessError("the token holds a character that no token has")
    return token


def _ascii(pem: bytes, name: str) -> str:
    try:
        return pem.decode("ascii")
    except UnicodeDecodeError:
        raise AccessError(f"the certificate-authority of context {name} is no PEM") from None
