"""Build hook: compiles the shipped rule packs, mappings and policies into the wheel, so that no cold start parses YAML.

Nothing generated is committed: `functions/**/_*.bin` are git-ignored. A broken one fails the build.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

RULES = "functions/classifier/_compiled.bin"
POLICY = "functions/correlator/_policy.bin"


class Compile(BuildHookInterface[Any]):
    """Compiles what `functions/*/` has as YAML. An editable install compiles for itself at its first start."""

    PLUGIN_NAME = "custom"
    _made: Path | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the compiled files and have the wheel take them. Raises ValueError for a broken one.

        They are not put into the checkout, where nobody would notice when they get stale.
        """
        if self.target_name != "wheel" or version == "editable":
            return
        sys.path.insert(0, self.root)
        from shared.delivery.mapping_compiled import compile_mapping, compiled_file
        from shared.episodes.policy_shipped import compile_policy
        from shared.rules.shipped import SHIPPED, compile_folder

        made = {RULES: compile_folder(SHIPPED)}
        functions = Path(self.root, "functions")
        for mapping in sorted([*functions.glob("*/mapping.yaml"), *functions.glob("*/mappings/*.yaml")]):
            made[compiled_file(mapping).relative_to(self.root).as_posix()] = compile_mapping(mapping)
        made[POLICY] = compile_policy(functions / "correlator" / "policy.yaml")
        self._made = Path(tempfile.mkdtemp(prefix="tidings-compiled-"))
        for number, (name, content) in enumerate(made.items()):
            file = self._made / f"{number}.bin"
            file.write_bytes(content)
            build_data["force_include"][str(file)] = name

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Take away what the wheel has taken."""
        if self._made is not None:
            shutil.rmtree(self._made)
