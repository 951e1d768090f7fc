"""Settings of the buses (surface.md §4): where each is, who we are there, whom we trust."""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from shared.settings.addresses import completed, is_loopback
from shared.settings.environment import Secret, Settings


def _servers(schemes: dict[str, int], example: str) -> AfterValidator:
    """Return what checks one URL, or several by comma, and gives each its port."""

    def checked(text: str) -> str:
        return ",".join(completed(part.strip(), schemes, example) for part in text.split(",") if part.strip())

    return AfterValidator(checked)


def _hosts(text: str) -> str:
    hosts = [part.strip() for part in text.split(",")]
    if not all(map(_is_host, hosts)):
        raise ValueError("must be host:port, or several by comma")
    return ",".join(hosts)


def _is_host(text: str) -> bool:
    try:
        parts = urlsplit(f"//{text}")
        return bool(parts.hostname) and parts.port != 0 and parts.netloc == text and "@" not in text
    except ValueError:  # what is no port, or no address in brackets
        return False


def _one_certificate(cert_file: str | None, key_file: str | None, prefix: str) -> None:
    if key_file and not cert_file:
        raise ValueError(f"{prefix}_KEY_FILE needs {prefix}_CERT_FILE")


def _all_loopback(hosts: list[str | None]) -> bool:
    return all(host is not None and is_loopback(host) for host in hosts)


class KafkaSettings(Settings):
    """Where Kafka is, and who we are there: nobody, a SCRAM user, or a certificate's."""

    brokers: Annotated[str, AfterValidator(_hosts)] = Field(
        alias="KAFKA_BROKERS", description="`HOST:9092` to begin with, or several by comma."
    )
    topics: str = Field(
        default="", alias="KAFKA_TOPICS", description="Topics that are consumed, by comma, where a command names none."
    )
    tls: bool = Field(default=False, alias="KAFKA_TLS", description="Speak TLS; a CA file or certificate implies it.")
    username: str = Field(default="", alias="KAFKA_USERNAME", description="SCRAM-SHA-512 user, as of a KafkaUser.")
    password: Secret | None = Field(default=None, alias="KAFKA_PASSWORD", description="The user's password.")
    ca_file: str | None = Field(default=None, alias="KAFKA_CA_FILE", description="CA file for the brokers' TLS.")
    cert_file: str | None = Field(
        default=None, alias="KAFKA_CERT_FILE", description="PEM file with the certificate that we show, if wanted."
    )
    key_file: str | None = Field(
        default=None, alias="KAFKA_KEY_FILE", description="PEM file with its key, where that is not in the same file."
    )

    @property
    def secure(self) -> bool:
        """Return True where TLS is spoken."""
        return self.tls or bool(self.ca_file or self.cert_file)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        _one_certificate(self.cert_file, self.key_file, "KAFKA")
        if bool(self.username) != (self.password is not None):
            raise ValueError("KAFKA_USERNAME and KAFKA_PASSWORD belong together")
        hosts = [urlsplit(f"//{one}").hostname for one in self.brokers.split(",")]
        if self.username and not self.secure and not _all_loopback(hosts):
            raise ValueError("KAFKA_USERNAME needs TLS: set KAFKA_TLS=true or KAFKA_CA_FILE")
        return self


class RabbitmqSettings(Settings):
    """Where RabbitMQ is, and who we are there."""

    url: Annotated[str, _servers({"amqp": 5672, "amqps": 5671}, "amqps://rabbitmq.example:5671/vhost")] = Field(
        alias="RABBITMQ_URL", description="`amqps://HOST:5671/VHOST`; without a path, the virtual host `/`."
    )
    username: str = Field(default="guest", alias="RABBITMQ_USERNAME", description="User.")
    password: Secret = Field(default=Secret("guest"), alias="RABBITMQ_PASSWORD", description="The user's password.")
    ca_file: str | None = Field(default=None, alias="RABBITMQ_CA_FILE", description="CA file for the server's TLS.")
    cert_file: str | None = Field(
        default=None, alias="RABBITMQ_CERT_FILE", description="PEM file with the certificate that we show, if wanted."
    )
    key_file: str | None = Field(
        default=None,
        alias="RABBITMQ_KEY_FILE",
        description="PEM file with its key, where that is not in the same file.",
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        _one_certificate(self.cert_file, self.key_file, "RABBITMQ")
        if "," in self.url:
            raise ValueError("RABBITMQ_URL: one address; a Service stands before several servers")
        parts = urlsplit(self.url)
        if parts.scheme == "amqp" and not _all_loopback([parts.hostname]):
            raise ValueError("RABBITMQ_URL: amqp:// sends the password in the clear: use amqps://")
        return self


class BusSettings(Settings):
    """Which bus is meant, where several are configured."""

    name: Literal["", "embedded", "nats", "kafka", "rabbitmq"] = Field(
        default="", alias="BUS", description="The bus that is meant, where several are configured."
    )


class EmbeddedSettings(Settings):
    """The file of the embedded bus."""

    path: Path = Field(
        default=Path(".tidings/bus.db"), alias="EMBEDDED_BUS", description="File of the embedded bus, on this machine."
    )
