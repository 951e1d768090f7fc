"""What is kept out of a start: walks of the collector over the same modules again and again, and a search for plugins.

Together they are a tenth of a start (docs/decisions/0050). Imports nothing, for it runs before all else is imported.
"""

import gc
import os

_SELDOM = (10_000, 20, 100)


def begin() -> None:
    """Turn the collector off, and pydantic's search for plugins through all that is installed."""
    gc.disable()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def end() -> None:
    """Turn the collector on; what was loaded until now stays for good, and it need not look at it again.

    It walks over what a function remembers for 10 to 20 ms each time, and nothing here makes cycles by the hundred: so
    it comes at 10,000 new objects instead of 700, and rarely to the old ones.
    """
    gc.freeze()
    gc.set_threshold(*_SELDOM)
    gc.enable()
