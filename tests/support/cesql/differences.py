"""Where our CESQL answers otherwise than CloudEvents' Java SDK, on expressions made up at random.

`python -m tests.support.cesql.differences 20` asks both about 20 times 20,000 new ones, and fails where they differ.
"""

import secrets
import sys
from typing import Any

from shared.local.broker.cesql.advice import read
from shared.local.broker.cesql.evaluation import compiled
from tests.support.cesql.generated import cases
from tests.support.cesql.sdks import Answer, ask_java

_AT_ONCE = 20_000


class Event(dict[str, Any]):
    """An event of attributes alone."""

    def attribute(self, name: str) -> Any:
        """Return the attribute's value, None where there is none."""
        return self.get(name)


def differences(seed: int, count: int) -> list[tuple[Answer, Answer]]:
    """Return the cases of this seed that Java's SDK answers otherwise, each with its answer.

    Raises subprocess.CalledProcessError where Maven cannot fetch the SDK.
    """
    asked = list(cases(seed, count))
    answers = ask_java(asked)
    return [pair for pair in zip(asked, answers, strict=True) if _ours(pair[0]) is not pair[1].get("passes")]


def _ours(case: Answer) -> bool | None:
    tree = read(case["expression"])
    return None if isinstance(tree, tuple) else compiled(tree)(Event(case["event"]))


def main() -> None:
    """Ask as many times as the first argument says."""
    found = 0
    for _ in range(int(sys.argv[1])):
        seed = secrets.randbelow(1_000_000_000)
        differing = differences(seed, _AT_ONCE)
        found += len(differing)
        sys.stdout.write("\n  ".join([f"seed {seed}: {len(differing)} of {_AT_ONCE}", *map(str, differing)]) + "\n")
        sys.stdout.flush()
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
