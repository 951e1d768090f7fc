"""Servers as processes, on free ports, up to their first answer; and what the kernel says of them."""

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.support.functions import TIDINGS, environment
from tests.support.servers import ROOT

_SECONDS = 30.0
_ASK = b"GET /health/readiness HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
_TICKS = os.sysconf("SC_CLK_TCK")
BARE = (sys.executable, "-m", "tests.bench.bare")
BARE_NAME = "bare app"
_BELOW_CLIENTS = (15_000, 32_000)  # systems give clients ports from 32768 on
_draw = random.SystemRandom()


class Scheduled(NamedTuple):
    """Seconds for which a thread ran, and for which it could have run but had no core."""

    ran: float
    waited: float

    def stretch(self, since: "Scheduled") -> float:
        """Return how many times longer than its work took what it did since then."""
        ran = self.ran - since.ran
        return (ran + self.waited - since.waited) / ran if ran else 1.0


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers; `seconds` is the time from its start to its first answer."""

    pid: int
    seconds: float

    def rss(self) -> float:
        """Return its resident memory now, in MiB."""
        return _status(self.pid, "VmRSS") / 1024

    def peak(self) -> float:
        """Return the most resident memory that it ever had, in MiB."""
        return _status(self.pid, "VmHWM") / 1024

    def cpu(self) -> float:
        """Return the seconds of CPU that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def scheduled(self) -> "Scheduled":
        """Return for how long its main thread has run, and has waited for a core, since it began (Linux: schedstat)."""
        run, waited = Path(f"/proc/{self.pid}/schedstat").read_text(encoding="ascii").split()[:2]
        return Scheduled(int(run) / 1e9, int(waited) / 1e9)

    def rests(self, within: float) -> bool:
        """Wait until it has nothing to do, that is uses less than a tenth of a core; False where it never does."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            before = self.cpu()
            time.sleep(0.4)
            if self.cpu() - before < 0.04:
                return True
        return False


def _status(pid: int, name: str) -> int:
    """Return a figure of /proc/PID/status, in kB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))


def tidings(*arguments: str) -> tuple[str, ...]:
    """Return the command line of `tidings`."""
    return (str(TIDINGS), *arguments)


def clean_environment(**settings: str) -> dict[str, str]:
    """Return an environment without settings of ours, and in which byte code is kept as an image keeps it."""
    found = environment({"LOG_LEVEL": "warning", **settings})
    found.pop("PYTHONDONTWRITEBYTECODE", None)
    return found


def free_port() -> int:
    """Return a port that is free now, and that no client is given while a server is away that will want it again."""
    while True:
        with socket.socket() as free, suppress(OSError):
            port = _draw.randrange(*_BELOW_CLIENTS)
            free.bind(("127.0.0.1", port))
            return port


@contextmanager
def running(command: Sequence[str], port: int, *, cwd: Path = ROOT, **settings: str) -> Iterator[Running]:
    """Run a server and yield it once it answers."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, env=clean_environment(**settings), stdout=subprocess.DEVNULL)
    try:
        while not _answers(port):
            if process.poll() is not None or time.perf_counter() - begun > _SECONDS:
                raise RuntimeError(f"{' '.join(command)} does not answer")
            time.sleep(0.001)
        yield Running(process.pid, time.perf_counter() - begun)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def seconds_of(command: Sequence[str]) -> float:
    """Run a command to its end, its output thrown away, and return how long it took. Raises CalledProcessError."""
    begun = time.perf_counter()
    with Path(os.devnull).open("wb") as nowhere:
        subprocess.run(command, cwd=ROOT, env=clean_environment(), stdout=nowhere, check=True)
    return time.perf_counter() - begun


def output_of(command: Sequence[str], **settings: str) -> bytes:
    """Run a command to its end and return what it printed. Raises CalledProcessError."""
    return subprocess.run(
        command, cwd=ROOT, env=clean_environment(**settings), stdout=subprocess.PIPE, check=True
    ).stdout


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(_ASK)
            return connection.recv(12)[9:12] in {b"200", b"204"}
    except OSError:
        return False
