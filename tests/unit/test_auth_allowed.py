"""What a sender that is known may send: its paths, sources and types."""

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.auth.allowed import EVERYTHING, Allowances, _fit

TEXT = """
# who                     what
falco                     path=/falco
system:serviceaccount:*:watch  source=https://10.96.0.1:443 type=dev.knative.apiserver.* type=dev.tidings.observed.v1
ci path=/ source=ci/a; ci path=/ source=ci/b   # two entries
"""


def test_entries_are_lines_or_parts_between_semicolons() -> None:
    assert len(Allowances.parse(TEXT).entries) == 4
    assert Allowances.parse("a;b").entries == Allowances.parse("a\nb\n").entries


def test_who_is_in_no_entry_may_send_nothing() -> None:
    assert Allowances.parse(TEXT).of("mallory", "/falco") is None
    assert Allowances.parse(TEXT).of("falco2", "/falco") is None
    assert Allowances.parse(TEXT).of("", "/falco") is None


def test_a_sender_is_held_to_its_path() -> None:
    assert Allowances.parse(TEXT).of("falco", "/falco") is not None
    assert Allowances.parse(TEXT).of("falco", "/audit") is None
    assert Allowances.parse(TEXT).of("falco", "/") is None


def test_a_sender_is_held_to_its_sources_and_types() -> None:
    allowed = Allowances.parse(TEXT).of("system:serviceaccount:tidings:watch", "/")
    assert allowed is not None
    assert allowed.may_send("https://10.96.0.1:443", "dev.knative.apiserver.resource.add")
    assert allowed.may_send("https://10.96.0.1:443", "dev.tidings.observed.v1")
    assert not allowed.may_send("https://10.96.0.1:4433", "dev.tidings.observed.v1")
    assert not allowed.may_send("https://10.96.0.1:443", "dev.tidings.problem.opened.v1")


def test_several_entries_of_one_sender_add_up() -> None:
    allowed = Allowances.parse(TEXT).of("ci", "/")
    assert allowed is not None
    assert [allowed.may_send(source, "t") for source in ("ci/a", "ci/b", "ci/c")] == [True, True, False]


def test_without_a_setting_everything_may_be_sent() -> None:
    assert EVERYTHING.may_send("", "")


@pytest.mark.parametrize("text", ["falco /falco", "falco path=", "falco paths=/falco", "falco =x", " # nobody", ";"])
def test_what_is_no_entry_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"takes SENDER|names no sender"):
        Allowances.parse(text)


@given(st.text("ab*", max_size=8), st.text("ab", max_size=10))
def test_a_star_is_any_text_and_the_rest_is_itself(pattern: str, text: str) -> None:
    assert _fit(pattern, text) == (re.match(fnmatch.translate(pattern), text) is not None)
