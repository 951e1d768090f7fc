"""Build a HEC receiver that is not ours, once a machine: `python -m tests.support.hec.build`.

It is the one of the OpenTelemetry collector, by Go modules. Two minutes on two idle cores, 500 MB of Go caches.
"""

import hashlib
import shutil
from pathlib import Path
from typing import Final

from tests.support.golang import built, cache, command, go

VERSION: Final = "0.157.0"
"""Later ones do not resolve by modules alone."""
_SOURCE: Final = Path(__file__).with_name("main.go")
_CONTRIB: Final = "github.com/open-telemetry/opentelemetry-collector-contrib"
_MODULES: Final = (
    *(f"{_CONTRIB}/{part}@v{VERSION}" for part in ("receiver/splunkhecreceiver", "exporter/fileexporter")),
    f"{_CONTRIB}/extension/ackextension@v{VERSION}",
    f"go.opentelemetry.io/collector/otelcol@v{VERSION}",
    "go.opentelemetry.io/collector/confmap/provider/fileprovider@v1.63.0",  # of the same release
)


def binary() -> Path:
    """Return where it lies, if it was built of this very source."""
    return cache() / f"hec-receiver-{VERSION}-{hashlib.sha256(_SOURCE.read_bytes()).hexdigest()[:8]}"


def build() -> Path:
    """Return the path of the receiver, built where it is not yet there.

    Raises:
        subprocess.CalledProcessError: Go could not fetch or compile it; Go's own words are on stderr.
    """
    return built(binary(), _make)


def _make(folder: Path, made: Path) -> None:
    shutil.copy(_SOURCE, folder)
    go("mod", "init", "tidings.test/hec", folder=folder)
    go("get", *_MODULES, folder=folder)
    go("build", "-trimpath", "-ldflags=-s -w", "-o", str(made), ".", folder=folder)


if __name__ == "__main__":
    command(binary(), build, minutes=2)
