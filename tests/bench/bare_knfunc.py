"""The baseline in func-python: an object that reads the body and answers 204, with pydantic imported."""

from typing import Any

import pydantic

pydantic.create_model("Bare", name=(str, ...))  # a model, so that pydantic is really loaded


class Bare:
    """What func-python asks of an object is `handle` alone."""

    async def handle(self, _scope: Any, receive: Any, send: Any) -> None:
        """Read the whole body and answer 204."""
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def new() -> Bare:
    """Return the object."""
    return Bare()
