"""SIGTERM, as Knative sends it before it takes a Pod away, while a replica is busy."""

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.local.standins.faults import Rule
from tests.support.functions import serving
from tests.support.incidents import instance
from tests.support.steps import Replica, problem, until

REQUESTS = 24


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
