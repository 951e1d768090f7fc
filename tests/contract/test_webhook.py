"""What is special about the webhook: who we are, the signature, what doctor sees, and which mapping is taken."""

import asyncio
import base64
import contextlib
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from functions.webhook.handler import new
from shared.events.outcome import Done, Retry
from shared.local.standins import webhook
from shared.local.standins.faults import Rule
from shared.settings.environment import SettingsError
from shared.telemetry.metrics import Metrics
from tests.conftest import ROOT
from tests.support.functions import TIDINGS, environment
from tests.support.rigs.place import Delivering, Place, placed
from tests.support.rigs.webhook import Notices
from tests.support.servers import new_certificate
from tests.support.tickets import episode

OTHER = f"whsec_{base64.b64encode(b'another-secret-of-32-bytes-or-so').decode()}"


@pytest.fixture
def place() -> Iterator[Place[Notices]]:
    with placed(Notices()) as one:
        yield one


def told(place: Place[Notices], *revisions: int, **settings: str) -> list[Any]:
    async def main(deliver: Delivering) -> list[Any]:
        return [(await deliver(episode(number))).outcome for number in revisions]

    return place.play(main, **settings)


def lines(place: Place[Notices], **settings: str) -> list[tuple[bool | None, str]]:
    return place.play(lambda deliver: deliver.function.check(), **settings)


def test_standard_webhooks_own_library_verifies_what_came(place: Place[Notices]) -> None:
    assert told(place, 1) == [Done()]
    (came,) = place.app.notices()
    body = Webhook(webhook.SECRET).verify(came["raw"], came["headers"])
    assert body["type"] == "problem.opened"
    assert came["headers"]["webhook-id"] == came["headers"]["idempotency-key"] == came["key"]


def test_a_receiver_that_has_either_secret_takes_what_was_signed_during_a_rotation(place: Place[Notices]) -> None:
    both = f"{OTHER} {webhook.SECRET}"
    assert told(place, 1, WEBHOOK_SECRET=both) == [Done()]
    place.app.options = webhook.Options(secrets=(OTHER,))
    assert told(place, 2, WEBHOOK_SECRET=both) == [Done()]


