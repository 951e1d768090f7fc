"""Templates under fire: what runs away is stopped by counted steps and bytes, and no clock has a say in it."""

import time
from typing import Any

import pytest

from shared.delivery.sandbox import MAX_OUTPUT, MAX_STEPS, TemplateRefused, build, new_environment, parse, run

CHARGE = 256
"""Characters that cost a step on their way into or out of a filter."""
TURNS = MAX_STEPS // 101
"""Turns of a loop that costs 101 steps a turn: itself, and a filter that is paid for 100 * 256 characters."""
TEXT = "x" * (100 * CHARGE)


def rendered(source: str, **context: Any) -> str:
    environment = new_environment()
    return run(build(environment, parse(environment, source)), context)


@pytest.fixture(params=["stands still", "jumps a day at each look"])
def clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every clock of the process stand still, or run away."""
    step = 0.0 if request.param == "stands still" else 86_400.0
    now = [1e9]

    def tell() -> float:
        now[0] += step
        return now[0]

    for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time"):
        monkeypatch.setattr(time, name, tell)
        monkeypatch.setattr(time, f"{name}_ns", lambda: int(tell() * 1e9))


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("source", "most"),
    [
        ("{% for a in range %}{% endfor %}", MAX_STEPS),
        ("{% for a in range %}{% for b in [1, 2, 3] %}{% endfor %}{% endfor %}", MAX_STEPS // 4),
        ("{% for a in range %}{% if text | length %}{% endif %}{% endfor %}", TURNS),
        ("{% for a in range %}{% if parts | join %}{% endif %}{% endfor %}", TURNS),
        ("{% for a in range %}{% if text + text %}{% endif %}{% endfor %}", MAX_STEPS // 201),
        ("{% for a in range %}" + "{{ none }}" * 320 + "{% endfor %}", MAX_STEPS // 11),
    ],
    ids=["a loop", "nested loops", "into a filter", "out of a filter", "a sum", "320 parts in a loop"],
)
def test_f43_a_template_that_runs_away_is_stopped_by_counted_steps_not_by_a_clock(source: str, most: int) -> None:
    """F43: `{{7*7}}`, `{% … %}`, `${…}` in event message | printed literally; event data is never a template.

    And what is one, by an administrator, ends after the same count of steps on every machine.
    """
    assert rendered(source, range=list(range(most)), text=TEXT, parts=[TEXT], none=None) == ""
    with pytest.raises(TemplateRefused, match="more than 10000 steps"):
        rendered(source, range=list(range(most + 1)), text=TEXT, parts=[TEXT], none=None)


@pytest.mark.usefixtures("clock")
def test_f43_ten_megabytes_of_output_are_stopped_at_the_counted_limit() -> None:
    """F43: `{{7*7}}`, `{% … %}`, `${…}` in event message | printed literally; event data is never a template.

    And what is one, by an administrator, ends at the same size on every machine.
    """
    assert len(rendered("{{ a }}{{ b }}", a="x" * (MAX_OUTPUT - 1), b="y")) == MAX_OUTPUT
    for source in ("{{ a }}{{ b }}{{ b }}", "{% for one in many %}{{ a }}{% endfor %}"):
        with pytest.raises(TemplateRefused, match="characters of output"):
            rendered(source, a="x" * (MAX_OUTPUT - 1), b="y", many=range(10_000_000 // MAX_OUTPUT))
    assert MAX_OUTPUT <= 1_000_000


@pytest.mark.parametrize("source", ["{{ 'a' * 10**9 }}", "{{'a'*10**9}}", "{{ '%1000000000s' % 1 }}"])
def test_f43_what_grows_by_one_operator_cannot_be_written(source: str) -> None:
    """F43: `{{7*7}}`, `{% … %}`, `${…}` in event message | printed literally; event data is never a template.

    And what is one, by an administrator, has no operator that could make a gigabyte of one letter.
    """
    with pytest.raises(TemplateRefused, match="is not allowed"):
        parse(new_environment(), source)
