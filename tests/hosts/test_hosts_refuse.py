"""What the hosts refuse by themselves, each in its way: a 4xx or a closed connection, and the next one is served."""

import pytest

from tests.support.host_refusals import ODD, REFUSED, Refused, line
from tests.support.hosts import Process, ask, at_once
from tests.support.servers import ROOT

HEAD = "request | `tidings serve` | functions-framework | func-python"


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.name)
def test_what_is_wrong_in_itself_is_refused_by_every_host(row: Refused, classifier: dict[str, Process]) -> None:
    answers = at_once(classifier, row.pieces)
    statuses = {host: answer.status for host, answer in answers.items()}
    assert statuses == row.statuses
    assert all(status == 0 or 400 <= status < 500 for status in statuses.values())
    assert {answer.status for answer in at_once(classifier, [ask("/health")]).values()} == {200}


@pytest.mark.parametrize("row", ODD, ids=lambda row: row.name)
def test_what_some_hosts_let_through_reaches_no_function(row: Refused, classifier: dict[str, Process]) -> None:
    answers = at_once(classifier, row.pieces)
    assert {host: answer.status for host, answer in answers.items()} == row.statuses
    assert {answer.status for answer in at_once(classifier, [ask("/health")]).values()} == {200}


def test_the_page_says_what_each_host_refuses() -> None:
    page = (ROOT / "docs" / "hosts.md").read_text(encoding="utf-8")
    _, refused, odd = page.split(f"| {HEAD} |\n|---|---|---|---|\n")
    assert refused.startswith("\n".join(map(line, REFUSED)) + "\n\n")
    assert odd == "\n".join(map(line, ODD)) + "\n"
