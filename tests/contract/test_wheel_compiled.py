"""The wheel carries packs and mappings compiled, so that no cold start parses YAML."""

import subprocess
import sys
import zipfile
from pathlib import Path

from functions.siem_forwarder.settings import MAPPING
from shared.delivery.mapping_compiled import FILE, compile_mapping, fingerprint
from shared.rules import compiled
from shared.rules.shipped import SHIPPED, parse_folder
from shared.start import compiled as start


def test_the_build_hook_compiles_packs_and_mappings_into_the_wheel(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=root, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extract("functions/classifier/_compiled.bin", tmp_path)
        mappings = {name: archive.read(name) for name in archive.namelist() if name.endswith(FILE)}
    found = compiled.load(tmp_path / "functions" / "classifier" / compiled.FILE, compiled.fingerprint(SHIPPED))
    assert found == parse_folder(SHIPPED)
    shipped = (root / "functions").glob("*/mapping.yaml")
    assert mappings.keys() == {f"functions/{path.parent.name}/{FILE}" for path in shipped}
    archive_mark, made = fingerprint(MAPPING), tmp_path / "made.bin"
    made.write_bytes(compile_mapping(MAPPING))
    (tmp_path / FILE).write_bytes(mappings[f"functions/siem_forwarder/{FILE}"])
    # Not by their bytes: those of one content differ by what else refers to its parts at that moment.
    assert start.load(tmp_path / FILE, archive_mark) == start.load(made, archive_mark) is not None
