"""What is kept out of a start: walks of the collector over the same modules again and again, and a search for plugins.

Together they are a tenth of a start (docs/decisions/0050). Imports nothing, for it runs before all else is imported.
"""

import gc
import os


def begin() -> None:
    """Turn the collector off, and pydantic's search for plugins through all that is installed."""
    gc.disable()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def end() -> None:
    """Turn the collector on; what was loaded until now stays for good, and it need not look at it again."""
    gc.freeze()
    gc.enable()
