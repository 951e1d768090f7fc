"""Records that are kept in memory stay few and small, and are never older than what was known already."""

from shared.episodes.recent import Held, Recent
from shared.episodes.record import Record


def held(thing: str, revision: int = 1, size: int = 10) -> Held:
    return Held(thing, Record(now=float(revision)), revision, size)


def test_a_record_is_found_once_until_it_is_kept_again() -> None:
    recent = Recent()
    recent.keep(held("a"))
    assert recent.take("a") == held("a")
    assert recent.take("a") is None


def test_an_older_record_never_replaces_a_newer_one() -> None:
    recent = Recent()
    recent.keep(held("a", 7))
    recent.keep(held("a", 6))
    assert recent.take("a") == held("a", 7)


def test_the_records_used_least_recently_go_first() -> None:
    recent = Recent(max_records=2)
    recent.keep(held("a"))
    recent.keep(held("b"))
    recent.keep(held("a"))
    recent.keep(held("c"))
    assert [recent.take(thing) is not None for thing in "abc"] == [True, False, True]


def test_large_records_leave_room_for_fewer() -> None:
    recent = Recent(max_bytes=100)
    for number in range(50):
        recent.keep(held(str(number), size=30))
    assert [thing for thing in map(str, range(50)) if recent.take(thing)] == ["47", "48", "49"]
    recent.keep(held("huge", size=101))
    assert recent.take("huge") is None
    recent.keep(held("small", size=100))
    assert recent.take("small") is not None
