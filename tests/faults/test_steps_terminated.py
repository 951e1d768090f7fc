"""SIGTERM, as Knative sends it before it takes a Pod away, while a replica is busy."""

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.local.standins.faults import Rule
from tests.support.functions import serving
from tests.support.incidents import instance
from tests.support.servers import standin
from tests.support.steps import BUSY, Instance, Replica, problem, replica, until

REQUESTS = 24
_SECONDS = 3.0  # for a request


def test_f06_a_busy_replica_finishes_what_it_took_and_takes_no_more(tmp_path: Path) -> None:
    """F06: SIGTERM under load (scale to zero) | stops accepting, finishes in-flight, 0 errors, exit 0."""
    with instance() as sn:
        sn.app.faults.set([Rule(do="delay", operation="create", seconds=1.5, count=0)])
        settings = {
            "SERVICENOW_INSTANCE": sn.url,
            "SERVICENOW_USERNAME": "tidings",
            "SERVICENOW_PASSWORD": "tidings",
            "SERVICENOW_CONNECTIONS": "16",
            "SERVICENOW_BATCH": "1",
        }
        with serving("servicenow-incident", tmp_path / "log", settings) as served:
            worker = Replica(served, tmp_path)
            with ThreadPoolExecutor(REQUESTS) as pool:
                sent = [pool.submit(worker.post, problem(f"f06-{number}")) for number in range(REQUESTS)]
                until(lambda: worker.counted("tidings_events_received_total") == REQUESTS)
                assert not any(one.done() for one in sent), "all are in flight"
                served.process.terminate()
                _until_refused(served.url)
                assert served.process.poll() is None, "it takes no more while it still works"
                assert not all(one.done() for one in sent)
                answers = [one.result() for one in sent]
            assert [answer.status for answer in answers] == [200] * REQUESTS, "what was taken is finished"
            assert served.process.wait(10) == 0
            assert {line["level"] for line in served.lines()} == {"info"}, "no errors"
        numbers = {answer.report["number"] for answer in answers}
        assert numbers == {row["number"] for row in sn.incidents()}
        assert len(numbers) == REQUESTS


def test_f39_an_evicted_replica_that_is_killed_at_the_end_of_its_grace_leaves_one_ticket(tmp_path: Path) -> None:
    """F39: pod OOM/evicted, node drain: as F01-F05. Here as F03, and it had taken no more for some time already."""
    one, store = problem("f39"), tmp_path / "store.db"
    with (
        standin("servicenow", tmp_path / "instance.db") as process,
        replica(tmp_path / "evicted", store, process.url, _SECONDS) as evicted,
        replica(tmp_path / "elsewhere", store, process.url, _SECONDS) as elsewhere,
        ThreadPoolExecutor(1) as pool,
    ):
        sn = Instance(process)
        sn.script({"do": "commit-then-time-out", "operation": "create"})
        sent = pool.submit(evicted.post, one)
        until(lambda: "create" in sn.operations(one))
        evicted.served.process.terminate()
        _until_refused(evicted.served.url)
        assert not sent.done(), "what it took it still works at"
        evicted.kill()
        sn.script()
        assert sent.result().status == 0, "the broker was told nothing, and sends it again"
        answers = elsewhere.settle(one)
        assert BUSY in {answer.status for answer in answers}, "the lease of the dead one runs out first"
        (ticket,) = sn.incidents(one)
        assert answers[-1].report["record"] == ticket["sys_id"]


def _until_refused(url: str) -> None:
    """Wait until connecting is refused, as it is to the broker."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
        try:
            connection.request("GET", "/health/liveness")
            connection.getresponse().read()
        except ConnectionRefusedError:
            return
        except (OSError, http.client.HTTPException):  # one that was accepted at the last moment and closed again
            continue
        finally:
            connection.close()
        time.sleep(0.02)
    pytest.fail("it still accepts connections")
