"""The real kustomize for the tests of this folder."""

from collections.abc import Callable

import pytest

from tests.support.kustomize import Manifest, ways
from tests.support.kustomize import rendered as rendered_by_kustomize


@pytest.fixture(scope="session")
def render(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[Manifest]]:
    """Return what renders the base with components."""
    folder = tmp_path_factory.mktemp("rendered")
    known: dict[tuple[str, ...], list[Manifest]] = {}

    def work(*components: str) -> list[Manifest]:
        if components not in known:
            known[components] = rendered_by_kustomize(folder, components=components)
        return known[components]

    return work


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Manifest]]:
    """Return what each way to run it comes to."""
    return ways(tmp_path_factory.mktemp("ways"))
