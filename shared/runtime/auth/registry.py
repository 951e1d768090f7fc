"""The methods by name, each a module that exports `new(settings)`, imported only where a setting names it."""

import importlib
from collections.abc import Callable
from typing import Final

from shared.runtime.auth.asked import Method
from shared.runtime.auth.settings import AuthSettings

METHODS: Final = {
    "oidc": "shared.runtime.auth.oidc",
    "hmac": "shared.runtime.auth.signature",
    "basic": "shared.runtime.auth.basic",
    "token": "shared.runtime.auth.token",
    "mtls": "shared.runtime.auth.mtls",
    "secret-path": "shared.runtime.auth.secret_path",
}


def load(name: str, settings: AuthSettings) -> Method:
    """Build a method, without I/O."""
    new: Callable[[AuthSettings], Method] = importlib.import_module(METHODS[name]).new
    return new(settings)
