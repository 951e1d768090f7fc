"""What is sent to every host to be refused by the host itself, before the edge sees it."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.support.host_requests import BINARY
from tests.support.hosts import HOSTS, ask


@dataclass(frozen=True, slots=True)
class Refused:
    """What a host refuses before the edge sees it, or leaves to the edge: the status in each host, 0 for closed."""

    name: str
    pieces: tuple[bytes, ...]
    statuses: Mapping[str, int]


def _refused(name: str, *pieces: bytes, **statuses: int) -> Refused:
    return Refused(name, pieces, statuses)


_LINES = "".join(f"{name}: {value}\r\n" for name, value in BINARY.items())
_SHORT = f"POST / HTTP/1.1\r\nhost: localhost\r\n{_LINES}".encode()
_GET = b"GET / HTTP/1.1\r\nhost: x\r\n"
_LONG = b"x: " + b"y" * 200_000 + b"\r\n\r\n"
_MANY = b"".join(b"x-%d: y\r\n" % n for n in range(5000)) + b"\r\n"

REFUSED = (
    _refused("what is no HTTP", b"hello\r\n\r\n", serve=400, framework=400, knfunc=400),
    _refused(
        "a method of control characters",
        b"\x01\x02 / HTTP/1.1\r\nhost: x\r\n\r\n",
        serve=400,
        framework=400,
        knfunc=400,
    ),
    _refused("a method that nobody knows", b"BREW / HTTP/1.1\r\nhost: x\r\n\r\n", serve=400, framework=400, knfunc=405),
    _refused("TRACE", ask("/", "TRACE"), serve=405, framework=405, knfunc=405),
    _refused("OPTIONS *", ask("*", "OPTIONS"), serve=405, framework=404, knfunc=405),
    _refused(
        "a length that is no number", _SHORT + b"content-length: many\r\n\r\n", serve=400, framework=400, knfunc=400
    ),
    _refused("a negative length", _SHORT + b"content-length: -1\r\n\r\n", serve=400, framework=400, knfunc=400),
    _refused(
        "two lengths",
        _SHORT + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        serve=400,
        framework=400,
        knfunc=400,
    ),
    _refused(
        "length and chunks",
        _SHORT + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        serve=400,
        framework=400,
        knfunc=400,
    ),
    _refused(
        "chunks that are none",
        _SHORT + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        serve=400,
        framework=400,
        knfunc=400,
    ),
    _refused("a header without a colon", _SHORT + b"no colon\r\n\r\n", serve=400, framework=400, knfunc=400),
    _refused(
        "a control character in an attribute",
        _SHORT + b"ce-subject: a\x01b\r\ncontent-length: 2\r\n\r\n{}",
        serve=400,
        framework=400,
        knfunc=400,
    ),
    _refused("a header's value with a null", _SHORT + b"x: a\x00b\r\n\r\n", serve=400, framework=400, knfunc=400),
    _refused(
        "a POST with a header line of 200 kB",
        _SHORT + _LONG,
        serve=431,
        framework=431,
        knfunc=431,
    ),
    _refused(
        "a POST with 5,000 headers",
        _SHORT + _MANY,
        serve=431,
        framework=431,
        knfunc=431,
    ),
    _refused(
        "a path of 200 kB",
        b"POST /" + b"a" * 200_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        serve=400,
        framework=400,
        knfunc=431,
    ),
    _refused("GET /robots.txt", ask("/robots.txt"), serve=405, framework=404, knfunc=405),
    _refused("GET /favicon.ico", ask("/favicon.ico"), serve=405, framework=404, knfunc=405),
)
"""What the hosts themselves refuse, each in its way: by a 4xx or a closed connection, whatever it is."""

ODD = (
    _refused("no host", b"GET /health HTTP/1.1\r\n\r\n", serve=200, framework=200, knfunc=400),
    _refused("HTTP/3.7", b"GET /health HTTP/3.7\r\nhost: x\r\n\r\n", serve=400, framework=400, knfunc=200),
    _refused(
        "a websocket",
        b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        serve=200,
        framework=200,
        knfunc=500,
    ),
    _refused("a GET with a header line of 200 kB", _GET + _LONG, serve=200, framework=200, knfunc=431),
    _refused("a GET with 5,000 headers", _GET + _MANY, serve=200, framework=200, knfunc=200),
)
"""What not every host refuses; no function is reached by it."""


def line(row: Refused) -> str:
    """Return the row as docs/hosts.md has it."""
    statuses = " | ".join(str(row.statuses[host] or "closed") for host in HOSTS)
    return f"| {row.name} | {statuses} |"
