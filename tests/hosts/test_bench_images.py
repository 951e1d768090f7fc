"""What the parts `start`, `rss` and `hosts` of the benchmark measure: what an image installs, and no checkout."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.bench.images import Command, Image, func_image, image
from tests.bench.starts import settings_of
from tests.support.hosts import python_of
from tests.support.servers import ROOT

IMAGES: dict[str, Callable[[], AbstractContextManager[Image]]] = {
    "serve": image,
    "framework": lambda: image("framework"),
    "knfunc": func_image,
}
_LOADED = re.compile(r"^# (?:code object from|extension module '\w+' loaded from) '(/[^']+)'$", re.MULTILINE)


def loaded(command: Command, capfd: pytest.CaptureFixture[str]) -> set[Path]:
    """Return the files of all modules that a server has imported once it is ready."""
    with command.told(PYTHONVERBOSE="1").running():
        return {Path(file) for file in _LOADED.findall(capfd.readouterr().err)}


@pytest.mark.parametrize("host", IMAGES)
def test_a_start_is_measured_of_what_an_image_installs_and_so_is_its_baseline(
    host: str, capfd: pytest.CaptureFixture[str]
) -> None:
    python_of(host)  # with it its packages came to uv's cache
    with IMAGES[host]() as made:
        ours = loaded(made.of("classifier", settings_of("classifier")), capfd)
        (packages,) = {path.parents[3] for path in ours if path.name == "handler.cpython-311.pyc"}
        assert packages.name == "site-packages"
        assert packages / "shared" / "runtime" / "__pycache__" / "edge.cpython-311.pyc" in ours
        assert not {path for path in ours if path.is_relative_to(ROOT)}
        bare = loaded(made.bare, capfd)
        assert {path.name for path in bare if path.is_relative_to(ROOT)} <= {
            f"{name}.cpython-311.pyc" for name in ("__init__", "bare", "bare_framework", "bare_knfunc")
        }
        assert {path.parent for path in bare if path.is_relative_to(packages / "pydantic")}
