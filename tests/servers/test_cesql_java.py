"""CESQL beside CloudEvents' Java SDK, on which the Kafka data plane filters: expressions made up at random."""

import secrets
import subprocess

from shared.local.broker.cesql.advice import read
from shared.local.broker.cesql.evaluation import compiled
from tests.conftest import could_not_run
from tests.support.cesql.generated import cases
from tests.support.cesql.sdks import ask_java, missing
from tests.unit.test_cesql import Event


def test_two_thousand_expressions_pass_and_fail_as_they_do_in_java() -> None:
    why = missing()
    if why:
        could_not_run(why, "install a JDK 17 and Maven")
    seed = secrets.randbelow(1_000_000)
    asked = list(cases(seed, 2_000))
    try:
        answers = ask_java(asked)
    except subprocess.CalledProcessError as error:
        could_not_run(f"Maven could not fetch the SDK: {(error.output or '')[-300:]}", "let Maven reach its repository")
    different = []
    for case, answer in zip(asked, answers, strict=True):
        tree = read(case["expression"])
        mine = None if isinstance(tree, tuple) else compiled(tree)(Event(case["event"]))
        if mine is not answer.get("passes"):
            different.append((case, answer))
    assert different == [], f"seed {seed}"
