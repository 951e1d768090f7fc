"""What a start leaves out, a function has once it listens."""

import asyncio
import gc
import inspect
import os
import subprocess
import sys

from pydantic import AfterValidator, BeforeValidator, PlainValidator, WrapValidator

from shared.runtime import serve
from shared.runtime.asgi import Message, Receive, Scope, Send
from shared.runtime.document import settings_models
from shared.settings.host import HostSettings
from tests.bench.starts import settings_of
from tests.support.functions import environment
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
        "try:\n    main()\nfinally:\n    assert gc.isenabled()\n"
        "    from pydantic.plugin import _loader\n    assert _loader.__file__\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()


def test_func_python_gets_its_function_without_a_search_for_plugins_and_with_the_collector_on() -> None:
    program = (
        "import gc, sys; from function import new; new()\n"
        "assert gc.isenabled() and gc.get_freeze_count() and 'pydantic.plugin._loader' in sys.modules\n"
        "assert not {'importlib.metadata', 'zipfile', 'csv', 'email.message'} & sys.modules.keys()\n"
    )
    environ = environment(
        {"FUNCTION_TARGET": "siem_forwarder", "LISTEN_ADDRESS": "127.0.0.1:8080", **settings_of("siem_forwarder")}
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environ, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()


def test_a_function_that_cannot_be_built_leaves_the_collector_on() -> None:
    environ = {name: value for name, value in os.environ.items() if name != "FUNCTION_TARGET"}
    program = "import gc\nfrom function import new\ntry:\n    new()\nfinally:\n    print(gc.isenabled())\n"
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environ, capture_output=True, check=False)
    assert (ended.returncode, ended.stdout.strip()) == (2, b"True")


def test_where_plugins_were_asked_for_already_pydantic_keeps_its_own_answer() -> None:
    program = (
        "from pydantic.plugin import _loader; from shared.start import loading; loading.begin()\n"
        "from pydantic.plugin import _loader as after; assert after is _loader and _loader.__file__\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()


def test_no_setting_is_read_by_a_built_in_whose_signature_pydantic_would_parse() -> None:
    """Each is 1.5 ms of a start: `inspect` takes the text of a built-in apart, where it has a function's as data."""
    found = {
        one.func
        for model in (HostSettings, *settings_models().values())
        for field in model.model_fields.values()
        for one in field.metadata
        if isinstance(one, BeforeValidator | AfterValidator | PlainValidator | WrapValidator)
    }
    assert found
    assert not [one for one in found if not inspect.isfunction(one) and not inspect.ismethod(one)]
