"""Every destination of the registry passes a contract suite, has a page, and shows what it would send."""

from pathlib import Path

import pytest

from shared.runtime.registry import FUNCTIONS
from tests.support.rigs.registry import NOTICES, RECORDS, TICKETS, UPSERTS

DESTINATIONS = {name: one.destination for name, one in FUNCTIONS.items() if one.destination is not None}


def test_every_destination_is_tried_by_its_suite() -> None:
    tried = dict.fromkeys((rig.function for rig in (*TICKETS.values(), *UPSERTS.values())), "episode")
    tried |= {rig.function: "change" for rig in TICKETS.values() if not getattr(rig, "returns", True)}
    tried |= dict.fromkeys(RECORDS, "classified") | dict.fromkeys(NOTICES, "any")
    assert tried == {name: one.subject for name, one in DESTINATIONS.items()}


@pytest.mark.parametrize("name", sorted(DESTINATIONS))
def test_every_destination_has_its_folder_its_manifests_and_its_mapping(name: str, root: Path) -> None:
    folder, dashed = root / "functions" / name, name.replace("_", "-")
    assert {"handler.py", "func.yaml", "README.md", "mapping.yaml"} <= {path.name for path in folder.iterdir()}
    if DESTINATIONS[name].component:
        there = {path.name for path in (root / "knative" / "components" / dashed).iterdir()}
        assert {"kustomization.yaml", "service.yaml", "trigger.yaml"} <= there
    else:
        assert (root / "knative" / "base" / f"{dashed}.yaml").is_file()
        assert (root / "knative" / "triggers" / f"{dashed}.yaml").is_file()
