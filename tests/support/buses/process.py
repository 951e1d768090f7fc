"""Servers as processes that end with the tests, also where those are killed."""

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_SECONDS = 90.0
_END_SECONDS = 20.0
_FAMILY = ("sh", "-c", '"$@" </dev/null & cat >/dev/null; kill -9 0', "sh")
"""Ends the whole group when its standard input does: that is ours."""
_SPAWNER = ThreadPoolExecutor(1, "servers")
"""The thread that starts them all: what dies with its parent dies with the thread of it that made it."""


class Server:
    """One program on this machine; started again, it goes on with the same command."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        *,
        family: bool = False,
    ) -> None:
        """`family`: it starts others, that would outlive it where the tests are killed."""
        self._command = list(command if not family else [*_FAMILY, *command])
        self._environment = environment
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *ports: int) -> None:
        """Start it, and return once it listens on these ports. Raises RuntimeError with the end of its log."""
        assert not any(map(_listens, ports)), "somebody else listens there"
        with self.log.open("ab") as stream:
            self._process = _SPAWNER.submit(
                subprocess.Popen,
                self._command,
                stdout=stream,
                stderr=subprocess.STDOUT,
                stdin=subprocess.PIPE,
                env=self._environment,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # calls libc alone
            ).result()
        end = time.monotonic() + _SECONDS
        while not all(map(_listens, ports)):
            if self._process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise RuntimeError(self.log.read_text(encoding="utf-8", errors="replace")[-3000:])
            time.sleep(0.005)

    @property
    def runs(self) -> bool:
        """Return True for one that was started and has not ended, also where it is frozen."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as an orderly restart would."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Let it do nothing until `thaw`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)  # a signal takes a moment: until then it goes on answering

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        # It leads a session of its own: what it started ends with it, as the emulator behind a script.
        os.killpg(self._process.pid, number)
        end = time.monotonic() + _END_SECONDS
        while not self._is_gone(self._process):
            time.sleep(0.02)
            if time.monotonic() > end:
                number = signal.SIGKILL
                os.killpg(self._process.pid, number)
                end += _END_SECONDS
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    @staticmethod
    def _is_gone(process: "subprocess.Popen[bytes]") -> bool:
        process.poll()
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return process.poll() is not None
        return False


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
