"""The second pass on outgoing bytes: what never passed our edge is masked before it leaves too."""

import asyncio
import json
from pathlib import Path

import pytest

from shared.delivery.mapping import Mapping, render
from shared.delivery.mapping_file import read_text
from shared.events.outcome import Done
from shared.local.standins import splunk
from shared.runtime.function import Call
from shared.telemetry.metrics import Metrics
from tests.support.incidents import instance
from tests.support.records import classified, classified_event
from tests.support.servers import serve
from tests.support.tickets import episode

SENTINEL = "S3ntinel0123456789abcdefSENTINEL"
LEAK = f"cannot log in with password={SENTINEL} at https://bob:{SENTINEL}@db.example/x"


def test_f41_a_posted_event_with_a_password_reaches_splunk_masked() -> None:
    """F41: Secret object event, incl. last-applied annotation, `stringData`, nested in List/CR.

    no value leaves the process: ticket, SIEM, log, trace, metric, DLQ header; key names kept.
    """
    from functions.siem_forwarder.handler import new

    app = splunk.new_app()

    async def work(url: str) -> None:
        function = new({"SPLUNK_HEC_URL": url, "SPLUNK_TOKEN": "tidings-hec-token"}, Metrics())
        await function.start()
        event = classified_event(classified(message=LEAK))
        result = await function.handle(event, Call(asyncio.get_running_loop().time() + 5))
        assert result.outcome == Done()
        await function.stop()

    with serve(app) as url:
        asyncio.run(work(url))
    (stored,) = app.events()
    assert "cannot log in with password=[masked]" in stored["event"]["message"]
    assert stored["event"]["problem_key"]
    assert SENTINEL not in json.dumps(stored)
    app.close()


def test_f41_a_posted_episode_with_a_password_reaches_servicenow_masked() -> None:
    """F41: Secret object event, incl. last-applied annotation, `stringData`, nested in List/CR.

    no value leaves the process: ticket, SIEM, log, trace, metric, DLQ header; key names kept.
    """
    with instance() as sn:
        sn.play(lambda deliver: deliver(episode(message=LEAK, summary=LEAK)))
        (row,) = sn.incidents()
        assert "password=[masked]" in row["short_description"]
        assert "password=[masked]" in row["description"]
        assert len(row["short_description"]) <= 160
        assert SENTINEL not in json.dumps(row)


def mapping(fields: str) -> Mapping:
    read = read_text(f"operations:\n  record:\n    {fields}\n", "m")
    assert isinstance(read, Mapping), read
    return read


@pytest.mark.parametrize("field", ["a: {from: observation.original}", "a: {from: observation}"])
def test_f41_a_structure_taken_over_is_masked_by_its_keys(field: str) -> None:
    """F41: Secret object event, incl. last-applied annotation, `stringData`, nested in List/CR.

    no value leaves the process: ticket, SIEM, log, trace, metric, DLQ header; key names kept.
    """
    one = classified(original={"spec": {"db-password": SENTINEL, "pin_token": 81549300}})
    sent = json.dumps(render(mapping(field), "record", {"observation": one.observation, "verdict": one.verdict}))
    assert SENTINEL not in sent
    assert "81549300" not in sent
    assert "db-password" in sent


def test_a_mask_that_is_longer_than_the_secret_is_still_cut() -> None:
    one = classified(message="password=x")
    context = {"observation": one.observation, "verdict": one.verdict}
    fields = mapping("a: {from: observation.message, max: 12}\n    key: {from: observation.reason}")
    assert render(fields, "record", context) == {"a": "password=[m…", "key": one.observation.reason}


def test_what_holds_no_secret_is_left_as_it_is(root: Path) -> None:
    from functions.siem_forwarder.record import hec_object
    from shared.delivery.mapping import load_mapping

    shipped = load_mapping(root / "functions" / "siem_forwarder" / "mapping.yaml")
    assert isinstance(shipped, Mapping)
    made = hec_object(classified(), shipped, index="", sourcetype="")
    assert isinstance(made, dict)
    assert "[masked]" not in json.dumps(made)
