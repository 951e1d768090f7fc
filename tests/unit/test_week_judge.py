"""The judge of simulated weeks: an ideal answer has no mistakes, and each kind of mistake in it is counted."""

from dataclasses import replace

import pytest

from tests.support.week.judge import Judgement, Told, figures, judge, kinds, worst
from tests.support.week.report import Judged, text, worst_figures
from tests.support.week.truth import HOUR, MINUTE, Problem, Truth

T = 1_788_134_400.0
END = T + 24 * HOUR


def truth() -> Truth:
    """A node that takes two pods with it, a crash loop after a roll-out, a hiccup, and planned work with its pod."""
    made = Truth()
    node = made.begin(T, "Node/n1: lost", ["Node/n1"], ("not ready",), severity="critical", tell_within=3 * MINUTE)
    pods = [
        made.begin(T, f"Pod/shop/{name}: on the lost node", [f"Pod/shop/{name}"], (), cause=node) for name in ("a", "b")
    ]
    loop = made.begin(
        T + HOUR, "Deployment/shop/web: crashes", ["Deployment/shop/web", "Pod/shop/web-1"], ("crash",),
        severity="high", change="Deployment/shop/web 1.2",
    )  # fmt: skip
    hiccup = made.begin(T + 2 * HOUR, "Pod/shop/c: a hiccup", ["Pod/shop/c"], (), wanted="noise")
    planned = made.begin(T + 3 * HOUR, "Node/n2: updated", ["Node/n2"], (), wanted="planned", change="CHG1")
    moved = made.begin(T + 3 * HOUR, "Pod/shop/d: moved", ["Pod/shop/d"], (), cause=planned)
    for problem in (node, *pods, loop, hiccup, planned, moved):
        problem.ended = problem.began + 30 * MINUTE
    return made


def ticket(problem: Problem, thing: str, text: str, **changes: object) -> Told:
    """Return the ideal ticket of a problem, with changes."""
    assert problem.ended is not None
    ideal = Told(
        id=f"{problem.number}-{thing}",
        things=(thing,),
        text=text,
        severity=problem.severity,
        spans=((problem.began + 60, problem.ended + 60),),
        suspects=(problem.change.partition(" ")[0],) if problem.change else (),
    )
    return replace(ideal, **changes)  # type: ignore[arg-type]


def ideal(of: Truth) -> list[Told]:
    node, _, _, loop, *_ = of.problems
    return [
        ticket(node, "Node/n1", "node n1 is not ready"),
        ticket(loop, "Pod/shop/web-1", "crash-loop container web crashes"),
    ]


def judged(*more: Told, instead: list[Told] | None = None, end: float = END) -> Judgement:
    """Judge the ideal answer with more tickets, or other ones instead."""
    of = truth()
    return judge(of, [*(ideal(of) if instead is None else instead), *more], end)


def test_an_ideal_answer_has_no_mistakes() -> None:
    found = judged()
    assert (found.precision, found.recall, found.per_problem) == (1.0, 1.0, 1.0)
    assert (found.left_open, found.late, found.closed_late, found.closed_early, found.wrong_cause) == (0, 0, 0, 0, 0)
    assert (found.severity_as_wanted, found.suspects_named) == (2, 1)
    assert found.mistakes == []


def test_no_answer_at_all_misses_every_problem() -> None:
    found = judged(instead=[])
    assert (found.recall, found.precision) == (0.0, 1.0)
    assert kinds(found) == {"missed": 2}


def test_a_problem_without_a_ticket_is_missed() -> None:
    found = judged(instead=ideal(truth())[:1])
    assert found.recall == 0.5
    assert [(each.kind, each.reason) for each in found.mistakes] == [("missed", "no ticket at all")]


def test_a_ticket_for_a_consequence_alone_does_not_tell_the_problem() -> None:
    of = truth()
    found = judged(instead=[ticket(of.problems[1], "Pod/shop/a", "pod a is not well"), ideal(of)[1]])
    assert (found.recall, found.precision, found.extra) == (0.5, 1.0, 1)
    assert kinds(found) == {"missed": 1, "extra": 1}
    assert "told only as: pod a is not well" in {each.reason for each in found.mistakes}


def test_a_ticket_about_something_else_on_the_same_thing_does_not_tell_the_problem() -> None:
    of = truth()
    found = judged(instead=[ticket(of.problems[0], "Node/n1", "node n1 has little memory"), ideal(of)[1]])
    assert (found.recall, found.extra) == (0.5, 1)


@pytest.mark.parametrize(("number", "thing"), [(1, "Pod/shop/a"), (0, "Node/n1")])
def test_a_second_ticket_for_a_problem_or_one_for_its_consequence_is_one_too_many(number: int, thing: str) -> None:
    of = truth()
    more = ticket(of.problems[number], thing, "not ready", id="more", spans=((T + 120, T + 1900),))
    found = judged(more)
    assert (found.extra, found.per_problem, found.precision, found.recall) == (1, 1.5, 1.0, 1.0)


@pytest.mark.parametrize(
    ("number", "thing", "why"),
    [
        (4, "Pod/shop/c", "passes by itself"),
        (5, "Node/n2", "is planned work"),
        (6, "Pod/shop/d", "its cause is planned"),
    ],
)
def test_a_ticket_that_nobody_wants_is_false_and_says_why(number: int, thing: str, why: str) -> None:
    found = judged(ticket(truth().problems[number], thing, "something happened"))
    assert (found.false, found.recall) == (1, 1.0)
    assert found.precision == pytest.approx(2 / 3)
    assert why in found.mistakes[0].reason


