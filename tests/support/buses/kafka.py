"""A real Kafka of one node (KRaft): open; SASL_SSL with SCRAM; the same with an expired certificate; mutual TLS."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.bus.kafka import KafkaBus
from shared.bus.settings import KafkaSettings
from shared.settings.environment import read
from tests.bench.processes import free_port
from tests.conftest import could_not_run
from tests.support.buses.kafka_fetch import fetched, missing
from tests.support.buses.process import Server
from tests.support.buses.rig import secret
from tests.support.certificates import new_authority

LIMITED = "tidings"
"""A user with no rights but those that a test gives."""

_SESSION_SECONDS = 6.0  # the least that a broker takes
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
_JAVA = (
    *("java", "-Xms128m", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData"),
    *("-Xshare:auto", "-Dorg.apache.logging.log4j.level=WARN"),
)
_FORMAT = "AAAAAAAAAAAAAAAAAAAAAQ"
# The two session lines let a broker that was killed come back in 3 s instead of 13.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},SCRAM://127.0.0.1:{scram},EXPIRED://127.0.0.1:{expired},MUTUAL://127.0.0.1:{mutual},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SCRAM://127.0.0.1:{scram},EXPIRED://127.0.0.1:{expired},MUTUAL://127.0.0.1:{mutual}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SCRAM:SASL_SSL,EXPIRED:SASL_SSL,MUTUAL:SSL
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={folder}/log
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=16777216
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=300
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:app;User:CN=client
"""
_TLS = """\
listener.name.{name}.ssl.keystore.type=PEM
listener.name.{name}.ssl.keystore.location={certificate}
listener.name.{name}.ssl.truststore.type=PEM
listener.name.{name}.ssl.truststore.location={authority}
"""
_SASL = """\
listener.name.{name}.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.{name}.scram-sha-512.sasl.jaas.config={module}
"""


class KafkaRig:
    """One broker with four listeners."""

    name = "kafka"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.authority = new_authority(folder)
        self.port, self._scram, self._expired, self._mutual, self._controller = (free_port() for _ in range(5))
        lib = fetched()
        self._classes = ["-cp", f"{lib}/lib/*"]
        self._archive = lib / "classes.jsa"
        self._properties = folder / "server.properties"
        self._properties.write_text(self._configuration(), encoding="utf-8")
        self._format()
        shared = f"-XX:{'SharedArchiveFile' if self._archive.exists() else 'ArchiveClassesAtExit'}={self._archive}"
        command = [*_JAVA, shared, *self._classes, "kafka.Kafka", str(self._properties)]
        self._server = Server(command, folder / "kafka.log")

    def _configuration(self) -> str:
        ports = {"port": self.port, "scram": self._scram, "expired": self._expired, "mutual": self._mutual}
        text = _PROPERTIES.format(folder=self._folder, controller=self._controller, **ports)
        for name, days in (("scram", 2), ("expired", -1), ("mutual", 2)):
            certificate = self.authority.issued(f"kafka-{name}", days=days)
            text += _TLS.format(name=name, certificate=certificate, authority=self.authority.file)
        text += "".join(_SASL.format(name=name, module=_SCRAM) for name in ("scram", "expired"))
        return text + "listener.name.mutual.ssl.client.auth=required\n"

    def _format(self) -> None:
        users = [f"SCRAM-SHA-512=[name={name},password=right]" for name in ("app", LIMITED)]
        added = [part for user in users for part in ("--add-scram", user)]
        arguments = ["format", "-t", _FORMAT, "-c", str(self._properties), *added]
        command = [*_JAVA, *self._classes, "kafka.tools.StorageTool", *arguments]
        subprocess.run(command, check=True, capture_output=True)

    def environment(self) -> dict[str, str]:
        """Return the settings of the open listener."""
        return {"KAFKA_BROKERS": f"127.0.0.1:{self.port}"}

    def bus(self) -> KafkaBus:
        """Return a bus of its own connections."""
        return KafkaBus(read(KafkaSettings, self.environment()), session_seconds=_SESSION_SECONDS)

    def start(self) -> None:
        """Start the broker."""
        self._server.start(self.port, self._scram, self._expired, self._mutual)

    def stop(self) -> None:
        """Stop it."""
        self._server.stop()

    def kill(self) -> None:
        """Kill it."""
        self._server.kill()

    def right_credentials(self) -> dict[str, str]:
        """Return the settings of SCRAM over TLS."""
        return self._signed(self._scram, "right")

    def limited(self) -> dict[str, str]:
        """Return the settings of the user who may do nothing but what tests allow."""
        return {**self._signed(self._scram, "right"), "KAFKA_USERNAME": LIMITED}

    def wrong_credentials(self) -> dict[str, str]:
        """Return them with another password."""
        return self._signed(self._scram, "wrong")

    def expired(self) -> dict[str, str]:
        """Return the settings of the listener whose certificate has expired."""
        return self._signed(self._expired, "right")

    def mutual(self) -> dict[str, str]:
        """Return the settings of mutual TLS."""
        return {
            "KAFKA_BROKERS": f"127.0.0.1:{self._mutual}",
            "KAFKA_CA_FILE": str(self.authority.file),
            "KAFKA_CERT_FILE": str(self.authority.issued("client")),
        }

    def _signed(self, port: int, password: str) -> dict[str, str]:
        return {
            "KAFKA_BROKERS": f"127.0.0.1:{port}",
            "KAFKA_CA_FILE": str(self.authority.file),
            "KAFKA_USERNAME": "app",
            "KAFKA_PASSWORD_FILE": secret(self._folder, f"kafka-{password}", password),
        }


@contextmanager
def running(folder: Path) -> Iterator[KafkaRig]:
    """Run it, and end it kindly once, so that its classes are archived."""
    why = missing()
    if why:
        could_not_run(why, "install Java 17 and Maven")
    try:
        rig = KafkaRig(folder)
    except subprocess.CalledProcessError as error:
        could_not_run(
            f"Kafka could not be fetched or formatted: {error.output[-300:]!r}", "let Maven reach its repository"
        )
    try:
        rig.start()
        yield rig
    finally:
        rig.stop()
