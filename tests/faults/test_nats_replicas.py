"""Two processes of a ticket function on one bucket of a real NATS: same key, one ticket."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.incidents import instance
from tests.support.nats import nats
from tests.support.steps import problem, replica, until
from tests.support.steps_function import BEFORE_CLAIM


def test_f40_two_replicas_of_a_ticket_function_on_nats_claim_a_key_once(tmp_path: Path) -> None:
    """F40: two replicas, same key, store CAS race | exactly one winner."""
    ones = [problem(f"f40-{number}") for number in range(4)]
    stops = {one.id: BEFORE_CLAIM for one in ones}
    unused = tmp_path / "unused.db"
    with (
        nats(tmp_path) as server,
        instance() as sn,
        replica(tmp_path / "a", unused, sn.url, 10.0, stops, STORE_URL=server.url()) as first,
        replica(tmp_path / "b", unused, sn.url, 10.0, stops, STORE_URL=server.url()) as second,
        ThreadPoolExecutor(8) as pool,
    ):
        posts = [pool.submit(each.post, one) for one in ones for each in (first, second)]
        for each in (first, second):
            until(lambda each=each: all(each.reached(one) for one in ones))
        for each in (first, second):
            each.go_on()
        statuses = [post.result().status for post in posts]
        for pair in zip(statuses[::2], statuses[1::2], strict=True):
            assert sum(status in {200, 204} for status in pair) >= 1
            assert set(pair) <= {200, 204, 409}
        for one in ones:
            assert second.settle(one)[-1].done
        assert len(sn.incidents()) == len(sn.active()) == len(ones)
    assert not unused.exists()
