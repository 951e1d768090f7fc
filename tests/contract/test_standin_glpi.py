"""The GLPI stand-in, driven by clients that are not ours, and what its dialogue does not show."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import glpi_api
import glpi_utils
import httpx2
import pytest
from glpi_utils.exceptions import GlpiAuthError

from shared.local.standins import glpi
from shared.local.standins.glpi.rsql import FilterError, parse
from tests.support.servers import serve, standin

WAYS = ["tidings-user-token", ("tidings", "tidings")]
KEY = "[k8s:0123456789abcdefghijklmnop-1abc]"


@pytest.fixture
def app() -> Iterator[glpi.Glpi]:
    made = glpi.new_app(version="11.0.6")
    yield made
    made.close()


@pytest.fixture
def url(app: glpi.Glpi) -> Iterator[str]:
    with serve(app) as url:
        yield url


@pytest.mark.parametrize("way", WAYS, ids=["user token", "password"])
def test_glpi_api_leads_a_ticket_through_its_life(url: str, app: glpi.Glpi, way: Any) -> None:
    with glpi_api.connect(f"{url}/apirest.php", glpi.APP_TOKEN, way) as client:
        (made,) = client.add("Ticket", {"name": f"x {KEY}", "content": "a"})
        criteria = [{"field": "name", "searchtype": "contains", "value": KEY}]
        found = client.search("Ticket", criteria=criteria, forcedisplay=["id", "status"])
        assert found == [{"2": made["id"], "12": 1}]
        client.add("ITILFollowup", {"itemtype": "Ticket", "items_id": made["id"], "content": "seen", "is_private": 1})
        assert [note["content"] for note in client.get_sub_items("Ticket", made["id"], "ITILFollowup")] == ["seen"]
        client.add("ITILSolution", {"itemtype": "Ticket", "items_id": made["id"], "content": "over"})
        assert client.get_item("Ticket", made["id"])["status"] == 5
        with pytest.raises(glpi_api.GLPIError, match="already solved"):
            client.add("ITILSolution", {"itemtype": "Ticket", "items_id": made["id"], "content": "again"})
        assert client.update("Ticket", {"id": made["id"], "urgency": 5}) == [{str(made["id"]): True, "message": ""}]
        assert client.delete("Ticket", {"id": made["id"]}) == [{str(made["id"]): True, "message": ""}]
        assert client.search("Ticket", criteria=criteria) == []
    assert app.sessions() == 0


def test_glpi_api_is_told_what_is_wrong(url: str) -> None:
    for app_token, token, code in (
        ("wrong", "tidings-user-token", "ERROR_WRONG_APP_TOKEN_PARAMETER"),
        (glpi.APP_TOKEN, "wrong", "ERROR_GLPI_LOGIN_USER_TOKEN"),
        (glpi.APP_TOKEN, ("tidings", "wrong"), "ERROR_GLPI_LOGIN"),
    ):
        with pytest.raises(glpi_api.GLPIError, match=code):
            glpi_api.GLPI(f"{url}/apirest.php", app_token, token)


def test_glpi_api_goes_through_profiles_and_entities(url: str) -> None:
    with glpi_api.connect(f"{url}/apirest.php", glpi.APP_TOKEN, "tidings-user-token") as client:
        assert [one["name"] for one in client.get_my_profiles()] == ["Technician", "Self-Service"]
        client.set_active_profile(1)
        assert client.get_active_profile()["name"] == "Self-Service"
        client.set_active_entities(1, is_recursive=True)
        assert client.get_active_entities()["id"] == 1
        assert client.get_full_session()["glpiactive_entity_name"] == "Root entity > Shop"


def test_glpi_utils_leads_a_ticket_through_its_life(url: str, app: glpi.Glpi) -> None:
    with glpi_utils.GlpiAPI(url=url, app_token=glpi.APP_TOKEN) as client:
        client.login(user_token="tidings-user-token")  # noqa: S106 -- of a stand-in
        assert str(client.version) == "11.0.6"
        numbers = [client.ticket.create({"name": f"{number} {KEY}", "content": "a"})["id"] for number in range(7)]
        assert [row["id"] for row in client.ticket.get_all_pages(page_size=3)] == numbers
        client.ticket.add_sub_item(numbers[0], "ITILFollowup", {"content": "seen"})
        (note,) = client.ticket.get_sub_items(numbers[0], "ITILFollowup")
        assert (note["items_id"], note["content"]) == (numbers[0], "seen")
        criteria = [{"field": 1, "searchtype": "contains", "value": f"^3 {KEY}$"}]
        assert client.ticket.search(criteria=criteria)["totalcount"] == 1
    assert app.sessions() == 0


def oauth(url: str, secret: str = "") -> glpi_utils.GlpiOAuthClient:
    ((client_id, right),) = glpi.CLIENTS.items()
    return glpi_utils.GlpiOAuthClient(url=url, client_id=client_id, client_secret=secret or right, api_version="2")


def test_glpi_utils_leads_a_ticket_through_its_life_by_the_api_v2(url: str) -> None:
    with oauth(url) as client:
        client.authenticate(username="tidings", password="tidings")  # noqa: S106 -- of a stand-in
        made = client.create_item("Ticket", {"name": f"x {KEY}", "content": "a", "external_id": "k-1", "urgency": 9})
        assert made["href"].endswith(f"/{made['id']}")
        (found,) = client.search("Ticket", f'name=like="*{KEY}*";status.id=in=(1,2,3,4)')
        assert (found["external_id"], found["urgency"], found["entity"]["name"]) == ("k-1", 3, "Root entity")
        client.add_sub_item("Ticket", made["id"], "ITILFollowup", {"content": "seen", "is_private": True})
        client.add_sub_item("Ticket", made["id"], "ITILSolution", {"content": "over"})
        (solution,) = client.get_sub_items("Ticket", made["id"], "ITILSolution")
        assert solution["item"]["content"] == "over"
        assert client.get_item("Ticket", made["id"])["status"] == {"id": 5, "name": "Solved"}
        assert client.update_item("Ticket", {"id": made["id"], "status": {"id": 2}})["status"]["id"] == 2  # type: ignore[call-overload]
        assert [one["version"] for one in client.get_api_versions()] == ["2.3.0"]
        assert len(list(client.iter_pages("Ticket", page_size=1))) == 1
        with pytest.raises(glpi_utils.GlpiAPIError, match=r"500|Failed|ERROR"):
            client.add_sub_item("Ticket", made["id"], "Task", {"content": "not known here"})


def test_glpi_utils_is_told_what_is_wrong_by_the_api_v2(url: str) -> None:
    for secret, password in (("wrong", "tidings"), ("", "wrong")):
        with oauth(url, secret) as client, pytest.raises(GlpiAuthError):
            client.authenticate(username="tidings", password=password)


def test_a_token_without_the_scope_of_the_api_is_given_and_let_at_no_ticket(url: str) -> None:
    ((client, secret),) = glpi.CLIENTS.items()
    form = {"grant_type": "password", "client_id": client, "client_secret": secret, "username": "tidings"}
    for scope, status in (("", 403), ("email user", 403), ("api", 200), ("email api", 200)):
        told = httpx2.post(f"{url}/api.php/token", data=form | {"password": "tidings", "scope": scope})
        head = {"authorization": f"Bearer {told.json()['access_token']}"}
        assert httpx2.get(f"{url}/api.php/v2/Assistance/Ticket", headers=head).status_code == status, scope


def test_a_filter_is_read_as_glpi_11_reads_it() -> None:
    item = {"id": 3, "name": "a b [k8s:x-1]", "status": {"id": 2}, "urgency": 4}
    for text, fits in (
        ('name=like="*[k8s:x-*"', True),
        ("name==a", False),
        ("id==3;status.id=in=(1,2)", True),
        ("id==4,urgency=ge=4", True),
        ("(id==4,id==3);urgency=lt=4", False),
        ("status.id!=2", False),
        ("urgency=gt=3;urgency=le=4", True),
        ("status.id=out=(2)", False),
    ):
        assert parse(text)(item) is fits, text
    for text in ("name", "name=wrong=x", "(id==3", "id==3)"):
        with pytest.raises(FilterError):
            parse(text)


def test_a_session_and_its_tickets_outlive_a_kill_of_the_process(tmp_path: Path) -> None:
    file = tmp_path / "glpi.db"
    headers = {"app-token": glpi.APP_TOKEN, "authorization": "user_token tidings-user-token"}
    with standin("glpi", file) as first:
        token = httpx2.get(f"{first.url}/apirest.php/initSession", headers=headers).json()["session_token"]
        known = {"app-token": glpi.APP_TOKEN, "session-token": token}
        made = httpx2.post(f"{first.url}/apirest.php/Ticket", headers=known, json={"input": {"name": KEY}})
        assert made.status_code == 201
        first.kill()
    with standin("glpi", file) as second:
        assert httpx2.get(f"{second.url}/apirest.php/Ticket/1", headers=known).json()["name"] == KEY
        again = httpx2.post(f"{second.url}/apirest.php/Ticket", headers=known, json={"input": {"name": "next"}})
        assert again.json()["id"] == 2


def test_people_can_look_at_a_ticket_and_nothing_in_it_runs(url: str, app: glpi.Glpi) -> None:
    number = app.insert("Ticket", {"name": "<script>x</script>", "content": "<p>&lt;script&gt;y&lt;/script&gt;</p>"})
    app.insert("ITILFollowup", {"itemtype": "Ticket", "items_id": number, "content": "<img src=x onerror=z>"})
    for path in ("/", f"/front/ticket.form.php?id={number}"):
        page = httpx2.get(url + path)
        assert page.status_code == 200
        assert "<script>" not in page.text
        assert "onerror" not in page.text
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert httpx2.get(f"{url}/front/other.php").status_code == 404


def test_times_are_those_of_the_servers_zone() -> None:
    made = {}
    for zone in ("Pacific/Auckland", "Pacific/Honolulu"):
        app = glpi.new_app(zone=zone)
        app.insert("Ticket", {"name": "x"})
        made[zone] = app.records("Ticket")[0]["date"]
        app.close()
    assert made["Pacific/Auckland"] > made["Pacific/Honolulu"]


def test_many_at_once_make_each_its_own_ticket(url: str) -> None:
    async def main() -> list[int]:
        async with httpx2.AsyncClient(base_url=url) as client:
            headers = {"app-token": glpi.APP_TOKEN, "authorization": "user_token tidings-user-token"}
            begun = await client.get("/apirest.php/initSession", headers=headers)
            known = {"app-token": glpi.APP_TOKEN, "session-token": begun.json()["session_token"]}
            sent = [
                client.post("/apirest.php/Ticket", headers=known, json={"input": {"name": str(number)}})
                for number in range(20)
            ]
            return [answer.json()["id"] for answer in await asyncio.gather(*sent)]

    assert sorted(asyncio.run(main())) == list(range(1, 21))
