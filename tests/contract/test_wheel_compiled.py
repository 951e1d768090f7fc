"""The wheel carries packs, mappings and policies compiled, so that no cold start parses YAML."""

import subprocess
import sys
import zipfile
from pathlib import Path

from functions.siem_forwarder.settings import MAPPING
from shared.delivery.mapping_compiled import compile_mapping, compiled_file, fingerprint
from shared.episodes import policy_shipped
from shared.rules import compiled
from shared.rules.shipped import SHIPPED, parse_folder
from shared.start import compiled as start


def test_the_build_hook_compiles_packs_mappings_and_policies_into_the_wheel(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=root, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extract("functions/classifier/_compiled.bin", tmp_path)
        mappings = {name: archive.read(name) for name in archive.namelist() if name.endswith(".bin")}
    del mappings["functions/classifier/_compiled.bin"]
    policy = tmp_path / "policy.bin"
    policy.write_bytes(mappings.pop(policy_shipped.compiled_file().relative_to(root).as_posix()))
    assert start.load(policy, policy_shipped.fingerprint(policy_shipped.SHIPPED)) is not None
    found = compiled.load(tmp_path / "functions" / "classifier" / compiled.FILE, compiled.fingerprint(SHIPPED))
    assert found == parse_folder(SHIPPED)
    functions = root / "functions"
    shipped = [*functions.glob("*/mapping.yaml"), *functions.glob("*/mappings/*.yaml")]
    assert mappings.keys() == {compiled_file(path).relative_to(root).as_posix() for path in shipped}
    archive_mark, made = fingerprint(MAPPING), tmp_path / "made.bin"
    made.write_bytes(compile_mapping(MAPPING))
    shipped_one = tmp_path / "shipped.bin"
    shipped_one.write_bytes(mappings[compiled_file(MAPPING).relative_to(root).as_posix()])
    # Not by their bytes: those of one content differ by what else refers to its parts at that moment.
    assert start.load(shipped_one, archive_mark) == start.load(made, archive_mark) is not None
