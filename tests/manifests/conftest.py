"""The real kustomize for the tests of this folder."""

from collections.abc import Callable

import pytest

from tests.support.kustomize import Manifest, rendered


@pytest.fixture(scope="session")
def render(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[Manifest]]:
    """Return what renders the base with components."""
    folder = tmp_path_factory.mktemp("rendered")
    known: dict[tuple[str, ...], list[Manifest]] = {}

    def work(*components: str) -> list[Manifest]:
        if components not in known:
            known[components] = rendered(folder, components=components)
        return known[components]

    return work
