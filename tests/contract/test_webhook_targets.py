"""The ready mappings: what each target is sent is what its public format wants, judged by code that is not ours."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import jsonschema
import pagerduty
import pytest
from slack_sdk.models.blocks import Block
from slack_sdk.webhook import WebhookClient

from functions.webhook.settings import READY
from shared.events.cloudevent import DELIVERY, CloudEvent
from shared.events.delivery import DeliveryReport
from shared.events.episode import Episode
from shared.events.outcome import Done, Ignored, Rejected
from shared.local.standins import webhook
from shared.local.standins.faults import Rule
from shared.runtime.function import Call, Result
from tests.support.rigs.place import Delivering, Place, placed
from tests.support.rigs.webhook import Notices
from tests.support.tickets import START, episode, resolved

HOSTILE = 'a "quoted" <!channel> & <https://evil.example|log in> [x](https://evil.example) *bold*\n\\'
LONG = "no space left on device; " * 4000
KEY = "0123456789abcdef0123456789abcdef"
PATHS = {
    "slack": "/services/T0/B0/x",
    "teams": "/workflows/1/triggers/manual/paths/invoke?sig=abc",
    "pagerduty": "/v2/enqueue",
    "alertmanager": "",
    "jira": "/jsm/ops/integration/v2/alerts",
    "servicenow": "/api/now/import/u_tidings",
    "glpi": "",
}
LIFE = (
    episode(),
    episode(2, transition="updated", severity="critical"),
    resolved(3, severity="critical"),
    episode(4, transition="reopened", reopened=1, severity="critical"),
    resolved(5, reopened=1, severity="critical"),
)
OPERATIONS = ("open", "update", "resolve", "reopen", "resolve")


@contextmanager
def at(name: str, **settings: str) -> Iterator[Place[Notices]]:
    """Serve a stand-in that is this target, and lead the function to it."""
    with placed(Notices()) as place:
        place.app.options = webhook.Options(token="")
        own = {"WEBHOOK_URL": f"{place.url}{PATHS[name]}", "WEBHOOK_MAPPING": name, "WEBHOOK_TOKEN": KEY}
        place.settings = {**own, **settings}
        yield place


def told(place: Place[Notices], *snapshots: Episode) -> list[Any]:
    async def main(deliver: Delivering) -> list[Any]:
        return [(await deliver(one)).outcome for one in snapshots]

    return place.play(main)


def bodies(name: str, *snapshots: Episode) -> list[Any]:
    with at(name) as place:
        assert told(place, *snapshots) == [Done()] * len(snapshots)
        return [one["body"] for one in place.app.notices()]


def hostile() -> Episode:
    return episode(summary=HOSTILE, message=HOSTILE, why=HOSTILE, runbook="https://run.example/a?b=<c>&d|e")


def test_there_is_a_test_for_each_ready_mapping() -> None:
    """Of `ocsf`, which tells of observations, it is test_ocsf.py."""
    assert {path.stem for path in READY.glob("*.yaml")} == {*PATHS, "ocsf"}


@pytest.mark.parametrize("name", sorted(PATHS))
def test_a_ready_mapping_tells_the_life_of_an_episode_and_its_target_takes_it(name: str) -> None:
    with at(name) as place:
        found = told(place, *LIFE)
        if name == "glpi":  # it opens and does no more
            assert [type(one) for one in found] == [Done, *[Ignored] * 4]
        else:
            assert found == [Done()] * 5
        assert len({one["key"] for one in place.app.notices()}) == len(place.app.notices())


@pytest.mark.parametrize("name", sorted(PATHS))
def test_what_is_very_long_or_hostile_is_taken_too(name: str) -> None:
    with at(name) as place:
        long = episode(summary=LONG[:2000], message=LONG, why=LONG[:3000], id="episode-2")
        assert told(place, hostile(), long) == [Done(), Done()]


@pytest.mark.parametrize("name", sorted(PATHS))
def test_no_answer_but_the_targets_own_is_success(name: str) -> None:
    """F12: sink 200 with HTML login page / empty body: treated as failure (content-type + shape check), not Done."""
    with at(name) as place:
        place.app.faults.set([Rule(do="html", count=2)])
        assert told(place, episode()) != [Done()]


# Slack.


def blocks(body: Any) -> None:
    """Have Slack's own models look at the blocks; they raise where one is wrong."""
    for block in Block.parse_all(body["blocks"]):
        block.validate_json()
    assert [block.to_dict() for block in Block.parse_all(body["blocks"])] == body["blocks"]


