"""Which addresses only this machine can reach: what may go without TLS or authentication."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Return True for `localhost` and loopback addresses."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
