"""The functions as targets of functions-framework: `functions-framework --target classifier` in this folder.

The target is a function's name, hyphens or not. Only its own room is imported. It has the http signature, since the
answer to a CloudEvent signature is always "200 OK", which a broker takes for a failure; and what it returns is the edge
itself, which Starlette calls as a response, so that it reads the request within its own limits.
"""

import os
from typing import TYPE_CHECKING

import click
from functions_framework import aio

from shared.start import loading

loading.begin()  # before all the rest of ours is imported
from shared.runtime.hosts import Hosted, new_hosted  # noqa: E402

if TYPE_CHECKING:
    from shared.runtime.asgi import Receive, Scope, Send

_EXECUTION_ID = b"function-execution-id"


def _address() -> str:
    """Return the address that this host will listen on; where it does not say, it may be any."""
    command = click.get_current_context(silent=True)
    return str(command.params.get("host", "")) if command else "an address that is not known here"


_hosted: Hosted = new_hosted([_address()], os.environ)  # ends the process where that fails
loading.end()


async def _edge(scope: "Scope", receive: "Receive", send: "Send") -> None:
    """Serve a request as it came, without the header that this host adds to it: headers are counted."""
    if scope["headers"] and scope["headers"][-1][0] == _EXECUTION_ID:
        scope = {**scope, "headers": scope["headers"][:-1]}
    await _hosted(scope, receive, send)


async def _target(_request: object) -> object:
    return _edge


# This host finds the target by name, in this module and in its own registry, and sets the variable from --target.
_target.__name__ = os.environ["FUNCTION_TARGET"]
globals()[_target.__name__] = aio.http(_target)
