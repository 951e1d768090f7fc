"""What an operator can set."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from shared.episodes.contact import Mode
from shared.settings.environment import Settings


def _names(value: object) -> object:
    return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]


class CorrelatorSettings(Settings):
    """Settings of the correlator."""

    store_url: str = Field(
        default="memory:",
        alias="STORE_URL",
        description="Where state is kept: `sqlite:///path/to/file`, `nats://host:4222/BUCKET`, or `memory:`, which "
        "forgets with its process.",
    )
    sink: str = Field(
        default="",
        alias="K_SINK",
        description="The broker, as a SinkBinding sets it: where several snapshots at once go.",
    )
    labels: Names = Field(
        default=("tidings.dev/assignment-group", "app.kubernetes.io/part-of", "team"),
        alias="CORRELATOR_LABELS",
        description="Labels and annotations of namespaces that episodes carry, besides all of `tidings.dev/`.",
    )

    first_contact: Mode = Field(
        default="ticket",
        alias="FIRST_CONTACT",
        description="What becomes of problems that began before a cluster was first heard of: `baseline` (known, not "
        "ticketed until they get worse or come back) or `ticket`.",
    )

    policy_file: Path | None = Field(
        default=None,
        alias="CORRELATOR_POLICY",
        description="A file or folder of own policies that go above the shipped ones (docs/policy.md).",
    )
