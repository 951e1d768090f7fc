"""Build a real kube-apiserver, once a machine: `python -m tests.support.apiserver.build` (or `make apiserver`).

Go modules only, no download of a binary. The binary and Go's caches lie in the user's cache folder, outside of the
checkout. Kubernetes requires its own parts at v0.0.0 and replaces them by folders; outside of its tree they are
replaced by the releases of the same minor version. About 7 minutes on two idle cores, 3.3 GB of Go caches.
"""

import json
from pathlib import Path

from tests.support.golang import built, cache, command, go

VERSION = "1.37.2"
_PARTS = f"v0.{VERSION.partition('.')[2]}"
_PACKAGE = "k8s.io/kubernetes/cmd/kube-apiserver"


def binary() -> Path:
    """Where the built API server lies, if it was built."""
    return cache() / f"kube-apiserver-{VERSION}"


def _module(folder: Path) -> None:
    """Write a go.mod that requires Kubernetes and replaces its parts."""
    go("mod", "init", "tidings.test/apiserver", folder=folder)
    fetched = json.loads(go("mod", "download", "-json", f"k8s.io/kubernetes@v{VERSION}", folder=folder))
    described = json.loads(go("mod", "edit", "-json", fetched["GoMod"], folder=folder))
    parts = [required["Path"] for required in described["Require"] if required["Version"] == "v0.0.0"]
    edits = [f"-replace={part}={part}@{_PARTS}" for part in parts]
    minor = ".".join(described["Go"].split(".")[:2])
    edits += [f"-require=k8s.io/kubernetes@v{VERSION}", f"-go={described['Go']}", f"-godebug=default=go{minor}"]
    go("mod", "edit", *edits, folder=folder)
    go("get", f"{_PACKAGE}@v{VERSION}", folder=folder)


def build() -> Path:
    """The path of the API server, built where it is not yet there.

    Raises:
        subprocess.CalledProcessError: Go could not fetch or compile it; Go's own words are on stderr.
    """
    return built(binary(), _make)


def _make(folder: Path, made: Path) -> None:
    _module(folder)
    major, minor, _ = VERSION.split(".")
    stamps = {"gitVersion": f"v{VERSION}", "gitMajor": major, "gitMinor": minor}  # it does not start without them
    flags = " ".join(["-s -w", *(f"-X k8s.io/component-base/version.{name}={text}" for name, text in stamps.items())])
    go("build", "-trimpath", f"-ldflags={flags}", "-o", str(made), _PACKAGE, folder=folder)


if __name__ == "__main__":
    command(binary(), build, minutes=7)