def test_a_ticket_where_nothing_was_wrong_is_false() -> None:
    found = judged(ticket(truth().problems[0], "Pod/shop/zzz", "not ready"))
    assert (found.false, found.mistakes[0].reason) == (1, "nothing was wrong there (Pod/shop/zzz)")


def test_a_ticket_opened_long_after_the_end_of_a_problem_is_false() -> None:
    late = (T + 5 * HOUR, T + 6 * HOUR)
    found = judged(ticket(truth().problems[0], "Node/n1", "node n1 is not ready", id="again", spans=(late,)))
    assert found.false == 1
    assert found.mistakes[0].reason.startswith("after the end of: Node/n1: lost")


def test_a_ticket_that_is_never_closed_is_left_open() -> None:
    of = truth()
    node, loop = ideal(of)
    found = judged(instead=[replace(node, spans=((T + 60, None),)), loop])
    assert (found.left_open, kinds(found)) == (1, {"left open": 1})


def test_a_false_ticket_that_is_never_closed_is_left_open_as_well() -> None:
    found = judged(ticket(truth().problems[4], "Pod/shop/c", "hm", spans=((T + 2 * HOUR, None),)))
    assert (found.false, found.left_open) == (1, 1)


def test_a_ticket_is_not_left_open_while_its_problem_lasts_nor_within_its_grace() -> None:
    of = truth()
    of.problems[0].ended = END - 5 * MINUTE
    of.problems[3].ended = None
    node, loop = ideal(truth())
    open_ones = [replace(node, spans=((T + 60, None),)), replace(loop, spans=((T + HOUR + 60, None),))]
    assert judge(of, open_ones, END).mistakes == []


def test_a_ticket_opened_later_than_people_can_wait_is_late() -> None:
    of = truth()
    node, loop = ideal(of)
    found = judged(instead=[replace(node, spans=((T + 10 * MINUTE, T + 31 * MINUTE),)), loop])
    assert (found.late, found.recall) == (1, 1.0)
    assert found.mistakes[0].reason == "10 min after it began"


def test_closing_too_late_and_too_early_are_counted() -> None:
    of = truth()
    node, loop = ideal(of)
    late = replace(node, spans=((T + 60, T + 3 * HOUR),))
    early = replace(loop, spans=((T + HOUR + 60, T + HOUR + 5 * MINUTE),))
    found = judged(instead=[late, early])
    assert (found.closed_late, found.closed_early) == (1, 1)


def test_a_ticket_that_came_back_in_time_was_not_closed_early() -> None:
    of = truth()
    node, loop = ideal(of)
    again = replace(loop, spans=((T + HOUR + 60, T + HOUR + 120), (T + HOUR + 300, T + HOUR + 31 * MINUTE)))
    assert judged(instead=[node, again]).mistakes == []


def test_a_cause_that_is_not_the_tickets_is_counted_and_the_true_one_is_not() -> None:
    of = truth()
    node, loop = ideal(of)
    consequence = ticket(of.problems[1], "Pod/shop/a", "pod a", id="a")
    assert judged(replace(consequence, cause=node.id)).wrong_cause == 0
    assert judged(replace(consequence, cause=loop.id)).wrong_cause == 1
    assert judged(replace(consequence, cause="unheard of")).wrong_cause == 1


def test_another_severity_and_a_change_that_is_not_named_are_counted() -> None:
    of = truth()
    node, loop = ideal(of)
    found = judged(instead=[replace(node, severity="low"), replace(loop, suspects=("Deployment/shop/api",))])
    assert (found.severity_as_wanted, found.suspects_named, found.suspects_wanted) == (1, 0, 1)


def test_the_words_of_a_problem_decide_where_two_go_on_at_one_thing() -> None:
    of = truth()
    disk = of.begin(T + 10 * MINUTE, "Node/n1: no disk", ["Node/n1"], ("disk",))
    disk.ended = T + 20 * MINUTE
    first = ticket(of.problems[0], "Node/n1", "node n1 is not ready", id="1", spans=((T + 660, T + 1900),))
    second = ticket(disk, "Node/n1", "node n1 has no disk", id="2")
    found = judge(of, [first, second, ideal(of)[1]], END)
    assert (found.right, found.extra, found.false) == (3, 0, 0)


def test_mistakes_of_one_kind_are_shown_together_the_gravest_first() -> None:
    of = truth()
    for name in ("api", "web-2", "cache", "feed", "ledger-1"):
        problem = of.begin(T, f"Deployment/shop/{name}: crashes", [f"Deployment/shop/{name}"], ("crash",))
        problem.ended = T + HOUR
    found = judge(of, [*ideal(of), ticket(of.problems[4], "Pod/shop/c", "hm")], END)
    rows = worst(found)
    assert [(kind, count) for kind, count, _, _ in rows] == [("missed", 5), ("false", 1)]
    assert dict(figures(found))["recall"] == "0.2857"


def test_of_several_seeds_the_worst_of_each_figure_is_reported() -> None:
    good = Judged(1, 10, 10, judged())
    missing = Judged(2, 10, 10, judged(instead=ideal(truth())[:1]))
    false = Judged(3, 10, 10, judged(ticket(truth().problems[4], "Pod/shop/c", "hm", spans=((T + 2 * HOUR, None),))))
    assert worst_figures([good]) == (1.0, 1.0, 1.0, 0)
    assert worst_figures([good, missing, false]) == (pytest.approx(2 / 3), 0.5, 1.0, 1)
    assert "2 x missed" not in text(missing)
    assert "1 x missed: Deployment/shop/web: crashes" in text(missing)
