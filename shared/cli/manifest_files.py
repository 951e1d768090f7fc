"""What can be said of one file of manifests: its settings, images and addresses, and whether anybody applies it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from shared.cli import configured
from shared.cli.overlays import lost
from shared.events.problem import Problem
from shared.events.words import counted
from shared.local.broker.kustomized import KUSTOMIZE, kustomization, nearest
from shared.local.broker.kustomized import is_patch as says_patch
from shared.local.broker.located import Located, read_documents

_PROGRAMS = frozenset({"tidings", "publish"})
_NOBODYS = f"@sha256:{'0' * 64}"
"""The digest that stands in our manifests until an overlay's `images` names one: no image has it."""
_NATS = re.compile(r"^(?P<scheme>nats|tls)://(?P<host>[^/?,]+)")


class _Address(NamedTuple):
    """Where a variable of a container leads."""

    variable: str
    scheme: str
    host: str
    line: int


def check(path: Path, *, is_patch: bool) -> tuple[list[Problem], list[Problem]]:
    """Return what is wrong with a file and what is only doubtful; of a patch the settings alone are looked at."""
    name = str(path)
    read = documents(path)
    problems = _environments(read, name)
    if path.name in KUSTOMIZE:
        return problems, lost(path)
    if is_patch:
        return problems, []
    if len(read) > 1 and path.name not in _named_by(nearest(path.parent)):  # so it was rendered, and nobody renders it
        problems += _unset_images(read, name)
    return problems, [*_left_out(path, read), *_two_ways(read, name)]


def documents(path: Path) -> list[Located]:
    """Return the documents of a file; none of one that is no YAML."""
    read = read_documents(path, str(path))
    return [] if isinstance(read, Problem) else read


def _named_by(file: Path | None) -> set[str]:
    """Return the files that a kustomization names, in whatever field."""
    texts = (child.value for document in (documents(file) if file is not None else ()) for child in _within(document))
    return {Path(text).name for text in texts if isinstance(text, str)}


def _left_out(path: Path, read: list[Located]) -> list[Problem]:
    """Warn of a Trigger, or a patch, that the kustomization beside it does not name: nobody would apply it."""
    found = [document for document in read if document.text("kind") == "Trigger" or says_patch(document)]
    rendered = any(document.text("kind") == "Broker" for document in read)
    beside = kustomization(path.parent)
    if beside is None or not found or rendered or path.name in _named_by(beside):
        return []
    what, entry = "Trigger", f"`- {path.name}` to its `resources`"
    if says_patch(found[0]):
        what, entry = "patch", f"`- path: {path.name}` to its `patches`"
    message = f"{beside.name} beside it does not name this file: what is applied with it leaves this {what} out"
    return [Problem(str(path), 0, message, f"add {entry}")]


def _unset_images(read: list[Located], name: str) -> list[Problem]:
    """Return an error for each image without a digest of its own, where no kustomization can give it one any more."""
    images = (place.get("image") for document in read for place in _within(document))
    lines: dict[str, list[int]] = {}
    for image in images:
        if image is not None and str(image.value).endswith(_NOBODYS):
            lines.setdefault(image.value.removesuffix(_NOBODYS), []).append(image.line)
    hint = "set its newName and digest under `images` of the overlay, and render it again"
    return [
        Problem(
            name,
            places[0],
            f"{image} has a digest of zeros, which no image has (in {counted(len(places), 'place')})",
            hint,
        )
        for image, places in lines.items()
    ]


def _two_ways(read: list[Located], name: str) -> list[Problem]:
    """Warn of an address in plain text of a server that others in the same file speak TLS to: it takes one of both."""
    found = [address for document in read for address in _addresses(document)]
    warnings = []
    for one in found:
        others = sum(other.scheme == "tls" and other.host == one.host for other in found)
        if one.scheme == "nats" and others:
            message = (
                f"{one.variable} leads to {one.host} by nats://, where {counted(others, 'other')} here speak tls://"
            )
            warnings.append(Problem(name, one.line, message, "write tls://, and mount and set NATS_CA_FILE as they do"))
    return warnings


def _addresses(document: Located) -> Iterator[_Address]:
    for place in _within(document):
        value = place.get("value")
        found = _NATS.match(place.text("value"))
        if value is not None and found is not None and place.text("name"):
            yield _Address(place.text("name"), found["scheme"], found["host"], value.line)


def _within(place: Located) -> Iterator[Located]:
    """Yield a value and all that is in it, however deep."""
    yield place
    for inner in (*place.mapping().values(), *place.items()):
        yield from _within(inner)


def _environments(read: list[Located], name: str) -> list[Problem]:
    """Return a problem for each variable of a function's container that looks like a setting of ours and is none.

    Of the values one is looked at: a name that SHADOW cannot mean keeps a destination from starting.
    """
    places: dict[str, int] = {}
    wrong: list[Problem] = []
    for document in read:
        containers = document.get("spec", "template", "spec", "containers")
        for container in containers.items() if containers is not None else ():
            entries = container.get("env")
            for entry in entries.items() if entries is not None and _is_ours(document, container) else ():
                places[entry.text("name")] = entry.line
                if entry.text("name") == "SHADOW":
                    wrong += configured.wrong_shadow(entry.text("value"), name, entry.line)
    return wrong + configured.unknown_at(places, name)


def _is_ours(document: Located, container: Located) -> bool:
    """Return whether a container runs a function: a producer has settings of its own, as WEBHOOK_ADDRESS."""
    if "knative.dev/" in document.text("apiVersion"):
        return True
    command, entries = container.get("command"), container.get("env")
    first = next((str(word.value) for word in command.items()), "") if command is not None else ""
    named = {entry.text("name") for entry in entries.items()} if entries is not None else set()
    return first in _PROGRAMS or "FUNCTION_TARGET" in named
