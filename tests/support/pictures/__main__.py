"""Writes the pictures into a folder: `python -m tests.support.pictures docs/pictures`."""

import sys
from pathlib import Path

from tests.support.pictures.drawing import draw
from tests.support.pictures.scenes import SCENES, played

for scene in SCENES:
    (Path(sys.argv[1]) / f"{scene.name}.svg").write_text(draw(scene, played(scene)), encoding="utf-8")
