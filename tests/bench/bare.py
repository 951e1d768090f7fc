"""The baseline server: uvicorn configured as `tidings serve` does, on an app that reads the body and answers 204."""

import argparse
import os
from typing import Any

import pydantic
import uvicorn


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Read the whole body and answer 204."""
    if scope["type"] == "lifespan":
        for word in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{word}.complete"})
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=os.environ.get("PORT"))
    pydantic.create_model("Bare", name=(str, ...))  # a model, so that pydantic is really loaded
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=parser.parse_args().port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        ws="none",
    )


if __name__ == "__main__":
    main()
