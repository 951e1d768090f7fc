"""Serve one function as `tidings serve` does, but with a short deadline, so that a test need not wait for leases.

Run as `python -m tests.support.harness.worker NAME PORT SECONDS`.
"""

import os
import sys

import uvicorn

from shared.runtime.edge import Edge, EdgeSettings
from shared.runtime.registry import load
from shared.runtime.serve import config
from shared.telemetry import logs
from shared.telemetry.metrics import Metrics


def main(name: str, port: str, seconds: str) -> None:
    """Serve until the process is ended."""
    logs.setup(os.environ.get("LOG_LEVEL", "warning"))
    metrics = Metrics()
    edge = Edge(load(name, os.environ, metrics), metrics, EdgeSettings(seconds=float(seconds)))
    uvicorn.Server(config(edge, "127.0.0.1", int(port))).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
