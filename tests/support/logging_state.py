"""Logging as it was: commands set it up for their process, and tests share one."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Put back handlers and levels after each test."""
    root, settings = logging.getLogger(), logging.getLogger("tidings.settings")
    before = (root.handlers[:], root.level, settings.level)
    yield
    root.handlers[:], level, own = before
    root.setLevel(level)
    settings.setLevel(own)
