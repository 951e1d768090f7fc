"""The wheel carries packs, mappings and policies compiled, so that no cold start parses YAML."""

import subprocess
import sys
import zipfile
from pathlib import Path

from functions.siem_forwarder.settings import MAPPING
from shared.delivery.mapping_compiled import compile_mapping, compiled_file
from shared.episodes import policy_shipped
from shared.rules import compiled
from shared.rules.shipped import SHIPPED, parse_folder
from shared.start import compiled as start


def unasked() -> str:
    raise AssertionError("it was compared with what it was made of")


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
    assert start.load(policy, unasked) is not None
    found = compiled.load(tmp_path / "functions" / "classifier" / compiled.FILE, tmp_path / "none")
    assert found == parse_folder(SHIPPED)
    functions = root / "functions"
    shipped = [*functions.glob("*/mapping.yaml"), *functions.glob("*/mappings/*.yaml")]
    assert mappings.keys() == {compiled_file(path).relative_to(root).as_posix() for path in shipped}
    assert mappings[compiled_file(MAPPING).relative_to(root).as_posix()] == compile_mapping(MAPPING)


def test_equal_content_is_the_same_bytes_whatever_else_refers_to_its_parts() -> None:
    text = bytes(range(97, 110)).decode()  # a new object each time, which nobody interned
    once = [(text, 1), (True, 1.0, -0.0, None), {"a": (text, 1)}]
    held = [bytes(range(97, 110)).decode(), (sys.intern(bytes(range(97, 110)).decode()), 1)]
    again = [(held[0], 1), (True, 1.0, -0.0, None), {"a": held[1]}]
    assert start.dump(once, "mark") == start.dump(again, "mark")
    assert start.dump([(1,), (True,)], "mark") != start.dump([(1,), (1,)], "mark")


def test_what_is_dumped_is_loaded_as_it_was(tmp_path: Path) -> None:
    content = [(1,), (True,), (0.0, -0.0), [1, [1]], {"a": [], "b": ()}, "", b"x", None]
    (tmp_path / "file").write_bytes(start.dump(content, "mark"))
    assert repr(start.load(tmp_path / "file", lambda: "mark")) == repr(content)


def test_what_is_installed_is_loaded_without_a_look_at_what_it_was_made_of(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(start.dump([1], start.INSTALLED))
    assert start.load(file, unasked) == [1]
    file.write_bytes(start.dump([1], "mark"))
    assert start.load(file, lambda: "another") is None


def test_a_build_leaves_nothing_in_the_checkout_that_could_get_stale_unnoticed(root: Path) -> None:
    """What is compiled into a wheel is never compared with its YAML again."""
    functions = root / "functions"
    for file in [*functions.glob("*/_*.bin"), *functions.glob("*/mappings/_*.bin")]:
        assert start.load(file, lambda: "another") is None
