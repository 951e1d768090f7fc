"""Extension attributes: always all set, bounded, and fit to be headers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import attributes
from shared.events.attributes import NONE, clean
from shared.events.cloudevent import CloudEvent
from shared.events.codec import decode, encode_binary, encode_structured
from shared.events.model import ObjectRef
from tests.support.records import classified

ALL = {
    *("cluster", "category", "subcategory", "severity", "phase", "reason", "kind"),
    *("namespace", "name", "problemkey", "partitionkey"),
}
NASTY = st.text(max_size=400) | st.sampled_from(
    ["", " ", "a\r\nkne-reason: forged", "x\x00y", "\u2028", "\ud800", "é" * 300, "a" * 255 + " b", "\t", "\x7f"]
)


def of(**changes: Any) -> dict[str, str]:
    found = classified(**changes)
    return attributes.of(found.observation, found.verdict)


def test_the_list_of_names_is_what_events_have() -> None:
    assert sorted(attributes.NAMES) == sorted(of())


def test_all_are_set_and_say_what_it_is() -> None:
    assert of() == {
        "cluster": "prod",
        "category": "infrastructure",
        "subcategory": "pod",
        "severity": "high",
        "phase": "problem",
        "reason": "BackOff",
        "kind": "Pod",
        "namespace": "shop",
        "name": "api-0",
        "problemkey": "k-1",
        "partitionkey": of()["partitionkey"],
    }
    assert of()["partitionkey"].isalnum()


def test_what_has_no_value_is_a_dash() -> None:
    """An absent attribute would make filters behave differently by broker."""
    found = classified(object=ObjectRef(kind="Node", name="worker-3"), reason="", cluster="")
    made = attributes.of(found.observation, found.verdict.model_copy(update={"problem_key": ""}))
    assert made.keys() == ALL
    assert [made[name] for name in ("namespace", "reason", "cluster", "problemkey")] == [NONE] * 4
    assert made["partitionkey"]


@given(NASTY, NASTY, NASTY)
def test_f46_no_attribute_can_break_out_of_its_header(cluster: str, reason: str, name: str) -> None:
    """F46: CE attribute with CR/LF to a response or dead letter header: rejected or percent-encoded."""
    writable = name.encode("utf-8", "ignore").decode()  # a key is a hash over UTF-8; decoders let no other text in
    made = of(
        cluster=cluster.encode("utf-8", "ignore").decode(),
        reason=reason,
        object=ObjectRef(kind="Pod", namespace=writable, name=writable, uid="u"),
    )
    assert made.keys() == ALL
    for value in made.values():
        assert 0 < len(value) <= 256
        assert value.isprintable()
        assert value == value.strip(), "a header would lose the spaces, and a filter would differ by transport"


@given(NASTY)
def test_attributes_come_through_both_wire_forms_as_they_were(text: str) -> None:
    made = of(reason=text)
    event = CloudEvent("1", "s", "t", extensions=made, data={})
    for encode in (encode_binary, encode_structured):
        headers, body = encode(event)
        decoded = decode(dict(headers), body)
        assert isinstance(decoded, CloudEvent)
        assert decoded.extensions == made


@pytest.mark.parametrize(
    ("value", "expected"),
    [("plain", "plain"), ("", "-"), ("\r\n", "-"), ("a\r\nb", "a  b"), ("  a  ", "a"), ("a" * 300, "a" * 256)],
)
def test_a_value_is_cleaned(value: str, expected: str) -> None:
    assert clean(value) == expected
