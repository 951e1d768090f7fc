"""What is kept out of a start: walks of the collector over the same modules again and again, and a search for plugins.

Together they are a tenth of a start (docs/decisions/0050). Imports nothing, for it runs before all else is imported.
"""

import gc
import sys
from types import ModuleType

_SELDOM = (50_000, 20, 100)
_PLUGINS = "pydantic.plugin._loader"
"""The module of pydantic (2.14) that says which plugins there are, by its `get_plugins()`."""


def begin() -> None:
    """Turn the collector off, and pydantic's search for plugins through all that is installed.

    PYDANTIC_DISABLE_PLUGINS would do for the search, but pydantic's own module brings `importlib.metadata`, and that
    what reads ZIP files, CSV and mail: 5 ms, until it says that there are none. Where a host has it already, it stays.
    """
    gc.disable()
    no_plugins = ModuleType(_PLUGINS, "Stands for pydantic's: there are no plugins.")
    vars(no_plugins)["get_plugins"] = tuple
    sys.modules.setdefault(_PLUGINS, no_plugins)


def end() -> None:
    """Turn the collector on; what was loaded until now stays for good, and it need not look at it again.

    It walks over what a function remembers for 10 to 20 ms each time, and nothing here makes cycles by the hundred: so
    it comes at 50,000 new objects instead of 700, and rarely to the old ones.
    """
    gc.freeze()
    gc.set_threshold(*_SELDOM)
    gc.enable()
