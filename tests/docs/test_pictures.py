"""The pictures of docs/episodes.md show what the correlator does now, and say it to who cannot see them."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.pictures.drawing import draw
from tests.support.pictures.scenes import SCENES, Scene, played

FOLDER = "docs/pictures"


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_picture_is_what_the_correlator_decides_now(scene: Scene, root: Path) -> None:
    file = root / FOLDER / f"{scene.name}.svg"
    assert file.read_text(encoding="utf-8") == draw(scene, played(scene)), "run `make schemas`"


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_picture_stands_in_its_page_with_its_words_and_is_made_for_light_and_dark(scene: Scene, root: Path) -> None:
    page = (root / "docs" / "episodes.md").read_text(encoding="utf-8")
    assert f"![{scene.alt}](pictures/{scene.name}.svg)" in page
    drawn = ET.parse(root / FOLDER / f"{scene.name}.svg").getroot()  # noqa: S314 - written by ourselves
    texts = ["".join(part.itertext()) for part in drawn]
    assert scene.alt in texts
    assert any("prefers-color-scheme: dark" in text for text in texts)


def test_there_are_no_pictures_of_what_is_no_scene_and_no_measurement(root: Path) -> None:
    measured = {"scale"}  # test_scale.py
    assert {file.stem for file in (root / FOLDER).iterdir()} == {scene.name for scene in SCENES} | measured


def test_each_story_shows_what_it_is_about() -> None:
    wanted = {
        "group-wait": {"held", "opened", "closed", "over"},
        "late-cause": {"inhibited", "closed", "freed", "reopened"},
        "flapping": {"flapping", "recovered", "closed"},
        "group": {"grouped", "opened", "closed"},
        "limit": {"limited", "opened", "closed"},
        "crash-loop": {"opened", "recovered", "closed"},
        "end-first": {"opened", "closed"},
    }
    assert wanted.keys() == {scene.name for scene in SCENES}
    for scene in SCENES:
        assert wanted[scene.name] <= {line.note.what for line in played(scene)}, scene.name
