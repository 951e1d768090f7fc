"""Which addresses only this machine can reach, and which no foreign system can have (F48)."""

import os
import re
import socket
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address

# Where clouds keep a machine's credentials, besides the link-local 169.254.169.254: AWS, Google, Alibaba, Oracle,
# Azure.
_METADATA: Final = frozenset(
    map(ip_address, ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"))
)
_HOST: Final = re.compile(r"[0-9a-fA-F:]+|[A-Za-z0-9._-]+")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_FIRST_AFTER_COMPATIBLE: Final = 2**32  # `::a.b.c.d`, long out of use, and still understood by some
_THIS_NETWORK: Final = IPv4Network("0.0.0.0/8")
_BROADCAST: Final = ip_address("255.255.255.255")
_API_SERVER: Final = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")
_CLUSTER_DOMAIN: Final = "kubernetes.default.svc."


def completed(url: str, ports: Mapping[str, int], example: str) -> str:
    """Return the address of a server with its port: the one that it names, or that of its scheme in `ports`.

    Raises ValueError, without any part of the address: one may hold a password.
    """
    refused = ValueError(f"must be an address such as {example}")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # its text has what was taken for a port, and that may be a password
        raise refused from None
    if parts.scheme not in ports or not _HOST.fullmatch(host):
        raise refused
    if "@" in url:  # behind a slash, too, which ends a host: whoever writes one into a password writes it there
        raise ValueError("must not hold a user or password: they have settings of their own, which logs never show")
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port or ports[parts.scheme]}{parts.path}"


def unreached(what: str, where: str, setting: str, why: str = "") -> str:
    """Return that nobody is met where a setting says, several addresses by comma: none of ours holds credentials."""
    return f"{what} cannot be reached at {where.replace(',', ', ')}{f' ({why})' if why else ''}: see {setting}"


def is_loopback(host: str) -> bool:
    """Return True for `localhost` and loopback addresses."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def literal(host: str) -> Address | None:
    """Return the address that a host is where it is one, also in the old spellings (`0xa9fea9fe`, `127.1`)."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host)) if host[:1].isdigit() else None
    except OSError:
        return None


def is_api_server(host: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Return True for the cluster's own API server, by its names or by what Kubernetes tells each pod."""
    name = host.lower().rstrip(".")
    own = environ.get("KUBERNETES_SERVICE_HOST", "")
    if name in _API_SERVER or name.startswith(_CLUSTER_DOMAIN) or (own and name == own.lower()):
        return True
    address = literal(host)
    return address is not None and bool(own) and _inner(address) == literal(own)


def refusal(address: Address, *, loopback: bool, environ: Mapping[str, str] = os.environ) -> str:
    """Return why nothing may be sent to an address, empty where it may; `loopback` where the setting names loopback.

    Private addresses are fine: what runs on premises lives there. An IPv4 address inside an IPv6 one counts as itself.
    """
    inner = _inner(address)
    if loopback or inner.is_loopback:
        return "" if loopback and inner.is_loopback else "loopback"
    if inner in _METADATA:
        return "metadata"
    if inner.is_link_local:
        return "link-local"
    if inner.is_unspecified or (isinstance(inner, IPv4Address) and inner in _THIS_NETWORK):
        return "unspecified"
    if inner.is_multicast or inner == _BROADCAST:
        return "multicast"
    return "api-server" if is_api_server(str(inner), environ) else ""


def _inner(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for (mapped, compatible, 6to4, NAT64), else the address."""
    if isinstance(address, IPv4Address):
        return address
    if address.scope_id:
        address = IPv6Address(int(address))
    embedded = address.ipv4_mapped or address.sixtofour
    if embedded is None and (address in _NAT64 or 1 < int(address) < _FIRST_AFTER_COMPATIBLE):
        embedded = IPv4Address(int(address) & 0xFFFFFFFF)
    return embedded or address


def exposure_refusal(host: str, auth: str) -> str:
    """Return why this address may not be served, or nothing: only a loopback may do without AUTH (guarantees.md).

    Whether AUTH is one that there is, its own model knows.
    """
    if auth or is_loopback(host):
        return ""
    return (
        f"{host} can be reached from outside and AUTH is not set: set it to how senders prove who they are "
        "(docs/who-may-send.md), or AUTH=none if the network decides who may send"
    )
