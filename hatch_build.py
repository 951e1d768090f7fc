"""Build hook: compiles the shipped rule packs into the wheel, so that no cold start parses YAML.

Nothing generated is committed: `functions/classifier/_compiled.bin` is git-ignored. A broken pack fails the build.
"""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPILED = "functions/classifier/_compiled.bin"


class CompileRules(BuildHookInterface[Any]):
    """Compiles `functions/classifier/rules/*.yaml`. An editable install compiles for itself at its first start."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the compiled packs and have the wheel take them. Raises RulesError for a broken pack."""
        if self.target_name != "wheel" or version == "editable":
            return
        sys.path.insert(0, self.root)
        from shared.rules.shipped import SHIPPED, compile_folder

        Path(self.root, COMPILED).write_bytes(compile_folder(SHIPPED))
        build_data["artifacts"].append(COMPILED)
