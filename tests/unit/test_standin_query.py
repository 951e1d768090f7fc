"""Encoded queries select the rows that their words say, whatever the values hold."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.local.standins import servicenow
from shared.local.standins.servicenow import ServiceNow
from shared.local.standins.servicenow.query import Query, parse
from shared.local.standins.servicenow.store import Database

VALUES = ("a", "A", "b%", "b_", "c\\", "", "it's", "x y", "INx", "1=1")
_OPERATORS = {
    "=": lambda have, want: have.lower() == want.lower(),
    "!=": lambda have, want: have.lower() != want.lower(),
    "IN": lambda have, want: have.lower() in want.lower().split(","),
    "STARTSWITH": lambda have, want: have.lower().startswith(want.lower()),
    "ENDSWITH": lambda have, want: have.lower().endswith(want.lower()),
    "LIKE": lambda have, want: want.lower() in have.lower(),
    "NOT LIKE": lambda have, want: want.lower() not in have.lower(),
}
TERM = st.tuples(
    st.sampled_from(["correlation_id", "category"]), st.sampled_from(sorted(_OPERATORS)), st.sampled_from(VALUES)
)


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    made = Database(":memory:", {})
    for key in VALUES:
        for category in VALUES[:4]:
            made.insert("incident", {"correlation_id": key, "category": category}, "test")
    yield made
    made.close()


def text(term: tuple[str, str, str]) -> str:
    return "".join(term)


def holds(row: dict[str, str], term: tuple[str, str, str]) -> bool:
    field, operator, value = term
    return _OPERATORS[operator](row[field], value)


@given(
    groups=st.lists(st.lists(st.lists(TERM, min_size=1, max_size=2), min_size=1, max_size=3), min_size=1, max_size=2)
)
def test_any_query_finds_what_its_words_say(database: Database, groups: list[list[list[tuple[str, str, str]]]]) -> None:
    query = "^NQ".join("^".join("^OR".join(map(text, clause)) for clause in group) for group in groups)
    everything = database.find("incident", Query("1", (), "seq", invalid=False), -1, 0)
    wanted = [
        row["sys_id"]
        for row in everything
        if any(all(any(holds(row, term) for term in clause) for clause in group) for group in groups)
    ]
    parsed = parse(query, "incident", database.tables)
    assert not parsed.invalid
    assert [row["sys_id"] for row in database.find("incident", parsed, -1, 0)] == wanted


@given(st.text(max_size=60))
def test_no_text_at_all_breaks_the_parser_or_the_database(database: Database, query: str) -> None:
    parsed = parse(query, "incident", database.tables)
    assert len(database.find("incident", parsed, 5, 0)) <= 5


@pytest.mark.parametrize("query", ["nosuch=1", "state~1", "STATE=1", "state", "x'; DROP TABLE incident; --=1"])
def test_a_part_that_is_not_understood_is_dropped_and_noted(database: Database, query: str) -> None:
    parsed = parse(f"{query}^correlation_id=it's", "incident", database.tables)
    assert parsed.invalid
    assert len(database.find("incident", parsed, -1, 0)) == 4


def test_an_app_keeps_what_people_do_without_policies() -> None:
    app: ServiceNow = servicenow.new_app()
    sys_id = app.insert("incident", {"correlation_id": "k"})
    app.change("incident", sys_id, {"state": "7"}, user="agent")
    (row,) = app.records("incident")
    assert (row["state"], row["active"], row["sys_updated_by"]) == ("7", "false", "agent")
    app.remove("incident", sys_id)
    assert app.records("incident") == []
    with pytest.raises(KeyError):
        app.change("incident", sys_id, {})
    app.close()
