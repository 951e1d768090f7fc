"""`tidings validate` tells every mistake in a mapping at once, of whichever destination and kind, with its line."""

from pathlib import Path

import pytest

from shared.cli.checked import check
from shared.runtime.registry import FUNCTIONS

MISTAKEN = {
    "servicenow_incident": """\
destination: servicenow_incident
operations:
  open:
    short_descripton: x
    impact: high
    state: "2"
    u_node: "{{ episode.hosst }}"
    subcategory: {value: "{{ episode.subcategory }}", max: 99}
""",
    "servicenow_security": """\
destination: servicenow_security
operations:
  open:
    descripton: x
    observables: {fields: {"IP address (V4)": '{{ episode | observables("ipv5") }}'}}
    number: "2"
    u_node: "{{ episode.hosst }}"
""",
    "servicenow_change": """\
destination: servicenow_change
operations:
  open:
    justificaton: x
    type: normale
    state: "2"
    u_node: "{{ episode.host }}"
""",
    "servicenow_event": """\
destination: servicenow_event
operations:
  open:
    nodee: x
    severity: "9"
    message_key: k
    u_own: y
    description: {value: "{{ episode.summary }}", max: 5000}
""",
    "glpi_ticket": """\
destination: glpi_ticket
operations:
  open:
    name: {value: "{{ episode.summary }}", max: 300}
    urgencey: "3"
    impact: high
    type: "3"
    status: "2"
""",
    "siem_forwarder": """\
destination: siem_forwarder
operations:
  record:
    event: {fields: {event_id: x, count: {value: many, type: number}}}
    host: "{{ observation.clustr }}"
    source: {value: "{{ observation.kind", max: 9}
  audit:
    wherever: x
""",
    "elastic_forwarder": """\
destination: elastic_forwarder
operations:
  record:
    _index: Logs-K8s
    event: {fields: {severity: high, id: x}}
    event.risk_score: much
    message: "{{ episode.summary }}"
""",
    "qradar_forwarder": """\
destination: qradar_forwarder
operations:
  record:
    severity: "11"
    lef: {fields: {a: b}}
    leef: {fields: {two words: x, eventId: y}}
    cef: {fields: {a b: x}}
""",
    "webhook": """\
destination: webhook
operations:
  open:
    method: GET
    url: problems
    body: "{{ episode.idd }}"
    notable: perhaps
    hedders: {fields: {a: b}}
""",
}
"""What somebody wrote, by destination."""
WANTED = {
    "servicenow_incident": [
        "4: field `short_descripton` is none that is known",
        "5: field `impact`: the system does not take `high` here",
        "6: field `state` is set by Tidings or by the system alone",
        "7: `episode` has no `hosst`",
        "8: field `subcategory`: the system takes at most 40 characters here",
    ],
    "servicenow_security": [
        "0: there is no kind of observables `ipv5`: *",
        "4: field `descripton` is none that is known",
        "6: field `number` is set by Tidings or by the system alone",
        "7: `episode` has no `hosst`",
    ],
    "servicenow_change": [
        "4: field `justificaton` is none that is known",
        "5: field `type`: the system does not take `normale` here",
        "6: field `state` is set by Tidings or by the system alone",
        "7: there is no `episode` here",
    ],
    "servicenow_event": [
        "4: an operation has no member `nodee`",
        "5: field `severity`: the system does not take `9` here",
        "6: field `message_key` is set by Tidings or by the system alone",
        "7: an operation has no member `u_own`",
        "8: field `description`: the system takes at most 4000 characters here",
    ],
    "glpi_ticket": [
        "4: field `name`: the system takes at most 255 characters here",
        "5: field `urgencey` is none that is known",
        "6: field `impact`: the system does not take `high` here",
        "7: field `type`: the system does not take `3` here",
        "8: field `status` is set by Tidings or by the system alone",
    ],
    "siem_forwarder": [
        "0: field `wherever` is none of `audit`: *",
        "4: field `event.count`: `many` does not have the type that is asked for",
        "4: field `event.event_id` is set by Tidings or by the system alone",
        "5: `observation` has no `clustr`",
        "6: *",
    ],
    "elastic_forwarder": [
        "4: field `_index`: the system takes no `Logs-K8s` here",
        "5: field `event.id` is set by Tidings or by the system alone",
        "5: field `event.severity`: `high` is no number, *",
        "6: field `event.risk_score`: `much` is no number, *",
        "7: there is no `episode` here",
    ],
    "qradar_forwarder": [
        "0: `cef.a b` is no key: it must be one word",
        "0: `leef.two words` is no key: it must be one word",
        "4: field `severity`: the system does not take `11` here",
        "5: an operation has no member `lef`",
        "6: field `leef.eventId` is set by Tidings or by the system alone",
    ],
    "webhook": [
        "0: open: `method` must be one of POST, PUT, PATCH, DELETE",
        "0: open: `url` must be a path that begins with / or ?",
        "6: `episode` has no `idd`",
        "7: field `notable`: the system takes no `perhaps` here",
        "8: an operation has no member `hedders`",
    ],
}
"""What is wrong with it, by line; where nothing but the beginning counts, a star stands for the rest."""


def test_every_destination_is_tried() -> None:
    assert sorted(MISTAKEN) == sorted(name for name, one in FUNCTIONS.items() if one.destination is not None)


@pytest.mark.parametrize("name", sorted(MISTAKEN))
def test_all_mistakes_are_told_at_once(name: str, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(MISTAKEN[name])
    found = [f"{one.line}: {one.message}" for one in check([own]).problems]
    assert len(found) == len(WANTED[name]), found
    for one, wanted in zip(found, WANTED[name], strict=True):
        assert one.startswith(wanted.removesuffix("*")) if wanted.endswith("*") else one == wanted


@pytest.mark.parametrize("name", ["u_short_description", "work_notes_list", "business_service", "x_impact", "comments"])
def test_a_column_that_only_the_instance_knows_is_no_mistake(name: str, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(f"destination: servicenow_incident\noperations:\n  open: {{{name}: '1'}}\n")
    assert check([own]).problems == []
