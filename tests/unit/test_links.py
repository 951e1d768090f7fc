"""Links in tickets: the console's pages, the API, a search."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delivery.links import Links, Places, links_of
from shared.runtime.linking import LinkSettings
from shared.settings.environment import SettingsError, read
from tests.support.tickets import episode

BASE = "https://console.example.com"


def console(**thing: str) -> str:
    return links_of(episode(object=thing), Places({"prod-1": f"{BASE}/"})).console


@pytest.mark.parametrize(
    ("thing", "path"),
    [
        ({"kind": "Pod", "namespace": "shop", "name": "web-0"}, "/k8s/ns/shop/pods/web-0"),
        ({"kind": "Node", "name": "worker-1"}, "/k8s/cluster/nodes/worker-1"),
        ({"kind": "Namespace", "name": "shop"}, "/k8s/cluster/projects/shop"),
        ({"kind": "Deployment", "api_version": "apps/v1", "namespace": "a", "name": "b"}, "/k8s/ns/a/deployments/b"),
        (
            {"kind": "ClusterOperator", "api_version": "config.openshift.io/v1", "name": "dns"},
            "/k8s/cluster/config.openshift.io~v1~ClusterOperator/dns",
        ),
    ],
)
def test_an_object_has_its_page_in_the_console(thing: dict[str, str], path: str) -> None:
    assert console(**thing) == BASE + path


@pytest.mark.parametrize("thing", [{"kind": "Cluster", "name": "c"}, {"kind": "Pod", "namespace": "shop"}])
def test_what_has_no_page_has_no_link(thing: dict[str, str]) -> None:
    assert console(**thing) == ""


def test_nothing_is_linked_where_nothing_is_set() -> None:
    assert links_of(episode(), Places()) == Links()


def test_a_cluster_has_its_own_console_and_others_the_one_without_a_name() -> None:
    places = read(LinkSettings, {"LINKS_CONSOLE": f"prod-1=https://one.example.com, {BASE}"}).places()
    found = [links_of(episode(cluster=name), places).console for name in ("prod-1", "prod-2")]
    assert [urlsplit(url).hostname for url in found] == ["one.example.com", "console.example.com"]


def test_the_api_shows_the_episode() -> None:
    one = episode()
    url = links_of(one, Places(tidings="https://tidings.example.com/")).tidings
    assert url == f"https://tidings.example.com/api/v1/episodes?id={one.id}"


@given(st.text(min_size=1, max_size=40))
def test_whatever_a_name_holds_it_stays_one_part_of_the_address(name: str) -> None:
    one = episode(object={"kind": "Pod", "namespace": "shop", "name": name})
    found = links_of(one, Places({"": BASE}, siem="https://siem.example.com/s?q={name}&k={problem_key}"))
    assert urlsplit(found.console).path.count("/") == 5
    assert urlsplit(found.console).hostname == "console.example.com"
    assert parse_qs(urlsplit(found.siem).query, keep_blank_values=True) == {"q": [name], "k": [one.problem_key]}


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("LINKS_CONSOLE", "prod-1=console", "must be a URL"),
        ("LINKS_TIDINGS", "javascript:alert(1)", "must be a URL"),
        ("LINKS_SIEM", "https://siem.example.com/s?q={problemkey}", 'did you mean "problem_key"?'),
        ("LINKS_SIEM", "https://siem.example.com/s", "needs what is searched for"),
    ],
)
def test_a_link_that_leads_nowhere_is_a_mistake(variable: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError) as told:
        read(LinkSettings, {variable: value})
    assert variable in str(told.value)
    assert said in str(told.value)
