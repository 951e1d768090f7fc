"""What `tidings up` was asked to be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.bus.registry import BUSES
from shared.local.recorded.player import DAY
from shared.runtime.registry import FUNCTIONS, components

AUTO = "auto"
RECORDED = "recorded"
NONE = "none"


@dataclass(frozen=True, slots=True)
class UpSettings:
    """`also` are functions that run besides those of knative/base, with a stand-in for what is not configured.

    `feed` is `auto`, `recorded`, `none` or a path; `speed` simulated seconds for each real one, 0 without waiting.

    `auto` plays the recorded day where stand-ins take it all, and nothing where a real system would be told of it, or
    where a real cluster (`kubeconfig`) is watched.
    """

    data: Path
    knative: Path
    host: str = "127.0.0.1"
    port: int = 8080
    feed: str = AUTO
    speed: float = 3600.0
    again: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)
    kubeconfig: Path | None = None
    also: tuple[str, ...] = ()

    @property
    def components(self) -> tuple[str, ...]:
        """Return the functions that run besides those of knative/base."""
        return components(self.environ, self.also)

    @property
    def real(self) -> tuple[str, ...]:
        """Return the functions whose foreign system is configured, so that no stand-in plays it."""
        return tuple(
            name
            for name, registered in FUNCTIONS.items()
            if registered.destination is not None
            and registered.destination.configured(self.environ)
            and (name in self.components or not registered.destination.component)
        )

    @property
    def recording(self) -> Path | None:
        """Return the recording to play, None where nothing is fed."""
        if self.feed == NONE or (self.feed == AUTO and (self.real or self.kubeconfig)):
            return None
        return DAY if self.feed in {AUTO, RECORDED} else Path(self.feed)


def portable(manifest: Mapping[str, str]) -> dict[str, str]:
    """Return what a service's manifest sets that means the same outside its cluster: no mounted file, no address.

    Nor FIRST_CONTACT: whoever tries it here wants to see tickets; who runs it for real sets it.
    """
    elsewhere = {"STORE_URL", "AUTH", "HOST", "PORT", "OWN_NAMESPACE", "FIRST_CONTACT", "BUS"}
    elsewhere |= {bus.wanted for bus in BUSES.values()}
    elsewhere |= {one.wanted_by for one in FUNCTIONS.values()} | {"REMEDIATE_SWITCH"}
    for registered in FUNCTIONS.values():
        if registered.destination is not None:
            elsewhere |= registered.destination.example.keys()
    return {name: value for name, value in manifest.items() if name not in elsewhere and not name.endswith("_FILE")}
