"""The baseline in functions-framework: a target that reads the body and answers 204, with pydantic imported."""

import pydantic
from functions_framework import aio
from starlette.requests import Request
from starlette.responses import Response

pydantic.create_model("Bare", name=(str, ...))  # a model, so that pydantic is really loaded


@aio.http
async def bare(request: Request) -> Response:
    """Read the whole body and answer 204."""
    await request.body()
    return Response(status_code=204)
