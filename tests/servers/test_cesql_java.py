"""CESQL beside CloudEvents' Java SDK, on which the Kafka data plane filters: expressions made up at random."""

import subprocess

from tests.conftest import could_not_run
from tests.support.cesql.differences import differences
from tests.support.cesql.sdks import missing

_SEED = 729_310
"""Always the same, lest chance stop a change of something else; `tests.support.cesql.differences` draws others."""


def test_two_thousand_expressions_pass_and_fail_as_they_do_in_java() -> None:
    why = missing()
    if why:
        could_not_run(why, "install a JDK 17 and Maven")
    try:
        found = differences(_SEED, 2_000)
    except subprocess.CalledProcessError as error:
        could_not_run(f"Maven could not fetch the SDK: {(error.output or '')[-300:]}", "let Maven reach its repository")
    assert found == []
