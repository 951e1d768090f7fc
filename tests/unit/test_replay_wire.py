"""What a replay and its process say to each other comes out as it went in."""

from hypothesis import example, given
from hypothesis import strategies as st

from shared.events.line_cutter import LineCutter
from shared.events.outcome import Done, Duplicate, Ignored, InProgress, Outcome, Rejected, Retry
from shared.runtime.replay_wire import answers_line, answers_of, problems_of, start_line

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
OUTCOMES = st.one_of(
    st.builds(Done),
    st.builds(Duplicate),
    st.builds(InProgress),
    st.builds(Ignored, TEXTS),
    st.builds(Retry, TEXTS, st.none() | st.floats(0, 60), st.booleans()),
    st.builds(Rejected, TEXTS, TEXTS),
)


@given(st.lists(st.tuples(st.integers(0, 2**40), OUTCOMES), max_size=20))
def test_answers_come_out_as_they_went_in(answers: list[tuple[int, Outcome]]) -> None:
    (line,) = LineCutter().feed(answers_line(answers))
    assert answers_of(line) == answers


@given(st.lists(TEXTS, max_size=5))
@example(["a/\udcff cannot be read"])  # a file's name that is no UTF-8
def test_how_a_start_ended_comes_out_as_it_went_in(problems: list[str]) -> None:
    (line,) = LineCutter().feed(start_line(problems))
    assert problems_of(line) == problems
