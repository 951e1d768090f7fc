"""Templates of a small grammar: each is refused in words, or renders within what is counted; nothing else happens."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared.delivery import filters, printing, sandbox
from shared.delivery.sandbox import MAX_OUTPUT, MAX_STEPS, TemplateRefused, build, new_environment, parse, run
from tests.support.examples import examples

_ATOMS = st.sampled_from(
    ["x", "long", "n", "m", "t", "none", "nothing", "a", "b", "''", "'ab'", "'{{ x }}'", "0", "-1", "7", "1.5", "1e400",
     "[]", "true", "m.k", "m['k']", "x[0]", "long.upper", "m._k"]
)  # fmt: skip
_ARGUMENTS = st.sampled_from(["", "", "(3)", "('k')", "(long)", "('a', long)", "('', '')", "(n)", "(x)", "(-1)", "(m)"])
_SLICES = st.sampled_from(["[1:3]", "[::2]", "[::-1]", "[::0]", "[:n]", "['k']", "[99]", "[x]", ".k", ".k.k"])
_JOINTS = st.sampled_from([" + ", " - ", " == ", " < ", " in ", " and ", " or ", ", ", " ~ ", " * ", " % "])
_TESTS = st.sampled_from([" is defined", " is none", " is even", " is string", " is in x", " is sameas x"])


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    names = st.sampled_from([*filters.FILTERS, "attr", "_counted"])
    return st.one_of(
        st.builds("({}{}{})".format, inner, _JOINTS, inner),
        st.builds("({} | {}{})".format, inner, names, _ARGUMENTS),
        st.builds("({} | {}{} | {})".format, inner, names, _ARGUMENTS, names),
        st.builds("{}{}".format, inner, _SLICES),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("({}{})".format, inner, _TESTS),
        st.builds("[{}, {}, {}]".format, inner, inner, inner),
        st.builds("(not {})".format, inner),
    )


_EXPRESSIONS = st.recursive(_ATOMS, _larger, max_leaves=8)


def _around(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{}{}".format, inner, inner),
        # Each turn of a loop prints `tick`, which counts how often: by itself, not by what the sandbox counts.
        st.builds("{{% for {} in {} %}}{{{{ tick }}}}{}{{% endfor %}}".format, st.sampled_from("ab"), _LISTS, inner),
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, _EXPRESSIONS, inner, inner),
    )


_LISTS = st.sampled_from(["x", "x", "x", "long", "m", "[n, n]", "x[:9]"]) | _EXPRESSIONS
_PRINTED = st.builds("{{{{ {} }}}}".format, _EXPRESSIONS)
_TEMPLATES = st.recursive(
    _PRINTED | st.sampled_from(["", "text", "{{ long }}", "{{ x | json }}"]), _around, max_leaves=6
)


def test_the_page_names_every_limit(root: Path) -> None:
    page = (root / "docs" / "mapping.md").read_text(encoding="utf-8")
    limits = {name: value for name, value in vars(sandbox).items() if name.startswith("MAX_")}
    assert limits.keys() == {"MAX_SOURCE", "MAX_OUTPUT", "MAX_STEPS", "MAX_DEPTH", "MAX_LOOPS"}
    named = {f"`{name}`": value for name, value in limits.items()}
    for name, value in {**named, "weight of JSON": printing._MAX_JSON, "`join`": filters._MAX_ITEMS}.items():
        assert f"| {name} | {value:,}" in page


class _Tick(int):
    """A number that counts how often it is printed."""

    printed: int = 0

    def __str__(self) -> str:
        self.printed += 1
        return "1"


def _context(tick: _Tick) -> dict[str, Any]:
    """Return what templates work on: a list, a long text, a number, an object, a time."""
    return {
        "x": list(range(100)), "long": "a" * 30_000, "n": 5, "m": {"k": "v", "x": [1]},
        "t": datetime(2026, 1, 1, tzinfo=UTC), "tick": tick,
    }  # fmt: skip


def _rendered(source: str, tick: _Tick) -> tuple[str, list[Any]]:
    """Return what a template prints, and the counters of steps that were made for it. Raises TemplateRefused."""
    counters: list[Any] = []

    class Kept(sandbox._Steps):
        __slots__ = ()

        def __init__(self) -> None:
            super().__init__()
            counters.append(self)

    environment = new_environment()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sandbox, "_Steps", Kept)
        return run(build(environment, parse(environment, source)), _context(tick)), counters


@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_TEMPLATES)
@example("{% for a in x %}{{ long }}{% endfor %}")
@example("{% for a in x %}{% for b in x %}{% for a in x %}{{ tick }}{% endfor %}{% endfor %}{% endfor %}")
@example("{{ [long, [long, long, long], m] | json | upper | indent(3) }}")
def test_a_template_is_refused_or_stays_within_what_is_counted(source: str) -> None:
    tick = _Tick(1)
    try:
        text, (counter,) = _rendered(source, tick)
    except TemplateRefused as refused:
        text, said = "", refused.message
    else:
        said = ""
        assert 0 <= counter.left <= MAX_STEPS
    assert "aaaa" not in said, "what is said of a template holds no event data"
    assert len(text) <= MAX_OUTPUT
    assert tick.printed <= MAX_STEPS


def test_the_grammar_makes_templates_of_both_kinds() -> None:
    """Or the property would show nothing: one that works hard, and one that is stopped."""
    tick = _Tick(1)
    text, (counter,) = _rendered("{% for a in x %}{% for b in x[:90] %}{{ tick }}{% endfor %}{% endfor %}", tick)
    assert (len(text), tick.printed, counter.left) == (9000, 9000, MAX_STEPS - 9100)
    with pytest.raises(TemplateRefused, match="more than 10000 steps"):
        _rendered("{% for a in x %}{% for b in x %}{{ tick }}{% endfor %}{% endfor %}", tick := _Tick(1))
    assert 9000 < tick.printed <= MAX_STEPS


NOTHING = ["{{ [] | first }}", "{% for a in x %}{{ '' | first }}{% endfor %}", "{{ [] | last }}"]


@pytest.mark.parametrize("source", NOTHING)
def test_the_end_of_nothing_is_refused_in_words(source: str) -> None:
    with pytest.raises(TemplateRefused, match="cannot work"):
        _rendered(source, _Tick(1))


@pytest.mark.parametrize("number", ["1e400", "-1e999"])
def test_a_number_without_end_cannot_be_written(number: str) -> None:
    with pytest.raises(TemplateRefused, match="number that is too long"):
        _rendered(f"{{{{ {number} }}}}", _Tick(1))