@pytest.mark.parametrize("snapshot", [*LIFE, hostile(), episode(message=LONG, summary=LONG[:2000])])
def test_slacks_own_models_take_the_blocks(snapshot: Episode) -> None:
    for body in bodies("slack", *([episode()] if snapshot.revision > 1 else []), snapshot):
        blocks(body)


def test_in_slack_an_event_can_neither_wake_a_channel_nor_make_a_link() -> None:
    (body,) = bodies("slack", hostile())
    text = json.dumps(body)
    assert "<!channel>" not in text
    assert "<https://evil.example" not in text
    assert "&lt;!channel&gt; &amp; " in text
    assert "<https://run.example/a?b=&lt;c&gt;&amp;d|e|Runbook>" in text, "what is ours is a link"


def test_slacks_own_client_takes_our_stand_in_for_slack() -> None:
    with at("slack") as place:
        client = WebhookClient(f"{place.url}{PATHS['slack']}")
        answer = client.send(text="x")
        assert (answer.status_code, answer.body) == (200, "ok")
        assert client.send(text="").body == "no_text"
        assert client.send(text="x", blocks=[{"type": "section"}]).body == "invalid_blocks"
        assert client.send_dict({}).status_code == 400


def test_slack_says_ok_or_it_is_no_success() -> None:
    with at("slack") as place:
        place.app.faults.set([Rule(do="body", body="no_service")])
        first, second = told(place, episode(), episode())
        assert first != Done()
        assert second == Done()


# Microsoft Teams.