def test_a_secret_in_a_file_is_followed(place: Place[Notices], tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(OTHER)

    async def main(deliver: Delivering) -> list[Any]:
        wrong = await deliver(episode())
        file.write_text(f"{webhook.SECRET}\n")
        return [wrong.outcome, (await deliver(episode(2))).outcome]

    wrong, right = place.play(main, WEBHOOK_SECRET="", WEBHOOK_SECRET_FILE=str(file))
    assert wrong != Done(), "no signature that can be verified"
    assert right == Done()


def test_a_try_again_is_signed_anew_under_the_same_key(place: Place[Notices]) -> None:
    place.app.faults.set([Rule(do="commit-then-reset")])

    async def main(deliver: Delivering) -> None:
        await deliver(episode())
        await asyncio.sleep(1.1)
        await deliver(episode())

    place.play(main)
    first, second = (one["headers"] for one in place.app.notices())
    assert first["webhook-id"] == second["webhook-id"]
    assert int(first["webhook-timestamp"]) < int(second["webhook-timestamp"]) <= time.time()


def test_what_waits_for_its_turn_while_the_function_stops_is_told_too(place: Place[Notices]) -> None:
    place.app.faults.set([Rule(do="delay", seconds=0.3)])

    async def main(deliver: Delivering) -> list[Any]:
        both = [asyncio.create_task(deliver(episode(number))) for number in (1, 2)]
        await asyncio.sleep(0.1)
        await deliver.function.stop()
        return [(await one).outcome for one in both]

    assert place.play(main) == [Done(), Done()]
    assert len(place.app.notices()) == 2


def test_basic_authentication_and_headers_of_a_file(place: Place[Notices], tmp_path: Path) -> None:
    place.app.options = webhook.Options(token="")
    file = tmp_path / "headers"
    file.write_text("X-Api-Key: abc\nX-Team: platform\n")
    settings = {"WEBHOOK_TOKEN": "", "WEBHOOK_USERNAME": "u", "WEBHOOK_PASSWORD": "p"}
    assert told(place, 1, **settings, WEBHOOK_HEADERS_FILE=str(file), WEBHOOK_KEY_HEADER="X-Request-Key") == [Done()]
    (came,) = place.app.notices()
    assert came["headers"]["authorization"] == f"Basic {base64.b64encode(b'u:p').decode()}"
    assert (came["headers"]["x-api-key"], came["headers"]["x-team"]) == ("abc", "platform")
    assert came["headers"]["x-request-key"] == f"{episode().id}-1"


def test_a_url_in_a_file_may_change_its_path_and_never_its_host(place: Place[Notices], tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(f"{place.url}/first")

    async def main(deliver: Delivering) -> list[Any]:
        outcomes = [(await deliver(episode())).outcome]
        file.write_text(f"{place.url}/second\n")
        outcomes.append((await deliver(episode(2))).outcome)
        file.write_text("https://elsewhere.example/second")
        return [*outcomes, (await deliver(episode(3))).outcome]

    first, second, third = place.play(main, WEBHOOK_URL="", WEBHOOK_URL_FILE=str(file))
    assert (first, second) == (Done(), Done())
    assert isinstance(third, Retry)
    assert "start again" in third.reason
    assert [one["target"] for one in place.app.notices()] == ["/first", "/second"]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"WEBHOOK_URL": "http://example.com/x"}, "must be https"),
        ({"WEBHOOK_URL": "https://169.254.169.254/x"}, "no foreign system"),
        ({"WEBHOOK_TOKEN": "t", "WEBHOOK_USERNAME": "u", "WEBHOOK_PASSWORD": "p"}, "not both"),
        ({"WEBHOOK_USERNAME": "u"}, "or none"),
        ({"WEBHOOK_SECRET": "geheim"}, "WEBHOOK_SECRET: must begin with whsec_"),
        ({"WEBHOOK_HEADERS": "Host: x"}, "`host` is set by Tidings alone"),
        ({"WEBHOOK_KEY_HEADER": "a b"}, "WEBHOOK_KEY_HEADER"),
        ({"WEBHOOK_MAPPING": "slak"}, "ready are: alertmanager, glpi, jira, ocsf, pagerduty, servicenow, slack, teams"),
        ({"WEBHOOK_MAPPING": "/no/such/file.yaml"}, "cannot be read"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start_with_what_to_do(
    settings: dict[str, str], text: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        new({"WEBHOOK_URL": "https://hooks.example/x", **settings}, Metrics())
    assert text in str(raised.value)
    assert "geheim" not in str(raised.value)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ("bodi: x", 'did you mean "body"?'),
        ("token: {fields: {header: X Key}}", "`X Key` is no name of a header"),
        ("method: GET", "`method` must be one of POST, PUT, PATCH, DELETE"),
        ("headers: {fields: {'a b': c}}", "`a b` is no name of a header"),
        ("headers: {fields: {Host: c}}", "field `headers.Host` is set by Tidings"),
        ("success: {fields: {status: 404}}", "codes from 200 to 299"),
        ("success: {fields: {body: ok}}", "no `body`"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused_at_the_start(tmp_path: Path, fields: str, text: str) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(f"operations:\n  open:\n    {fields}\n")
    with pytest.raises(SettingsError) as raised:
        new({"WEBHOOK_URL": "https://hooks.example/x", "WEBHOOK_MAPPING": str(file)}, Metrics())
    assert text in str(raised.value)


def test_what_is_not_notable_is_not_told_and_what_the_mapping_leaves_out_neither(
    place: Place[Notices], tmp_path: Path
) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(
        "operations:\n  open: {body: 'opened'}\n  update: {notable: true, body: 'updated {{ episode.severity }}'}\n"
    )
    snapshots = (
        episode(),
        episode(2, transition="updated"),
        episode(3, transition="updated", severity="critical"),
        episode(4, transition="updated", severity="critical", count=2),
        episode(5, transition="resolved", state="resolved", severity="critical"),
        episode(6, transition="reopened", reopened=1, severity="critical"),
    )

    async def main(deliver: Delivering) -> list[str]:
        return [type((await deliver(one)).outcome).__name__ for one in snapshots]

    found = place.play(main, WEBHOOK_MAPPING=str(file))
    assert found == ["Done", "Ignored", "Done", "Ignored", "Ignored", "Ignored"]
    assert [one["body"] for one in place.app.notices()] == ["opened", "updated critical"]


# tidings doctor


def test_doctor_sends_no_event_and_says_what_is_good(place: Place[Notices]) -> None:
    assert [good for good, _ in lines(place)] == [True, None, True]
    assert place.app.notices() == []
    assert {one.method for one in place.app.faults.requests} == {"OPTIONS"}
    assert place.rig.settings("")["WEBHOOK_URL"] not in str(lines(place)), "the path may be the credential"


def test_doctor_names_a_wrong_credential_a_wrong_port_and_a_redirect(place: Place[Notices]) -> None:
    ((good, text),) = lines(place, **{place.rig.secret: "wrong"})
    assert not good
    assert "refuses the credentials (401): look at WEBHOOK_TOKEN" in text
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        ((good, text),) = lines(place, WEBHOOK_URL=f"http://127.0.0.1:{taken.getsockname()[1]}/x")
    assert not good
    assert "cannot connect (nothing listens there): check WEBHOOK_URL" in text
    place.app.faults.set([Rule(do="status", status=302, headers={"location": "/"})])
    ((good, text),) = lines(place)
    assert not good
    assert "redirect" in text
    assert "check WEBHOOK_URL" in text


def test_doctor_names_a_certificate_that_is_not_trusted(tmp_path: Path) -> None:
    certificate = new_certificate(tmp_path)
    with placed(Notices(), certificate) as place:
        ((good, text),) = lines(place)
        assert not good
        assert "its certificate is not trusted" in text
        assert all(good is not False for good, _ in lines(place, WEBHOOK_CA_FILE=str(certificate)))


@pytest.mark.parametrize(("ahead", "good"), [(0, True), (40, True), (400, False), (-400, False)])
def test_doctor_compares_the_clocks_for_a_signature_holds_five_minutes(ahead: float, *, good: bool) -> None:
    with answering(f"date: {formatdate(time.time() + ahead, usegmt=True)}") as url:
        *_, (clock, text) = checked(url)
    assert clock is good
    assert ("may refuse our signatures" in text) is not good


@pytest.mark.parametrize("header", ["x-nothing: 1", "date: yesterday"])
def test_doctor_says_that_a_clock_could_not_be_compared(header: str) -> None:
    with answering(header) as url:
        assert checked(url)[-1] == (None, "it does not tell its time: whether the clocks agree cannot be seen")


def checked(url: str) -> list[tuple[bool | None, str]]:
    return asyncio.run(new({"WEBHOOK_URL": url, "WEBHOOK_SECRET": webhook.SECRET}, Metrics()).check())


@contextlib.contextmanager
def answering(header: str) -> Iterator[str]:
    """Answer one request with a header of our choice: servers have a Date of their own."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(f"HTTP/1.1 204 No Content\r\n{header}\r\nconnection: close\r\n\r\n".encode())

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/x"
        thread.join(5)


# tidings explain

OBSERVED = (
    '{"kind": "Event", "reason": "FailedScheduling", "type": "Warning", "count": 9, "message": "no room", '
    '"involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"}, "metadata": {"uid": "u-1"}}'
)


@pytest.mark.parametrize(
    ("direct", "types"), [(False, ["problem.opened"]), (True, ["observation.infrastructure", "problem.opened"])]
)
def test_explain_shows_what_its_triggers_would_have_it_send(tmp_path: Path, types: list[str], *, direct: bool) -> None:
    shutil.copytree(ROOT / "knative", tmp_path / "knative")
    if direct:
        component = ROOT / "knative" / "components" / "webhook"
        shutil.copy(component / "service.yaml", tmp_path / "knative" / "base" / "webhook.yaml")
        shipped = (component / "trigger.yaml").read_text()
        own = shipped.replace("prefix:", "exact:").replace(
            "type: dev.tidings.problem.", "type: dev.tidings.infrastructure.v1"
        )
        (tmp_path / "knative" / "triggers" / "webhook.yaml").write_text(own)
    environ = environment({"WEBHOOK_URL": "https://hooks.example/a/secret"})
    command = [str(TIDINGS), "explain", "--output", "json"]
    ended = subprocess.run(
        command, cwd=tmp_path, env=environ, input=OBSERVED, capture_output=True, text=True, check=True
    )
    (found,) = json.loads(ended.stdout)
    assert [one["body"]["type"] for one in found["sent"] if one["destination"] == "webhook"] == types
    assert "secret" not in ended.stdout


@pytest.mark.parametrize("name", ["host", "Host", "Content-Length", "transfer-encoding", "content-type", "TE"])
def test_a_key_header_that_would_break_the_request_is_refused_at_the_start(name: str) -> None:
    with pytest.raises(SettingsError, match=r"WEBHOOK_KEY_HEADER.*has a meaning of its own: take one such as"):
        new({"WEBHOOK_URL": "https://target.example/in", "WEBHOOK_KEY_HEADER": name}, Metrics())


def test_a_key_header_of_ones_own_is_taken(place: Place[Notices]) -> None:
    assert told(place, 1, WEBHOOK_KEY_HEADER="X-Request-Id") == [Done()]
    (notice,) = place.app.notices()
    assert notice["headers"]["x-request-id"]
