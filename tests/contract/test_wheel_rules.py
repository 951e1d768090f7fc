"""The wheel carries the packs compiled, so that no cold start parses YAML."""

import subprocess
import sys
import zipfile
from pathlib import Path

from shared.rules import compiled
from shared.rules.shipped import SHIPPED, parse_folder


def test_the_build_hook_compiles_the_packs_into_the_wheel(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=root, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extract("functions/classifier/_compiled.bin", tmp_path)
    found = compiled.load(tmp_path / "functions" / "classifier" / compiled.FILE, compiled.fingerprint(SHIPPED))
    assert found == parse_folder(SHIPPED)
