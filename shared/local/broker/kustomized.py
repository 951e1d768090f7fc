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
    places = [beside(file, name) for item in patches(file) if (name := named_file(item))] if file is not None else []
    return frozenset(place for place in places if place is not None)


def nearest(folder: Path) -> Path | None:
    """Return the kustomization of a folder, or the nearest one above it, None where there is none."""
    here = folder.resolve()
    return next((file for place in (here, *here.parents) if (file := kustomization(place)) is not None), None)


def kustomization(folder: Path) -> Path | None:
    """Return the kustomization of a folder, None where it has none."""
    return next((file for name in KUSTOMIZE if (file := folder / name).is_file()), None)


def readable(file: Path) -> list[Located]:
    """Return the documents of a file, none of one that is no YAML, of which others tell."""
    documents = read_documents(file, file.name)
    return [] if isinstance(documents, Problem) else documents


def listed(file: Path, *fields: str) -> Iterator[Located]:
    """Yield what a kustomization lists in these fields."""
    for document in readable(file):
        for field in fields:
            found = document.get(field)
            yield from found.items() if found is not None else ()


def patches(file: Path) -> Iterator[Located]:
    """Yield the patches of a kustomization, in all fields that there are or were for them."""
    return listed(file, *_PATCHES)


def named_file(patch: Located) -> str:
    """Return which file holds a patch, empty where it stands there itself, as the older fields take it, too."""
    name = patch.text() or patch.text("path")
    return "" if "\n" in name else name


def beside(file: Path, name: str) -> Path | None:
    """Return what a kustomization names, resolved, None where it is not there or the name is none of a file."""
    try:
        place = (file.parent / name).resolve()
        return place if place.exists() else None
    except (OSError, ValueError):  # as of an address that is too long for a name
        return None
