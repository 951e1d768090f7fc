"""What a setting may hold that is spoken to by HTTP: the URL, and the token that goes with each request."""

from urllib.parse import urlsplit

from shared.settings.addresses import is_api_server, is_loopback, literal, refusal
from shared.settings.environment import Secret


def check_url(url: str) -> str:
    """Return the URL without a trailing slash.

    Raises ValueError unless it is https, or http to this very machine: credentials do not travel in the clear. A host
    that is an address is judged here already (F48); a name at each connection.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be a URL such as https://example.com")
    if parts.username or parts.password:
        raise ValueError("must not carry credentials: set them in their own variables")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must be https: plain http is only for this machine's own loopback")
    if is_api_server(parts.hostname):
        raise ValueError("must not name the cluster's own API server")
    address = literal(parts.hostname)
    why = refusal(address, loopback=is_loopback(parts.hostname)) if address else ""
    if why:
        raise ValueError(f"must not name an address that no foreign system has ({why})")
    if parts.port == 0:  # reading it raises ValueError for one that is no port
        raise ValueError("must name a port above 0")
    return url.rstrip("/")


def check_token(secret: Secret | None) -> Secret | None:
    """Return a token as it came. Raises ValueError for one that no HTTP header can carry."""
    try:
        fits = secret is None or is_token(secret.value())
    except OSError:  # its file went away since: that is told where it is used
        return secret
    if not fits:
        raise ValueError("holds a character that no token has: copy it again, as plain ASCII without white space")
    return secret


def is_token(text: str) -> bool:
    """Return True for what can stand in a header: visible ASCII."""
    return text.isascii() and text.isprintable() and " " not in text
