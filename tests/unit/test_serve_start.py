"""What a start leaves out, a function has once it listens."""

import asyncio
import gc
import os
import subprocess
import sys

from shared.runtime import serve
from shared.runtime.asgi import Message, Receive, Scope, Send
from tests.bench.starts import settings_of
from tests.support.servers import ROOT


async def _app(_scope: Scope, receive: Receive, send: Send) -> None:
    for word in ("startup", "shutdown"):
        message: Message = await receive()
        assert message["type"] == f"lifespan.{word}"
        await send({"type": f"lifespan.{word}.complete"})


def test_memory_is_collected_once_it_listens() -> None:
    async def run() -> bool:
        server = serve._Server(serve.config(_app, "127.0.0.1", 0))
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        gc.disable()
        await server.startup()
        enabled = gc.isenabled()
        server.should_exit = True
        await server.shutdown()
        return enabled

    usual = gc.get_threshold()
    gc.set_threshold(700, 10, 10)  # as a program begins
    try:
        assert asyncio.run(run())
        assert gc.get_threshold()[0] > 700  # seldom: it walks over all that a function remembers
    finally:
        gc.enable()
        gc.unfreeze()
        gc.set_threshold(*usual)


def test_a_command_that_does_not_serve_starts_as_any_program_does() -> None:
    program = (
        "import gc, os, sys; sys.argv = ['tidings', '--help']\n"
        "from shared.cli.__main__ import main\n"
        "try:\n    main()\nfinally:\n    assert gc.isenabled() and 'PYDANTIC_DISABLE_PLUGINS' not in os.environ\n"
    )
    environ = {name: value for name, value in os.environ.items() if name != "PYDANTIC_DISABLE_PLUGINS"}
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environ, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()


def test_func_python_gets_its_function_without_a_search_for_plugins_and_with_the_collector_on() -> None:
    program = (
        "import gc, sys; from function import new; new()\n"
        "assert gc.isenabled() and gc.get_freeze_count() and 'pydantic.plugin._loader' in sys.modules\n"
        "from pydantic.plugin import _loader\n"
        "assert _loader._plugins is None\n"
    )
    environ = {name: value for name, value in os.environ.items() if name != "PYDANTIC_DISABLE_PLUGINS"}
    environ |= {
        "FUNCTION_TARGET": "siem_forwarder",
        "LISTEN_ADDRESS": "127.0.0.1:8080",
        **settings_of("siem_forwarder"),
    }
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environ, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()


def test_a_function_that_cannot_be_built_leaves_the_collector_on() -> None:
    environ = {name: value for name, value in os.environ.items() if name != "FUNCTION_TARGET"}
    program = "import gc\nfrom function import new\ntry:\n    new()\nfinally:\n    print(gc.isenabled())\n"
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environ, capture_output=True, check=False)
    assert (ended.returncode, ended.stdout.strip()) == (2, b"True")
