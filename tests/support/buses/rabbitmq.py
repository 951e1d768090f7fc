"""A real RabbitMQ of one node, as Debian packages it: open on the loopback, and with TLS.

Each listener with TLS shows the same certificate: for one that has expired the server is started once more.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.bus.protocol import Topic
from shared.bus.rabbitmq import RabbitmqBus
from shared.bus.settings import RabbitmqSettings
from shared.settings.environment import read
from tests.bench.processes import free_port
from tests.conftest import could_not_run
from tests.support.buses.process import Server
from tests.support.buses.rig import secret
from tests.support.certificates import new_authority

_CONF = """\
listeners.tcp.1 = 127.0.0.1:{port}
listeners.ssl.1 = 127.0.0.1:{tls}
ssl_options.cacertfile = {authority}
ssl_options.certfile = {folder}/shown.pem
ssl_options.keyfile = {folder}/shown.pem
ssl_options.verify = verify_none
default_user = app
default_pass = right
loopback_users = none
vm_memory_high_watermark.absolute = 1GiB
disk_free_limit.absolute = 50MB
log.file = false
log.console = true
log.console.level = warning
"""


class RabbitmqRig:
    """One node with a folder of its own."""

    name = "rabbitmq"

    def __init__(self, folder: Path, program: str) -> None:
        self._folder = folder
        self.authority = new_authority(folder)
        self.port, self._tls, self._dist, self._epmd = (free_port() for _ in range(4))
        values = {"port": self.port, "tls": self._tls, "authority": self.authority.file, "folder": folder}
        (folder / "rabbitmq.conf").write_text(_CONF.format(**values), encoding="utf-8")
        (folder / "plugins").write_text("[].\n", encoding="utf-8")
        self._good, self._old = self.authority.issued("rabbitmq"), self.authority.issued("rabbitmq-old", days=-1)
        self._show(self._good)
        self._program = program
        self._environment = environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"tidings{self.port}@localhost",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "logs"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_DIST_PORT": str(self._dist),
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        }
        self._server = Server([program], folder / "rabbitmq.log", environment, family=True)
        # It would be started by the first node, and stay behind.
        epmd = ["epmd", "-port", str(self._epmd), "-address", "127.0.0.1"]
        self._names = Server(epmd, folder / "epmd.log", environment)

    def environment(self) -> dict[str, str]:
        """Return the settings of the open listener."""
        return self._signed(f"amqp://127.0.0.1:{self.port}", "right")

    def bus(self) -> RabbitmqBus:
        """Return a bus of its own connection."""
        return RabbitmqBus(read(RabbitmqSettings, self.environment()))

    def start(self) -> None:
        """Start the node."""
        self._server.start(self.port, self._tls)

    def start_all(self) -> None:
        """Start the node and what knows its name."""
        self._names.start(self._epmd)
        self.start()
        asyncio.run(self._first_stream())

    async def _first_stream(self) -> None:
        """Make one and let it settle: a node that is killed within half a second of it never finds it again."""
        bus = self.bus()
        await bus.ensure(Topic("first"))
        await bus.close()
        await asyncio.sleep(1)

    def stop(self) -> None:
        """Stop it."""
        self._server.stop()

    def kill(self) -> None:
        """Kill it."""
        self._server.kill()

    def take_stream(self, topic: str) -> None:
        """Put a file where a stream's folder was: started again, the node finds no leader for it."""
        (folder,) = self._folder.glob(f"data/*/stream/__{topic}_*")
        folder.rename(folder.with_name("aside"))
        folder.touch()

    def give_stream(self, topic: str) -> None:
        """Put the folder back."""
        (file,) = self._folder.glob(f"data/*/stream/__{topic}_*")
        file.unlink()
        file.with_name("aside").rename(file)

    def end_leader(self, topic: str) -> None:
        """End the process that writes a topic's stream, as an error of it would: another one takes over."""
        ended = (
            f'{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"{topic}">>)),'
            "true = exit(amqqueue:get_pid(Q), kill)."
        )
        command = [str(Path(self._program).with_name("rabbitmqctl")), "eval", ended]
        subprocess.run(command, env=self._environment, check=True, capture_output=True)

    def end(self) -> None:
        """End all."""
        self.kill()
        self._names.kill()

    def right_credentials(self) -> dict[str, str]:
        """Return the settings of TLS."""
        return {**self._signed(f"amqps://127.0.0.1:{self._tls}", "right"), "RABBITMQ_CA_FILE": str(self.authority.file)}

    def wrong_credentials(self) -> dict[str, str]:
        """Return them with another password."""
        return {**self.right_credentials(), **self._signed(f"amqps://127.0.0.1:{self._tls}", "wrong")}

    def expired(self) -> dict[str, str]:
        """Start the node once more, with a certificate that has expired, and return the settings of TLS."""
        self.stop()
        self._show(self._old)
        self.start()
        return self.right_credentials()

    def _show(self, certificate: Path) -> None:
        shutil.copy(certificate, self._folder / "shown.pem")

    def _signed(self, url: str, password: str) -> dict[str, str]:
        return {
            "RABBITMQ_URL": url,
            "RABBITMQ_USERNAME": "app",
            "RABBITMQ_PASSWORD_FILE": secret(self._folder, f"rabbitmq-{password}", password),
        }


def _program() -> str:
    found = [str(path) for path in Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server")]
    if not found or not shutil.which("epmd"):
        could_not_run("RabbitMQ is missing", "apt-get install --no-install-recommends rabbitmq-server")
    return found[0]


@contextmanager
def running(folder: Path) -> Iterator[RabbitmqRig]:
    """Run it, and end it."""
    rig = RabbitmqRig(folder, _program())
    try:
        rig.start_all()
        yield rig
    finally:
        rig.end()
