"""What `tidings up` was asked to be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.local.recorded.player import DAY

RECORDED = "recorded"
NONE = "none"


@dataclass(frozen=True, slots=True)
class UpSettings:
    """`feed` is `recorded`, `none` or a path; `speed` simulated seconds for each real one, 0 as fast as it goes."""

    data: Path
    knative: Path
    host: str = "127.0.0.1"
    port: int = 8080
    feed: str = RECORDED
    speed: float = 3600.0
    again: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def recording(self) -> Path | None:
        """Return the recording to play, None where nothing is fed."""
        if self.feed == NONE:
            return None
        return DAY if self.feed == RECORDED else Path(self.feed)


def dotenv(path: Path) -> dict[str, str]:
    """Read a `.env` file: `NAME=value` lines, `#` comments, quotes around values; empty where there is none.

    Raises ValueError that names the line which is neither.
    """
    if not path.is_file():
        return {}
    values: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.strip().removeprefix("export ")
        if not text or text.startswith("#"):
            continue
        name, separator, value = text.partition("=")
        if not separator or not name.strip().isidentifier():
            raise ValueError(f"{path}:{number}: write NAME=value")
        values[name.strip()] = value.strip().strip("\"'")
    return values
