"""What was told last of an episode is known as long as there is room for it."""

from shared.delivery.claim import Memory
from shared.delivery.newest import Newest


def test_this_revision_and_older_ones_are_known_and_newer_ones_are_not() -> None:
    newest = Newest(10)
    newest.remember("a", Memory(revision=3))
    assert [newest.known("a", revision) is not None for revision in (2, 3, 4)] == [True, True, False]
    assert newest.known("b", 1) is None


def test_memory_is_bounded_and_what_is_asked_for_stays() -> None:
    newest = Newest(2)
    for name in ("a", "b"):
        newest.remember(name, Memory(revision=1))
    assert newest.known("a", 1) is not None
    newest.remember("c", Memory(revision=1))
    assert [newest.known(name, 1) is not None for name in ("a", "b", "c")] == [True, False, True]
