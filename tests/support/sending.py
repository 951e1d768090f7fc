"""One good event, sent to the classifier by those who may and those who may not."""

import ssl
import subprocess

import orjson

from tests.support.functions import Served
from tests.support.host_requests import BINARY, EVENT

HEADERS = BINARY
BODY = orjson.dumps(EVENT)


def post(served: Served, headers: dict[str, str], tls: ssl.SSLContext | None = None) -> int:
    return served.request("POST", "/", {**HEADERS, **headers}, BODY, tls=tls)[0]


def failures(served: Served, tls: ssl.SSLContext | None = None) -> dict[str, float]:
    text = served.request("GET", "/metrics", tls=tls)[2].decode()
    found = [line for line in text.splitlines() if line.startswith("tidings_auth_failures_total{")]
    return {line.split('reason="')[1].split('"')[0]: float(line.rsplit(" ", 1)[1]) for line in found}


def curl(*arguments: str) -> str:
    """Return the status that libcurl, with which Falco sends, is answered."""
    headers = [part for name, value in HEADERS.items() for part in ("-H", f"{name}: {value}")]
    command = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *headers, "-d", BODY.decode(), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
