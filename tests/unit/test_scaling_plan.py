"""`make scale` takes a plan of one's own, and says what is wrong with one that cannot be."""

import pytest

from tests.bench.processes import Scheduled
from tests.bench.scale import Compared
from tests.bench.scaling.__main__ import main, planned
from tests.bench.scaling.plan import SHIPPED, TRIGGERS


def test_what_is_not_said_is_as_shipped() -> None:
    plan = planned(["--clusters", "300"])
    assert (plan.clusters, plan.storms, plan.partitions, plan.consumers) == (300, 3, 10, 1)
    assert all(plan.most(name) == SHIPPED[name][1] for name in SHIPPED)
    assert all(plan.spec(name) == TRIGGERS[name] for name in TRIGGERS)


def test_what_is_said_replaces_what_is_shipped() -> None:
    arguments = ["--clusters", "20", "--storms", "50", "--pods", "correlator=2:4:20", "--ordered", "correlator"]
    plan = planned([*arguments, "--requests", "0", "--splunk-ms", "200", "--servicenow-ms", "50"])
    assert plan.storms == 20, "not more than there are clusters"
    assert plan.most("correlator") == 4
    assert plan.spec("correlator").ordered
    assert not plan.spec("classifier").ordered
    assert (plan.systems.siem.seconds, plan.systems.tickets.each, plan.systems.requests) == (0.2, 0.05, 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--pods", "nobody=1:1:1"], "there is no function 'nobody'"),
        (["--ordered", "nobody"], "there is no function 'nobody'"),
        (["--pods", "correlator=3:1:50"], "no such scale"),
        (["--pods", "correlator=3"], "LEAST:MOST:CONCURRENCY"),
        (["--clusters", "0"], "at least one"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_before_anything_runs(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_stretch_is_how_much_longer_work_took_for_want_of_a_core() -> None:
    assert Scheduled(3.0, 1.0).stretch(Scheduled(1.0, 0.0)) == 1.5
    assert Scheduled(1.0, 5.0).stretch(Scheduled(1.0, 0.0)) == 1.0


def test_the_model_is_as_far_off_where_it_says_too_much_as_where_it_says_too_little() -> None:
    assert Compared("x", "ms", 10.0, 8.0).apart == Compared("x", "ms", 8.0, 10.0).apart == 1.25
