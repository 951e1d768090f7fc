"""Requests that are too much of something, sent to a function as it runs: refused in no time and without memory."""

import os
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.functions import Served, serving
from tests.support.hosts import Process, ask

MIB = 1024 * 1024
BINARY = {
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "s",
    "ce-type": "dev.knative.apiserver.resource.add",
    "content-type": "application/json",
}
ROUNDS = 12
LIMIT = 0.05
"""Seconds of the process's own time for one request: what the clock on the wall says depends on who else is at work."""
_TICK = 1 / os.sysconf("SC_CLK_TCK")


def gzip_bomb() -> bytes:
    """Return 64 kB that would be 64 MiB."""
    packer = zlib.compressobj(9, wbits=31)
    zeros = b"0" * (16 * MIB)
    return b"".join([packer.compress(zeros) for _ in range(4)]) + packer.flush()


def request(headers: Mapping[str, str], body: bytes) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"host": "x", **BINARY, **headers}.items())
    return f"POST / HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body


def in_chunks(body: bytes) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"host": "x", **BINARY}.items())
    pieces = [body[at : at + 65_536] for at in range(0, len(body), 65_536)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return f"POST / HTTP/1.1\r\n{lines}transfer-encoding: chunked\r\n\r\n".encode() + chunks + b"0\r\n\r\n"


DEEP = b'{"kind":"Pod","metadata":{"name":"x"},"spec":%s1%s}' % (b'{"a":' * 10_000, b"}" * 10_000)
ABSURD = {
    "2 MiB": (request({}, b'"' + b"x" * (2 * MIB) + b'"'), 413, b"too large"),
    "2 MiB in chunks": (in_chunks(b'"' + b"x" * (2 * MIB) + b'"'), 413, b"too large"),
    "7 MiB in chunks": (in_chunks(b'"' + b"x" * (7 * MIB) + b'"'), 413, b"too large"),
    "depth 10,000 of objects": (request({}, DEEP), 400, b"too deep"),
    "depth 10,000 of arrays": (request({}, b"[" * 10_000 + b"]" * 10_000), 400, b"too deep"),
    "5,000 headers": (request({f"x-{number}": "y" for number in range(5_000)}, b"{}"), 431, b"headers"),
    "a gzip bomb": (request({"content-encoding": "gzip"}, gzip_bomb()), 415, b"compressed"),
}


def seconds_of(process: Process) -> float:
    """Return the processor time that the process has had."""
    fields = Path(f"/proc/{process.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK


def peak_of(process: Process) -> float:
    """Return the most memory that the process ever had, in MiB."""
    text = Path(f"/proc/{process.process.pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+([0-9]+) kB", text)
    assert found is not None
    return int(found[1]) / 1024


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    log = tmp_path_factory.mktemp("absurd") / "log"
    with serving("classifier", log, {"CLUSTER": "prod"}) as served:
        yield _process(served)


def _process(served: Served) -> Process:
    return Process("serve", int(served.url.rpartition(":")[2]), served.process, served.log)


@pytest.mark.parametrize("name", ABSURD)
def test_f28_what_is_absurd_is_refused_fast_and_memory_stays_flat(name: str, classifier: Process) -> None:
    """F28: 2 MiB body on `/`; depth 10 000; 5 000 headers; gzip bomb | 413/431/400 in < 50 ms, memory flat.

    A compressed body is never opened, so a bomb has nothing to blow up: it gets 415, as any content coding that is not
    taken (RFC 9110, 15.5.16), which a broker treats as it treats the others: a dead letter at once.
    """
    raw, status, reason = ABSURD[name]
    answer = classifier.send(raw)
    assert (answer.status, reason in answer.body) == (status, True)
    before, peak = seconds_of(classifier), peak_of(classifier)
    answers = {classifier.send(raw).status for _ in range(ROUNDS)}
    spent = (seconds_of(classifier) - before) / ROUNDS
    assert answers == {status}
    assert spent < LIMIT
    assert peak_of(classifier) - peak < 4, "MiB, after twelve more of them"
    assert classifier.send(ask("/health")).status == 200


def test_f28_the_peak_of_all_of_them_is_hardly_above_that_of_an_idle_function(tmp_path: Path) -> None:
    """F28: 2 MiB body on `/`; depth 10 000; 5 000 headers; gzip bomb | 413/431/400 in < 50 ms, memory flat."""
    with serving("classifier", tmp_path / "log", {"CLUSTER": "prod"}) as served:
        process = _process(served)
        assert process.send(ask("/health")).status == 200
        idle = peak_of(process)
        for raw, status, _ in ABSURD.values():
            assert process.send(raw).status == status
        assert peak_of(process) - idle < 8, "MiB"
