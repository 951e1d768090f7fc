"""The small projection of an object that is remembered: its shape with short plain values, and hashes for the rest.

It is made of the redacted object alone, so that no secret and no hash of one is ever in it. What does not fit into
`MAX_BYTES` is folded: all that lies deeper than some level becomes one hash, so that a change there is still seen, and
said of the part as a whole.
"""

import hashlib
import zlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from shared.changes.kinds import IDENTITY, KEPT_METADATA, NOISE_ANNOTATIONS, Kind, Steps, noise_of, status_of
from shared.events.redaction_patterns import MASK
from shared.sources.context import mapping

MAX_BYTES: Final = 2000
"""Bytes that a projection takes in the store, compressed."""
WHOLE: Final = -1
_DEPTHS = (12, 9, 7, 6, 5, 4, 3, 2, 1, 0)
_SHORT = 48  # characters of a value that is kept as it is
_TELLING = 128  # of what is asked for first: which image runs, and which words a list holds, of rights above all
_IMAGE = "image"
_SCALARS = frozenset({str, int, float, bool, type(None)})
_MAPPING, _TEXT = frozenset({dict}), frozenset({str})
_NAMED_BY = ("name", "key")  # what tells items of a list apart, so that a new first one does not change them all
_NOTHING: Steps = {}

Shape = Any
"""A mapping of shapes, a plain value, or a list of one text: the hash of what is not kept."""


class Projection(NamedTuple):
    """A packed shape. `depth` is the level below which it is folded, WHOLE where it is not."""

    depth: int
    packed: bytes


def relevant(thing: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """Return the parts of a redacted object that are compared; noise deep inside them is still there."""
    found = {name: value for name, value in thing.items() if name not in IDENTITY}
    metadata = mapping(thing.get("metadata"))
    kept = {name: metadata[name] for name in KEPT_METADATA if name in metadata}
    notes = kept.get("annotations")
    if isinstance(notes, dict) and not NOISE_ANNOTATIONS.isdisjoint(notes):
        kept["annotations"] = {name: text for name, text in notes.items() if name not in NOISE_ANNOTATIONS}
    found["metadata"] = kept
    if kind.status:
        found |= _picked(thing, status_of(kind))
    return found


def stamp_of(parts: Mapping[str, Any]) -> str:
    """Return a hash of the relevant parts: where it is the same, nothing changed, and no shape has to be made."""
    return _hash(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS))


def shape_of(parts: Mapping[str, Any], kind: Kind, depth: int = WHOLE) -> Shape:
    """Return the shape of the relevant parts, folded below `depth` levels."""
    noise = noise_of(kind)
    if not kind.hidden:
        return _shape(parts, noise, depth, hidden=False)
    if depth == 0:
        return [_folded(shape_of(parts, kind))]
    return {
        name: _shape(value, noise.get(name, _NOTHING), depth - 1, hidden=name in kind.hidden)
        for name, value in parts.items()
    }


def project(parts: Mapping[str, Any], kind: Kind) -> Projection:
    """Return the projection of the relevant parts, folded as little as `MAX_BYTES` allows."""
    packed = pack(shape_of(parts, kind))
    if len(packed) <= MAX_BYTES:
        return Projection(WHOLE, packed)
    for depth in _DEPTHS:
        packed = pack(shape_of(parts, kind, depth))
        if len(packed) <= MAX_BYTES:
            return Projection(depth, packed)
    raise AssertionError("a single hash fits")


def pack(shape: Shape) -> bytes:
    """Return a shape as stored bytes."""
    return zlib.compress(orjson.dumps(shape), 1)


def unpack(packed: bytes) -> Shape:
    """Return a stored shape. Raises ValueError where it cannot be read."""
    try:
        return orjson.loads(zlib.decompress(packed))
    except zlib.error as error:
        raise ValueError("a projection cannot be unpacked") from error


def _picked(value: Any, steps: Steps) -> dict[str, Any]:
    """Return only what lies on the paths of a tree."""
    found: dict[str, Any] = {}
    for step, behind in steps.items():
        if isinstance(value, dict) and step in value:
            below = _picked(value[step], behind) if behind else value[step]
            if below not in ({}, None):
                found[step] = below
    return found


def _shape(value: Any, noise: Steps, depth: int, *, hidden: bool) -> Shape:
    kind = type(value)
    if kind in _SCALARS:
        return _plain(value, hidden=hidden)
    if kind is list:
        if _SCALARS.issuperset(map(type, value)):
            return _plain(f"[{', '.join(map(str, value))}]", hidden=hidden, most=_TELLING)
        value = _by_name(value)
    if not value:
        return {}
    if depth == 0:
        return [_folded(_shape(value, noise, WHOLE, hidden=hidden))]
    if noise or hidden:
        return _without_noise(value, noise, depth - 1, hidden=hidden)
    return {  # as nearly everywhere; what is short is taken as it is here, to spare a call for each
        key: item
        if (kind := type(item)) is int
        or kind is bool
        or (kind is str and (len(item) <= _SHORT or (key == _IMAGE and len(item) <= _TELLING)))
        else _shape(item, noise, depth - 1, hidden=False)
        for key, item in value.items()
    }


def _plain(value: Any, *, hidden: bool, most: int = _SHORT) -> Shape:
    if type(value) is str:
        return value if value == MASK or (len(value) <= most and not hidden) else [_hash(value.encode())]
    return [_hash(str(value).encode())] if hidden and value is not None else value


def is_hash_of(shape: Shape, value: Shape) -> bool:
    """Return True where a shape is the hash of a plain text: an earlier release kept less as it is."""
    return isinstance(shape, list) and isinstance(value, str) and shape == [_hash(value.encode())]


def _without_noise(value: dict[str, Any], noise: Steps, depth: int, *, hidden: bool) -> dict[str, Shape]:
    any_item = noise.get("*")
    found: dict[str, Shape] = {}
    for key, item in value.items():
        behind = noise.get(key, any_item)
        if behind is None:
            found[key] = _shape(item, _NOTHING, depth, hidden=hidden)
        elif behind:
            found[key] = _shape(item, behind, depth, hidden=hidden)
    return found


def _by_name(items: list[Any]) -> dict[str, Any]:
    """Return a list as a mapping: by the names of its items where each has one of its own, else by their places."""
    if _MAPPING.issuperset(map(type, items)):
        for key in _NAMED_BY:
            names = [item.get(key) for item in items]
            if _TEXT.issuperset(map(type, names)) and len(set(names)) == len(names):
                return {f"[{name}]": item for name, item in zip(names, items, strict=True)}
    return {f"[{place}]": item for place, item in enumerate(items)}


def _folded(shape: Shape) -> str:
    return _hash(orjson.dumps(shape, option=orjson.OPT_SORT_KEYS))


def _hash(text: bytes) -> str:
    return hashlib.blake2b(text, digest_size=6).hexdigest()
