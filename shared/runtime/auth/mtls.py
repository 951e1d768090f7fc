"""`mtls`: a client's certificate, verified by our own TLS, or by a proxy whose word is taken because a setting says so.

Our own: `TLS_CLIENT_CA_FILE` (shared/runtime/tls.py). A proxy's: Envoy's `X-Forwarded-Client-Cert`, as Istio's sidecar
adds it, from the networks of AUTH_PROXIES and from nowhere else. The nearest proxy writes the last element.
"""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final

from shared.runtime.auth.asked import MALFORMED, MISSING, Asked, Denied, Known
from shared.runtime.auth.settings import AuthSettings

Network = IPv4Network | IPv6Network
_HEADER: Final = "x-forwarded-client-cert"
_MOST: Final = 16 * 1024
_NAMES: Final = ("uri", "dns")


class Mtls:
    """Senders by the first URI, else DNS name, else common name of their certificate."""

    def __init__(self, proxies: tuple[Network, ...] = ()) -> None:
        self._proxies = proxies

    async def ask(self, asked: Asked) -> Known | Denied:
        """Return whose certificate it is."""
        if asked.certificate is not None:
            return _known(_own_name(asked.certificate))
        forwarded = asked.headers.get(_HEADER)
        if not forwarded or not self._is_proxy(asked.peer):
            return MISSING
        return _known(forwarded_name(forwarded))

    def _is_proxy(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._proxies)


def new(settings: AuthSettings) -> Mtls:
    """Build the method from the settings."""
    return Mtls(tuple(ip_network(part) for part in settings.proxies.replace(",", " ").split()))


def _known(name: str) -> Known | Denied:
    return Known(name) if name else MALFORMED


def _own_name(certificate: Mapping[str, Any]) -> str:
    names = [(kind.lower(), value) for kind, value in certificate.get("subjectAltName", ())]
    subject = [pair for part in certificate.get("subject", ()) for pair in part]
    candidates = [value for kind in _NAMES for found, value in names if found == kind]
    candidates += [value for kind, value in subject if kind == "commonName"]
    return str(candidates[0]) if candidates else ""


def forwarded_name(text: str) -> str:
    """Return the name that the last element of `X-Forwarded-Client-Cert` tells, empty where it tells none.

    Elements are separated by commas, their `Key=Value` pairs by semicolons; a quoted value may hold either.
    """
    if len(text) > _MOST:
        return ""
    values: dict[str, str] = {}
    for pair in _split(_split(text, ",")[-1], ";"):
        key, _, value = pair.partition("=")
        values.setdefault(key.strip().lower(), _unquoted(value.strip()))
    return values.get("uri") or values.get("dns") or _common_name(values.get("subject", ""))


def _split(text: str, separator: str) -> list[str]:
    """Split where no quotes are open; a backslash takes the next character as it is."""
    parts, begin, quoted, escaped = [], 0, False, False
    for index, character in enumerate(text):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character == separator and not quoted:
            parts.append(text[begin:index])
            begin = index + 1
    return [*parts, text[begin:]]


def _unquoted(value: str) -> str:
    if value[:1] == value[-1:] == '"' and len(value) > 1:
        return value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return value


def _common_name(subject: str) -> str:
    """Return the CN of a subject in RFC 2253's order, as `CN=falco,O=shop`."""
    for part in _split(subject, ","):
        key, _, value = part.strip().partition("=")
        if key.upper() == "CN":
            return value
    return ""
