"""What an operator can set."""

from typing import Annotated

from pydantic import AfterValidator, Field

from shared.changes.windows import Window, parse_windows
from shared.settings.environment import Settings


def _readable(value: str) -> str:
    parse_windows(value)
    return value


class ChangesSettings(Settings):
    """Settings of changes."""

    cluster: str = Field(default="", alias="CLUSTER", description="Name of the cluster, where an event has none.")
    store_url: str = Field(
        default="memory:",
        alias="STORE_URL",
        description="Where objects are remembered: `sqlite:///path/to/file`, `nats://host/BUCKET`, or `memory:`, "
        "which forgets with its process.",
    )
    sink: str = Field(
        default="",
        alias="K_SINK",
        description="The broker, as a SinkBinding sets it: where a condition goes that began with a change.",
    )
    change_windows: Annotated[str, AfterValidator(_readable)] = Field(
        default="",
        alias="CHANGES_WINDOWS",
        description="When changes are planned, as `Sat 22:00-02:00 Europe/Paris; Mon-Fri 06:00-07:00`, UTC where no "
        "zone is named.",
    )
    skip_events: bool = Field(
        default=False,
        alias="CHANGES_SKIP_EVENTS",
        description="Pass over what is marked as an Event (its attribute `kind`), where Triggers bring it to the "
        "classifier and here, too: those of `components/openshift-4.12`, which cannot say *not*.",
    )
    certificate_days: int = Field(
        default=14,
        alias="CHANGES_CERTIFICATE_DAYS",
        ge=0,
        le=3650,
        description="From how many days before its end on a certificate is a problem, once its renewal is due.",
    )

    @property
    def windows(self) -> tuple[Window, ...]:
        """Return the windows as they are asked."""
        return parse_windows(self.change_windows)
