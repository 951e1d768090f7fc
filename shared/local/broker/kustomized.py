"""What a kustomization says of the files beside it: which are patches, no manifests of their own."""

from collections.abc import Iterator
from pathlib import Path

from shared.events.problem import Problem
from shared.local.broker.located import Located, read_documents

KUSTOMIZE = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_PATCHES = ("patches", "patchesStrategicMerge", "patchesJson6902")
_DIRECTIVE = "$patch"


def is_patch(document: Located) -> bool:
    """Return whether a document says itself that it is a patch, as `$patch: delete`: the API server takes none."""
    return _DIRECTIVE in document.mapping()


def patch_files(folder: Path) -> frozenset[Path]:
    """Return the resolved files that the kustomization of a folder, or the nearest one above it, names as patches.

    No other can name them: kustomize reads nothing outside the folder of a kustomization.
    """
    file = nearest(folder)
    return frozenset((file.parent / name).resolve() for name in _named(file)) if file is not None else frozenset()


def nearest(folder: Path) -> Path | None:
    """Return the kustomization of a folder, or the nearest one above it, None where there is none."""
    here = folder.resolve()
    return next((file for place in (here, *here.parents) if (file := kustomization(place)) is not None), None)


def kustomization(folder: Path) -> Path | None:
    """Return the kustomization of a folder, None where it has none."""
    return next((file for name in KUSTOMIZE if (file := folder / name).is_file()), None)


def _named(file: Path) -> Iterator[str]:
    documents = read_documents(file, file.name)
    for document in [] if isinstance(documents, Problem) else documents:
        for field in _PATCHES:
            found = document.get(field)
            for item in found.items() if found is not None else ():
                name = item.value if isinstance(item.value, str) else item.text("path")
                if name and "\n" not in name:  # the older field also takes a patch itself
                    yield name
