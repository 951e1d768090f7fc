"""A real S3 server that is not ours and checks signatures: S3Proxy over a folder, fetched by Maven once a machine.

`python -m tests.support.s3` fetches it.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.processes import free_port
from tests.conftest import could_not_run
from tests.support import maven
from tests.support.buses.process import Server

VERSION = "3.0.0"
BUCKET = "archive-bucket"
_FOLDER = f"s3proxy-{VERSION}"
_JAVA = ("java", "-Xmx192m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-DLOG_LEVEL=warn")
_PROPERTIES = """\
s3proxy.endpoint=http://127.0.0.1:{port}
s3proxy.authorization=aws-v4
s3proxy.identity=archive
s3proxy.credential=right
jclouds.provider=filesystem-nio2
jclouds.filesystem.basedir={folder}
"""


class S3Rig:
    """One server with one bucket, which is a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.bucket = folder / "data" / BUCKET
        self.bucket.mkdir(parents=True)
        properties = folder / "s3proxy.conf"
        properties.write_text(_PROPERTIES.format(port=self.port, folder=folder / "data"), encoding="utf-8")
        classes = f"{_fetched()}/lib/*"
        command = [*_JAVA, "-cp", classes, "org.gaul.s3proxy.Main", "--properties", str(properties)]
        self._server = Server(command, folder / "s3proxy.log")

    def environment(self, key: str = "right") -> dict[str, str]:
        """Return its settings, with the secret key that is the right one."""
        return {
            "ARCHIVE_S3_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "ARCHIVE_S3_ACCESS_KEY": "archive",
            "ARCHIVE_S3_SECRET_KEY": key,
        }

    def start(self) -> None:
        """Start it."""
        self._server.start(self.port)

    def stop(self) -> None:
        """Stop it."""
        self._server.stop()


@contextmanager
def running(folder: Path) -> Iterator[S3Rig]:
    """Run it."""
    why = maven.missing(_FOLDER)
    if why:
        could_not_run(why, "install Java 17 and Maven")
    try:
        rig = S3Rig(folder)
    except subprocess.CalledProcessError as error:
        could_not_run(f"Maven could not fetch S3Proxy: {error.output[-300:]}", "let Maven reach its repository")
    try:
        rig.start()
        yield rig
    finally:
        rig.stop()


def _fetched() -> Path:
    return maven.fetched(_FOLDER, [f"org.gaul:s3proxy:{VERSION}"], inside="lib")


if __name__ == "__main__":
    print(maven.missing(_FOLDER) or _fetched())  # noqa: T201 - a command line
    sys.exit(bool(maven.missing(_FOLDER)))
