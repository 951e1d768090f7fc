"""The three hosts of a function, each as a process in the environment that is really its own.

`serve` is ours, in the environment of these tests. `framework` is functions-framework with `main.py`, in
.venv-framework. `knfunc` is what `kn func` makes, in .venv-knfunc: the wheel of this checkout in a folder, and a
`service/main.py` as its scaffolding writes it.
"""

import http.client
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.conftest import could_not_run
from tests.support.functions import TIDINGS, environment
from tests.support.servers import ROOT

HOSTS = ("serve", "framework", "knfunc")
# What says where it listens: uvicorn's log, gunicorn's at level info, hypercorn's.
_LISTENS = re.compile(r"(?:running on|Listening at:|Running on) https?://127\.0\.0\.1:([1-9][0-9]*)")
_SECONDS = 30.0
SERVICE = """import func_python.http
from function import new

if __name__ == "__main__":
    func_python.http.serve(new)
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: header names in lower case; status 0 where the connection was closed without an answer."""

    status: int
    headers: dict[str, str]
    body: bytes


CLOSED = Answer(0, {}, b"")


@dataclass
class Process:
    """A host that listens."""

    host: str
    port: int
    process: "subprocess.Popen[bytes]"
    log: Path

    def send(self, request: bytes, *more: bytes) -> Answer:
        """Send bytes on a connection of their own, in pieces where there are several, and read one answer."""
        (answer,) = self.converse([request, *more], answers=1)
        return answer

    def converse(self, pieces: Sequence[bytes], answers: int) -> list[Answer]:
        """Send the pieces on one connection, and read an answer after each of the last `answers` of them."""
        found: list[Answer] = []
        silent = len(pieces) - answers
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=_SECONDS) as connection:
                for number, piece in enumerate(pieces):
                    connection.sendall(piece)
                    if number >= silent:
                        found.append(_read(connection, piece))
        except (ConnectionError, http.client.HTTPException):
            found.append(CLOSED)
        return found

    def terminate(self) -> int:
        """Send SIGTERM to the process that was started, as a kubelet does, and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_SECONDS)


def ask(path: str, method: str = "GET") -> bytes:
    """Return a request without a body."""
    return f"{method} {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()


@contextmanager
def hosting(host: str, function: str, folder: Path, settings: Mapping[str, str]) -> Iterator[Process]:
    """Run one function in one host until the context ends, and yield it once it listens."""
    with _started(host, function, folder, settings) as (process, log):
        yield listening(host, process, log)


@contextmanager
def hosting_all(function: str, folder: Path, settings: Mapping[str, Mapping[str, str]]) -> Iterator[dict[str, Process]]:
    """Run one function in all hosts, each with its settings; they start at the same time."""
    with ExitStack() as stack:
        begun = {
            host: stack.enter_context(_started(host, function, folder, chosen)) for host, chosen in settings.items()
        }
        yield {host: listening(host, process, log) for host, (process, log) in begun.items()}


def listening(host: str, process: "subprocess.Popen[bytes]", log: Path) -> Process:
    """Return a host that was started, once it listens."""
    return Process(host, _port(process, log), process, log)


def at_once(hosted: Mapping[str, Process], request: Sequence[bytes]) -> dict[str, Answer]:
    """Send the same to every host at the same time."""
    with ThreadPoolExecutor(len(hosted)) as pool:
        sent = {host: pool.submit(partial(process.send, *request)) for host, process in hosted.items()}
        return {host: answer.result() for host, answer in sent.items()}


def new_library(folder: Path) -> Path:
    """Build the wheel and install it alone into a folder, as func's host builder does; return the folder."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("function-*.whl")
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
    install = [
        uv,
        "pip",
        "install",
        "-q",
        "--offline",
        "--no-deps",
        "-p",
        sys.executable,
        "--target",
        "lib",
        wheel.name,
    ]
    subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=60)
    (folder / "service").mkdir()
    (folder / "service" / "main.py").write_text(SERVICE, encoding="utf-8")
    return folder


def python_of(host: str) -> Path:
    """Return the Python of a host's environment; a test could not run where it was not made."""
    if host == "serve":
        return Path(sys.executable)
    python = ROOT / f".venv-{host}" / "bin" / "python"
    if not (ROOT / f".venv-{host}" / "stamp").exists():
        could_not_run(f"the environment of the host {host} is missing", "make hosts")
    return python


@contextmanager
def _started(
    host: str, function: str, folder: Path, settings: Mapping[str, str]
) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
    python = python_of(host)
    own = {"FUNCTION_TARGET": function, "LOG_LEVEL": "info"}
    if host == "serve":
        command, cwd = [str(TIDINGS), "serve", function, "--port", "0"], folder
    elif host == "framework":
        command, cwd = [str(python.parent / "functions-framework")], ROOT
        # gunicorn keeps a control socket in the home folder.
        own |= {"HOST": "127.0.0.1", "PORT": "0", "GUNICORN_LOG_LEVEL": "info", "HOME": str(folder)}
    else:
        command, cwd = [str(python), "service/main.py"], folder
        own |= {"LISTEN_ADDRESS": "127.0.0.1:0", "PYTHONPATH": str(folder / "lib")}
    log = folder / f"{host}-{function}-{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        environ = environment({**own, **settings})
        process = subprocess.Popen(command, cwd=cwd, env=environ, stdout=output, stderr=output, start_new_session=True)
    try:
        yield process, log
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def _port(process: "subprocess.Popen[bytes]", log: Path) -> int:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        found = _LISTENS.search(log.read_text(encoding="utf-8"))
        if found is not None:
            return int(found[1])
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError(f"the host does not listen: {log.read_text(encoding='utf-8')}")


def _read(connection: socket.socket, request: bytes) -> Answer:
    method = request.split(b" ", 1)[0].decode("latin-1")
    answer = http.client.HTTPResponse(connection, method=method)
    try:
        answer.begin()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        answer.close()
