"""The command `tidings` in this process: what it says and its exit code, without the start of another Python."""

import gc
import io
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from unittest.mock import patch

from shared.cli.__main__ import main

_SECONDS = 30


@dataclass(frozen=True)
class Ended:
    """How a command ended, in the words of `subprocess`."""

    returncode: int
    stdout: str
    stderr: str


def called(
    *arguments: str, given: str = "", folder: Path | None = None, environ: Mapping[str, str] | None = None
) -> Ended:
    """Call the command with these words, standard input, folder and environment, as its process would be.

    What must be a process is not for this: signals, pipes that are read meanwhile, what a start loads.
    """
    said, wrong = _pipe(), _pipe()
    with (
        patch.object(sys, "argv", ["tidings", *arguments]),
        patch.object(sys, "stdin", _pipe(given)),
        patch.object(sys, "stdout", said),
        patch.object(sys, "stderr", wrong),
        patch.dict(os.environ, os.environ if environ is None else environ, clear=True),
        chdir(folder or Path.cwd()),
        _in_time(),
    ):
        try:
            main()
            code = 0
        except SystemExit as end:
            code = _code(end.code)
        finally:
            gc.enable()  # `serve` turns it off until it listens
    return Ended(code, _text(said), _text(wrong))


def _pipe(given: str = "") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(given.encode()), encoding="utf-8", write_through=True)


def _text(said: io.TextIOWrapper) -> str:
    said.seek(0)
    return said.read()


def _code(said: object) -> int:
    """Return the exit code that the interpreter makes of it."""
    if said is None or isinstance(said, int):
        return said or 0
    print(said, file=sys.stderr)  # noqa: T201 - as the interpreter does
    return 1


@contextmanager
def _in_time() -> Iterator[None]:
    """Interrupt what does not end, as a server that should have refused to start. Raises TimeoutError then."""
    late: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        late.append(number)
        signal.raise_signal(signal.SIGINT)  # an error would be lost in a loop of events

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.alarm(_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    if late:
        raise TimeoutError("the command did not end")
