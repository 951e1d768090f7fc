"""A real rsyslog that receives over TLS and writes down what it got, byte for byte."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from tests.bench.processes import free_port
from tests.conftest import could_not_run
from tests.support.certificates import Authority

_START_SECONDS = 10.0
# Tabulators stay: rsyslog writes them as #011 otherwise, and LEEF has one between any two pairs.
_CONFIGURATION = """\
global(
  workDirectory="{folder}"
  defaultNetstreamDriver="ossl"
  defaultNetstreamDriverCAFile="{ca}"
  defaultNetstreamDriverCertFile="{certificate}"
  defaultNetstreamDriverKeyFile="{certificate}"
  parser.escapeControlCharactersOnReceive="off"
  maxMessageSize="32k"
)
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="{mode}")
input(type="imtcp" address="127.0.0.1" port="{port}")
template(name="raw" type="string" string="%rawmsg%\\n")
action(type="omfile" file="{file}" template="raw" asyncWriting="off" flushOnTXEnd="on")
"""


@dataclass
class Rsyslog:
    """One that runs."""

    port: int
    file: Path
    process: "subprocess.Popen[bytes]"

    def freeze(self) -> None:
        """Let it read nothing from now on; its kernel goes on taking and confirming what comes."""
        self.process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """End it as a crash would: what it has read and not written is lost."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def lines(self, wanted: int, seconds: float = 10.0) -> list[bytes]:
        """Return what it has written, once that is so many lines."""
        until = time.monotonic() + seconds
        found: list[bytes] = []
        while time.monotonic() < until:
            found = self.file.read_bytes().splitlines(keepends=True) if self.file.exists() else []
            if len(found) >= wanted:
                break
            time.sleep(0.02)
        return [line.removesuffix(b"\n") for line in found]


@contextmanager
def rsyslog(folder: Path, authority: Authority, *, mode: str = "anon", port: int = 0) -> Iterator[Rsyslog]:
    """Run one over TLS with a certificate of this authority; `mode` x509/certvalid wants one of our side.

    What it writes goes on where one before it ended in the same folder.
    """
    program = which("rsyslogd") or which("rsyslogd", path="/usr/sbin")
    if program is None or not any(Path(lib, "rsyslog/lmnsd_ossl.so").exists() for lib in _libraries()):
        could_not_run("rsyslog with its OpenSSL driver is missing", "apt-get install rsyslog rsyslog-openssl")
    port = port or free_port()
    file, conf = folder / "received", folder / "rsyslog.conf"
    certificate = authority.issued("rsyslog")
    conf.write_text(
        _CONFIGURATION.format(
            folder=folder, ca=authority.file, certificate=certificate, mode=mode, port=port, file=file
        )
    )
    said = (folder / "said").open("wb")
    process = subprocess.Popen(
        [program, "-n", "-f", str(conf), "-i", str(folder / "pid")], stdout=said, stderr=subprocess.STDOUT
    )
    try:
        _wait(port, process, folder / "said")
        yield Rsyslog(port, file, process)
    finally:
        process.kill()
        process.wait(10)
        said.close()


def _libraries() -> list[str]:
    return ["/usr/lib", *map(str, Path("/usr/lib").glob("*-linux-gnu*")), "/usr/lib64"]


def _wait(port: int, process: "subprocess.Popen[bytes]", said: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"rsyslogd does not listen: {said.read_text()}")
