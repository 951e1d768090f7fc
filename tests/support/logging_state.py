"""Logging as it was: commands set it up for their process, and tests share one."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Put back handlers and levels after each test."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, {name: one.level for name, one in _ours().items()})
    yield
    root.handlers[:], level, own = before
    _set(root, level)
    for name, one in _ours().items():
        _set(one, own.get(name, logging.NOTSET))


def _set(one: logging.Logger, level: int) -> None:
    """Set a level that is another one: what all loggers know of their levels is forgotten each time."""
    if one.level != level:
        one.setLevel(level)


def _ours() -> dict[str, logging.Logger]:
    known = logging.Logger.manager.loggerDict
    return {name: one for name, one in known.items() if name.startswith("tidings") and isinstance(one, logging.Logger)}
