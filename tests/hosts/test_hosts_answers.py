"""The same requests to the three hosts, each in its own environment: the same answers (architecture.md §4 and §5)."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from shared.bus.embedded import EmbeddedBus
from shared.bus.topology import wanted
from shared.local.substitutes import SUBSTITUTES
from shared.runtime.registry import FUNCTIONS
from tests.support.host_requests import BINARY, CLASSIFIER, EVENT, OF_OTHERS, Row, post
from tests.support.hosts import HOSTS, Answer, Process, ask, at_once, hosting_all
from tests.support.servers import standin

EDGE = ("content-type", "content-length", "retry-after", "kne-stage", "kne-reason", "connection")
"""The headers that the edge sets."""
OWN = {"date", "server", "transfer-encoding"}
"""Those that a server adds by itself."""
# What is new in each answer: the span; where there is one the foreign record's id, its instance's port, and the time.
_MOVING = re.compile(
    rb"(?<=-)[0-9a-f]{16}(?=-01)|00-[0-9a-f]{32}|[0-9a-f]{32}|(?<=127\.0\.0\.1:)\d+|[0-9-]{10}T[0-9:]{8}\.\d{6}Z"
)


def seen(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """Return what must be equal of an answer."""
    headers = {name: answer.headers[name] for name in EDGE if name in answer.headers}
    body = _MOVING.sub(b"*", answer.body)
    if body != answer.body and "content-length" in headers:
        headers["content-length"] = str(len(body))  # a port has four digits or five
    return answer.status, headers, body


def compared(answers: Mapping[str, Answer], row: Row) -> None:
    """Fail unless each host gave the answer of the first, with this status and no header that is nobody's."""
    assert {host: answer.status for host, answer in answers.items()} == dict.fromkeys(answers, row.status)
    first = seen(answers[HOSTS[0]])
    assert {host: seen(answer) for host, answer in answers.items()} == dict.fromkeys(answers, first)
    for answer in answers.values():
        assert answer.headers.keys() <= {*EDGE, *OWN}


@pytest.mark.parametrize("row", CLASSIFIER, ids=lambda row: row.name)
def test_every_host_answers_a_request_to_the_classifier_in_the_same_way(
    row: Row, classifier: dict[str, Process]
) -> None:
    answers = at_once(classifier, row.pieces)
    compared(answers, row)
    if row.status >= 400:
        assert {answer.body.count(b"Traceback") for answer in answers.values()} == {0}
        assert json.loads(answers["knfunc"].body).keys() == {"error"}


def test_the_table_is_as_long_as_it_says() -> None:
    assert len(CLASSIFIER) + sum(map(len, OF_OTHERS.values())) >= 60
    assert {"classifier", *OF_OTHERS} == FUNCTIONS.keys()


def _bus(file: Path) -> dict[str, str]:
    """Return the settings of an embedded bus with all topics."""

    async def made() -> None:
        bus = EmbeddedBus(file)
        for topic in wanted(1):
            await bus.ensure(topic)
        await bus.close()

    asyncio.run(made())
    return {"EMBEDDED_BUS": str(file)}


@contextmanager
def _settings(function: str, folder: Path) -> Iterator[dict[str, dict[str, str]]]:
    """Yield the function's settings for each host; each host has a foreign system of its own."""
    with ExitStack() as stack:
        played = next((name for name, one in SUBSTITUTES.items() if function in one.functions), "")
        if played:
            urls = {host: stack.enter_context(standin(played, ":memory:")).url for host in HOSTS}
            yield {host: SUBSTITUTES[played].settings(url) for host, url in urls.items()}
        elif function in {"watch", "reconcile"}:
            pod = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "K_SINK": "http://127.0.0.1:9"}
            yield dict.fromkeys(HOSTS, pod)
        elif function == "archive":
            yield {host: _bus(folder / f"{host}.db") for host in HOSTS}
        else:
            yield {host: {"STORE_URL": "memory:"} for host in HOSTS}


@pytest.mark.parametrize("function", OF_OTHERS)
def test_every_host_serves_every_other_function_in_the_same_way(function: str, folder: Path) -> None:
    with _settings(function, folder) as settings, hosting_all(function, folder, settings) as hosted:
        for row in OF_OTHERS[function]:
            compared(at_once(hosted, row.pieces), row)


def test_metrics_of_every_host_are_of_the_same_kind(classifier: dict[str, Process]) -> None:
    answers = at_once(classifier, [ask("/metrics")])
    names = {
        host: {line for line in answer.body.splitlines() if line.startswith(b"#")} for host, answer in answers.items()
    }
    assert names["serve"] == names["framework"] == names["knfunc"] != set()
    assert {answer.headers["content-type"] for answer in answers.values()} == {
        "text/plain; version=0.0.4; charset=utf-8"
    }


@pytest.mark.parametrize("path", ["/health/liveness", "/health/readiness"])
def test_the_probes_say_the_same_and_func_python_calls_it_text(path: str, classifier: dict[str, Process]) -> None:
    answers = at_once(classifier, [ask(path)])
    assert {answer.status for answer in answers.values()} == {200}
    assert len({answer.body for answer in answers.values()}) == 1
    kinds = {host: answer.headers["content-type"] for host, answer in answers.items()}
    assert kinds == {"serve": "application/json", "framework": "application/json", "knfunc": "text/plain"}


def test_a_function_that_is_not_ready_says_so_on_the_probes_path(folder: Path) -> None:
    with hosting_all("correlator", folder, {host: {"STORE_URL": "memory:"} for host in HOSTS}) as hosted:
        answers = at_once(hosted, [ask("/health/readiness")])
    statuses = {host: answer.status for host, answer in answers.items()}
    assert statuses == {"serve": 503, "framework": 503, "knfunc": 500}, "either way no success to a kubelet"
    assert all(b"K_SINK" in answer.body for answer in answers.values())


def test_a_hundred_at_once_are_all_answered(classifier: dict[str, Process]) -> None:
    request = post(BINARY, json.dumps(EVENT).encode())
    with ThreadPoolExecutor(25) as pool:
        for process in classifier.values():
            answers = list(pool.map(lambda _, process=process: process.send(request), range(100)))
            assert {seen(answer)[2] for answer in answers} == {seen(answers[0])[2]}
            assert {answer.status for answer in answers} == {200}


def test_a_connection_is_kept_and_one_that_sent_too_much_is_not(classifier: dict[str, Process]) -> None:
    good, bad = post(BINARY, json.dumps(EVENT).encode()), post(BINARY, b"{")
    large = post({**BINARY, "transfer-encoding": "chunked"}, b"110000\r\n" + b"x" * 0x110000 + b"\r\n0\r\n\r\n")
    for process in classifier.values():
        answers = process.converse([good, bad, ask("/health"), good, large, good], answers=6)
        assert [answer.status for answer in answers] == [200, 400, 200, 200, 413, 0]
        assert answers[4].headers["connection"] == "close"


def test_a_client_that_asks_first_is_told_to_go_on(classifier: dict[str, Process]) -> None:
    body = json.dumps(EVENT).encode()
    head = post({**BINARY, "expect": "100-continue", "content-length": str(len(body))})
    answers = at_once(classifier, [head, body])
    assert {answer.status for answer in answers.values()} == {200}
