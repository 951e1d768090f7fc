"""What a function's process has once it is started: its own room, and nothing that its start would wait for."""

import json
import subprocess
import sys
from functools import cache
from typing import NamedTuple

import pytest

from shared.rules.shipped import shipped_rules
from shared.runtime.registry import FUNCTIONS
from tests.contract.test_serve import SETTINGS
from tests.support.functions import environment
from tests.support.servers import ROOT

ALWAYS_ABSENT = (
    "typer",
    "rich",
    "prometheus_client",
    "kubernetes",
    "nats",
    "aiokafka",
    "importlib.metadata",
    "shared.cli",
    "shared.local",
)
OUTCOMES = {"Done", "Duplicate", "Ignored", "InProgress", "Retry", "Rejected"}


class Started(NamedTuple):
    """What a function's process has once it is started: its modules, and the dataclasses of ours among them."""

    modules: set[str]
    dataclasses: set[str]


@cache
def started() -> dict[str, Started]:
    """Return what each function's process has once it is started.

    Each is the fork of a process that has what every start begins with, and nothing more.
    """
    shipped_rules()  # a start from compiled packs is the usual one; this compiles them where they are stale
    program = f"""
import asyncio, dataclasses, json, os, sys
from shared.start import loading
loading.begin()
from shared.runtime.edge import Edge
from shared.runtime.registry import load
from shared.runtime import serve
from shared.telemetry.metrics import Metrics
async def main(name, settings):
    function = load(name, settings, Metrics())
    serve.config(Edge(function, Metrics()), "127.0.0.1", 0).load()
    await function.start()
    ours = [module for module in sys.modules if module.startswith(("shared.", "functions."))]
    built = [
        one.__name__
        for module in ours
        for one in vars(sys.modules[module]).values()
        if isinstance(one, type) and one.__module__ == module and dataclasses.is_dataclass(one)
    ]
    print(json.dumps([name, sorted(sys.modules), built]), flush=True)
    await function.stop()
for name, settings in {SETTINGS!r}.items():
    forked = os.fork()
    if not forked:
        asyncio.run(main(name, settings))
        sys.exit()
    os.waitpid(forked, 0)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment({}), capture_output=True, text=True, check=True
    )
    lines = map(json.loads, ended.stdout.splitlines())
    return {name: Started(set(modules), set(dataclasses)) for name, modules, dataclasses in lines}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_loads_its_own_room_and_nothing_that_costs_its_start(name: str) -> None:
    modules = started()[name].modules
    absent = [*ALWAYS_ABSENT, *(f"functions.{other}" for other in FUNCTIONS if other != name)]
    if name in {"changes", "classifier", "correlator", "intake"}:
        absent += ["httpx2", "jinja2", "shared.delivery.mapping", "shared.destinations", "yaml"]
    assert [module for module in absent if module in modules] == []
    assert f"functions.{name}" in modules


def test_the_classifier_builds_no_dataclasses_but_how_an_event_ended() -> None:
    """Each takes 0.3 ms of a start, a named tuple 0.05; how it ended is told apart from tuples of records."""
    assert started()["classifier"].dataclasses == OUTCOMES


def test_the_command_itself_brings_nothing_of_the_command_line() -> None:
    program = (
        "import sys, json; sys.argv = ['tidings', 'serve', 'nobody']\n"
        "from shared.cli.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    print(json.dumps(sorted(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment({}), capture_output=True, text=True, check=True
    )
    modules = set(json.loads(ended.stdout.splitlines()[-1]))
    assert not modules & {"typer", "rich", "yaml", "jinja2", "httpx2", "prometheus_client", "nats", "aiokafka"}
    assert not any(name.startswith(("shared.bus", "shared.local", "aio_pika")) for name in modules)
