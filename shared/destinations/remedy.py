"""What people do about a system that cannot be used: which setting they look at. Only `tidings doctor` says it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from shared.destinations.finding import Finding
from shared.destinations.tls_min import TlsMin

_WORDS: Final = {
    "its certificate is not trusted": "set {authorities} to the authority that signed it",
    "its certificate is not valid yet": "check the clocks on both sides",
    "its certificate has expired": "renew it over there, or check {address}",
    "its certificate is for another": "check {address}: it must name the host that the certificate has",
    "speaks no TLS 1.3": "set {tls_min}=1.2 if it must be",
    "may speak no TLS 1.3": "check {address}: https or http, and its port; or set {tls_min}=1.2 if it must be",
    "speaks no TLS there": "check {address}: https or http, and its port",
    "closed the connection at once": "check {address}: https or http, and its port",
    "the connection broke": "check {address}: https or http, and its port",
    "nothing listens there": "check {address}: its port",
    "the name is not known": "check {address}: its host",
    "the name cannot be looked up": "check the DNS of this machine, and {address}",
    "in time": "check {address}: its host and port, and what lies between",
    "the credentials": "look at {credentials}",
    "the token": "look at {credentials}",
}
"""By words of a reason: the first that is found counts."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """The settings of one foreign system: where it is, whom its certificate is trusted by, its TLS, who we are there.

    `own` is what it alone knows to do, by words of a reason.
    """

    address: str
    authorities: str
    tls_min: str
    credentials: str = ""
    own: Mapping[str, str] = field(default_factory=dict)

    def to(self, reason: str) -> str:
        """Return the reason with what to do about it; at least which setting leads there."""
        words = (*self.own.items(), *_WORDS.items())
        advice = next((text for word, text in words if word in reason), "check {address}")
        named = advice.format(
            address=self.address, authorities=self.authorities, tls_min=self.tls_min, credentials=self.credentials
        )
        return f"{reason}: {named}"

    def allowed(self, tls_min: TlsMin) -> list[Finding]:
        """Return what there is to know of the TLS that the settings let it speak: nothing where that is 1.3 alone."""
        return [(True, f"TLS 1.2 is allowed, too ({self.tls_min})")] if tls_min == "1.2" else []