def card_of(body: Any) -> Any:
    (attachment,) = body["attachments"]
    assert body["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    return attachment["content"]


@pytest.mark.parametrize("snapshot", [*LIFE, hostile(), episode(message=LONG, summary=LONG[:2000], why="because")])
def test_the_schema_of_adaptive_cards_takes_the_card(snapshot: Episode) -> None:
    for body in bodies("teams", *([episode()] if snapshot.revision > 1 else []), snapshot):
        card = card_of(body)
        text = (files("adaptive_cards") / "schemas" / f"schema-{card['version']}.json").read_text(encoding="utf-8")
        assert card.pop("msteams") == {"width": "Full"}, "what Teams has besides"
        jsonschema.Draft6Validator(json.loads(text)).validate(card)
        assert len(json.dumps(body)) < 28 * 1024


def test_in_teams_what_an_event_says_stands_where_no_markdown_is_read() -> None:
    (body,) = bodies("teams", hostile())
    runs = [run for block in card_of(body)["body"] for run in block["inlines"]]
    assert {block["type"] for block in card_of(body)["body"]} == {"RichTextBlock"}
    assert {run["type"] for run in runs} == {"TextRun"}
    assert any(HOSTILE.strip() in run["text"] for run in runs)


# PagerDuty.


def test_pagerduty_gets_what_its_own_client_sends() -> None:
    ours = bodies("pagerduty", episode(), resolved(2))
    with at("pagerduty") as place, pagerduty.EventsApiV2Client(KEY) as client:
        client._url = place.url  # it takes none by http
        key = client.trigger("s", "src", dedup_key=episode().id, severity="error", payload={"component": "c"})
        client.acknowledge(key)
        client.resolve(key)
        theirs = [one["body"] for one in place.app.notices()]
        with pytest.raises(pagerduty.HttpError):
            client.trigger("s", "src", severity="bad")
    trigger, resolve = ours
    assert trigger.keys() >= theirs[0].keys() - {"images", "links"}
    assert trigger["payload"].keys() >= theirs[0]["payload"].keys()
    assert [one["event_action"] for one in theirs] == ["trigger", "acknowledge", "resolve"]
    assert resolve == {name: value for name, value in theirs[2].items() if name != "payload" or value}
    assert {one["dedup_key"] for one in ours} == {episode().id}


def test_the_routing_key_is_in_the_body_and_in_no_header_and_in_no_preview() -> None:
    with at("pagerduty") as place:
        assert told(place, episode()) == [Done()]
        (came,) = place.app.notices()
        assert came["body"]["routing_key"] == KEY
        assert KEY not in str(came["headers"])

        async def main(deliver: Delivering) -> Any:
            return deliver.function.preview(episode())

        assert KEY not in str(place.play(main))


def report(**changes: Any) -> CloudEvent:
    data = DeliveryReport(
        destination="servicenow_incident", operation="open", key=episode().id, revision=1, result="done",
        cluster="prod-1", number="INC0010042", link="https://sn.example/INC0010042", time=START,
    )  # fmt: skip
    return CloudEvent(id="d", source="s", type=DELIVERY, data=data.model_copy(update=changes).model_dump(mode="json"))


def reported(place: Place[Notices], *events: CloudEvent) -> list[Any]:
    async def main(deliver: Delivering) -> list[Any]:
        call = Call(asyncio.get_running_loop().time() + 5)
        found: list[Result] = [await deliver.function.handle(one, call) for one in events]
        return [one.outcome for one in found]

    return place.play(main)


def test_where_its_trigger_sends_reports_an_alert_whose_ticket_was_opened_is_acknowledged() -> None:
    with at("pagerduty") as place:
        found = reported(place, report(), report(), report(operation="update"), report(destination="webhook"))
        assert [type(one).__name__ for one in found] == ["Done", "Duplicate", "Ignored", "Ignored"]
        (came,) = place.app.notices()
        assert came["body"] == {"event_action": "acknowledge", "dedup_key": episode().id, "routing_key": KEY}


# Jira Service Management.


def test_jira_gets_alias_notes_and_close_in_their_own_paths_and_its_key() -> None:
    with at("jira") as place:
        assert told(place, *LIFE[:3]) == [Done()] * 3
        alerts = PATHS["jira"]
        assert [one["target"] for one in place.app.notices()] == [
            alerts,
            f"{alerts}/{episode().id}/notes?identifierType=alias",
            f"{alerts}/{episode().id}/close?identifierType=alias",
        ]
        made = place.app.notices()[0]
        assert made["headers"]["authorization"] == f"GenieKey {KEY}"
        assert made["body"]["alias"] == episode().id
        assert (made["body"]["priority"], place.app.notices()[1]["body"]["source"]) == ("P2", "Tidings")


# ServiceNow and GLPI.


def test_servicenow_gets_a_flat_row_that_coalesces_on_the_episode() -> None:
    for body in bodies("servicenow", *LIFE):
        assert body["u_correlation_id"] == episode().id
        assert all(isinstance(value, str) and name.startswith("u_") for name, value in body.items())


def test_a_row_that_servicenow_refused_with_201_is_no_success() -> None:
    with at("servicenow") as place:
        body = json.dumps({"result": [{"status": "error", "error_message": "no"}]})
        place.app.faults.set([Rule(do="status", status=201, body=body, headers={"content-type": "application/json"})])
        (found,) = told(place, episode())
        assert found != Done()


def test_in_glpi_what_an_event_says_is_no_html() -> None:
    """F44: event message with HTML/JS into GLPI/ServiceNow: escaped; GLPI had stored XSS CVEs in 2026."""
    (body,) = bodies("glpi", episode(message="<script>alert(1)</script>"))
    assert "<script>" not in body["content"]
    assert "&lt;script&gt;" in body["content"]
    assert (body["external_id"], body["impact"]) == (episode().id, 4)


# A mapping of one's own.


def test_a_value_in_a_path_stays_one_part_of_it(tmp_path: Any) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(
        "operations:\n  open:\n    method: PUT\n    url: '/a/{{ episode.component }}/b?c={{ episode.host }}'\n"
        "    headers: {fields: {X-Cluster: '{{ episode.cluster }}'}}\n    body: '{{ episode.summary }}'\n",
        encoding="utf-8",
    )
    with at("slack", WEBHOOK_MAPPING=str(file), WEBHOOK_HEADERS="X-Api-Key: abc") as place:
        place.settings = {**place.settings, "WEBHOOK_URL": f"{place.url}/base"}
        assert told(place, episode(component="../x?y#z", host="a&b=c/d")) == [Done()]
        (came,) = place.app.notices()
        assert (came["method"], came["body"]) == ("PUT", episode().summary)
        (logged,) = place.app.faults.requests
        assert came["target"].endswith("?c=a%26b%3Dc%2Fd"), logged
        assert came["headers"]["x-cluster"] == "prod-1"
        assert came["headers"]["x-api-key"] == "abc"
        assert came["headers"]["content-type"] == "text/plain; charset=utf-8"


def test_a_request_that_is_too_large_is_rejected_and_never_sent() -> None:
    with at("slack", WEBHOOK_MAX_BYTES="100") as place:
        assert told(place, episode()) == [Rejected("webhook", "the request is larger than WEBHOOK_MAX_BYTES")]
        assert place.app.faults.requests == []
