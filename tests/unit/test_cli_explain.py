"""`tidings explain`: whatever a person has at hand is read in order, and what is said of it is whole."""

import io
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from shared.cli.app import app
from shared.cli.inputs import Unreadable, values
from shared.cli.payloads import Result, read
from shared.events.limits import DEFAULT
from shared.events.model import Observation
from tests.support.remedies import hook, written

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SEEN = "2026-01-01T00:00:00Z"
EVENT: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Event",
    "reason": "FailedScheduling",
    "type": "Warning",
    "count": 4,
    "lastTimestamp": SEEN,
    "message": "0/3 nodes are available: 3 Insufficient memory.",
    "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"},
}
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-0", "namespace": "shop"}, "status": {}}
CLOUDEVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "https://10.0.0.1",
    "type": "dev.knative.apiserver.resource.add",
    "cluster": "prod",
    "time": "2026-01-01T00:00:05Z",
    "data": EVENT,
}
RECORDED = {
    "headers": {
        "Ce-Specversion": "1.0",
        "Ce-Id": "1",
        "Ce-Source": "https://10.0.0.1",
        "Ce-Type": "dev.knative.apiserver.resource.add",
        "Ce-Cluster": "prod",
        "Content-Type": "application/json",
    },
    "body": EVENT,
}
BARE = {key: value for key, value in EVENT.items() if key not in {"kind", "apiVersion"}}
LINE = json.dumps(EVENT)


def of(text: str | bytes) -> list[Result]:
    return list(read(None, io.BytesIO(text.encode() if isinstance(text, str) else text), "", NOW))


def shape(results: list[Result]) -> str:
    return "".join("o" if isinstance(item, Observation) else "x" for item in results)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LINE, "o"),
        (f"\n\n{LINE}\n\n{LINE}\n", "oo"),
        (f"\ufeff{LINE}\n", "o"),
        (f"garbage\n{LINE}\n", "xo"),
        (f'{{"kind": "Event", \n{LINE}\n', "xo"),
        (f"{LINE}\n{LINE[:-5]}\n{LINE}", "oxo"),
        (json.dumps(EVENT, indent=4), "o"),
        (json.dumps(EVENT, indent=4) + "\n" + json.dumps(EVENT, indent=4) + "\n", "oo"),
        (json.dumps({"kind": "List", "apiVersion": "v1", "items": [EVENT, EVENT]}, indent=4), "oo"),
        (json.dumps({"kind": "EventList", "apiVersion": "v1", "items": [BARE]}), "o"),
        (json.dumps({"kind": "EventList", "apiVersion": "v1", "items": [{**EVENT, "kind": "Event"}]}), "o"),
        (json.dumps([EVENT, 5, "x", None, CLOUDEVENT, RECORDED, [EVENT], []]), "oxxxooox"),
        (yaml.safe_dump(EVENT), "o"),
        (yaml.safe_dump_all([{"kind": "List", "items": [EVENT, EVENT]}, EVENT]), "ooo"),
        ("---\n" + yaml.safe_dump([EVENT]), "o"),
        *(
            (text, "x")
            for text in ("", "\n \n", "[]", "{}", "5", "null", '"x"', '{"items": []}', "{", "[", "a: [", "\x00")
        ),
        *((text, "x") for text in ("[" * 5000, "a: " + "[" * 5000, '{"a":' * 500 + "1" + "}" * 500, "[[[[[1]]]]]")),
        *(
            (text, "x")
            for text in ("a: !!python/object:os.system x", "a: 2026-99-99", "a:\n  ? [1]\n  : 2", "- &a [*a]")
        ),
        ("a: &a [1,1,1]\n" + "\n".join(f"b{n}: &b{n} [*a{n}]" for n in range(3)), "x"),
        ('{"specversion": "1.0"}', "x"),
        ('{"headers": {}, "body": {}}', "x"),
        ('{"headers": {"ce-specversion": "1.0"}, "body": 5}', "x"),
    ],
)
def test_every_form_is_read_and_what_is_none_has_a_word_in_its_place(text: str, expected: str) -> None:
    assert shape(of(text)) == expected


def web(version: int, replicas: int, **status: Any) -> dict[str, Any]:
    names = {"name": "web", "namespace": "shop", "uid": "u-1", "resourceVersion": str(version)}
    return {"kind": "Deployment", "metadata": names, "spec": {"replicas": replicas}, "status": status}


def said(versions: list[Any]) -> list[str]:
    return [item.message if isinstance(item, Observation) else item.error for item in of(json.dumps(versions))]


def test_of_two_versions_of_an_object_it_is_told_what_changed() -> None:
    versions = [web(7, 3), web(8, 5), web(9, 5, readyReplicas=5), web(8, 4), {"kind": "List", "items": [web(12, 6)]}]
    assert said(versions) == [
        "Deployment/shop/web was changed: what it was before is not known",
        "Deployment/shop/web was changed: spec.replicas 3 → 5",
        "Deployment/shop/web: nothing that matters changed; nobody is told",
        "Deployment/shop/web was changed: spec.replicas 3 → 5",
        "Deployment/shop/web was changed: spec.replicas 5 → 6",
    ]
    assert said([web(9, 5), web(6, 1)])[1] == "Deployment/shop/web: a newer version came before; nobody is told"


def test_a_change_and_a_condition_that_began_with_it_are_both_told() -> None:
    stuck = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}
    _, change, condition = of(json.dumps([web(7, 3), web(8, 5, conditions=[stuck])]))
    assert isinstance(change, Observation)
    assert isinstance(condition, Observation)
    assert "spec.replicas 3 → 5" in change.message
    assert condition.reason == "ProgressDeadlineExceeded"


def test_of_an_object_it_is_told_what_is_wrong_with_it() -> None:
    lost = {**POD, "kind": "PersistentVolumeClaim", "status": {"phase": "Lost"}}
    done = CliRunner().invoke(app, ["explain", "-o", "jsonl"], input=json.dumps(lost))
    row = json.loads(done.stdout)
    assert (row["reason"], row["rule"], row["ticket"]) == ("ClaimLost", "claim-lost", True)
    assert row["message"] == "The claim has lost its volume"


def test_an_alias_that_stands_for_billions_is_refused_without_counting_them_one_by_one() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    begun = time.process_time()
    (only,) = of("\n".join(lines))
    assert only == Unreadable("refused: too large")
    assert time.process_time() - begun < 0.2


def test_an_alias_of_itself_is_refused_and_one_that_is_used_twice_is_read() -> None:
    begun = time.process_time()
    assert of("kind: &a [*a]\n") == [Unreadable("refused: too large")]
    assert time.process_time() - begun < 0.2
    (only,) = of("kind: Pod\nmetadata: {name: web-0, labels: &a {app: web}, annotations: *a}\n")
    assert isinstance(only, Observation)


def test_what_is_no_yaml_is_told_with_its_line() -> None:
    (only,) = of("kind: Event\nreason: [1\nname: x\n")
    assert isinstance(only, Unreadable)
    assert "line 3" in only.error


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_input_raises_and_each_has_a_result(data: bytes) -> None:
    assert of(data)


def test_a_stream_is_answered_as_it_comes_in() -> None:
    given_so_far: list[int] = []

    def lines() -> Iterator[bytes]:
        for number in range(3):
            given_so_far.append(number)
            yield f"{LINE}\n".encode()

    class Stream(io.BytesIO):
        _lines = lines()

        def __iter__(self) -> Iterator[bytes]:  # type: ignore[override] # the real one iterates itself
            return self._lines

    for number, _ in enumerate(values(Stream())):
        assert given_so_far == list(range(number + 1))


@pytest.mark.parametrize("item", [EVENT, {**RECORDED}, {**CLOUDEVENT, "time": None}])
def test_an_event_without_its_edge_is_explained_as_if_sent_when_it_happened(item: dict[str, Any]) -> None:
    (seen,) = of(json.dumps({key: value for key, value in item.items() if value is not None}))
    assert isinstance(seen, Observation)
    assert seen.received == seen.time == datetime(2026, 1, 1, tzinfo=UTC)


def test_an_event_that_says_when_it_was_sent_keeps_that() -> None:
    (seen,) = of(json.dumps(CLOUDEVENT))
    assert isinstance(seen, Observation)
    assert seen.received - seen.time == timedelta(seconds=5)


def explain(*arguments: str, given_text: str) -> str:
    ended = CliRunner().invoke(app, ["explain", *arguments], input=given_text)
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def test_a_page_says_it_all_in_order_and_cuts_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    word = "x" * 300
    shown = explain("--cluster", "prod", given_text=json.dumps({**EVENT, "message": f"end {word}-end"}))
    titles = ["What it is", "What happens to it", "Why", "What nearly matched", "What each destination would be sent"]
    places = [shown.index(f"{title}\n") for title in titles]
    assert places == sorted(places)
    assert f"end {word}-end" in shown
    assert "servicenow_incident: POST" in shown
    assert "siem_forwarder: POST" in shown
    assert "correlator, servicenow-incident, siem-forwarder" in shown
    assert "scheduling.yaml:" in shown
    assert all(line == line.rstrip() for line in shown.splitlines())


def test_a_page_says_that_a_policy_is_not_asked_where_there_is_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    assert "--follow" not in explain("--cluster", "prod", given_text=json.dumps(EVENT))
    monkeypatch.setenv("CORRELATOR_POLICY", "functions/correlator/policy.yaml")
    assert "is not asked here" in explain("--cluster", "prod", given_text=json.dumps(EVENT))


def test_a_table_of_many_has_one_whole_line_for_each(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    name = "a-name-of-a-pod-that-is-as-long-as-kubernetes-lets-it-be" * 4
    shown = explain(given_text=f"{json.dumps({**EVENT, 'involvedObject': {'kind': 'Pod', 'name': name}})}\n" * 7)
    lines = shown.splitlines()
    assert len(lines) == 8
    assert all(f"Pod/{name}" in line for line in lines[1:])


def test_json_has_errors_in_their_place(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    first, second, third = json.loads(explain("-o", "json", given_text=f"{LINE}\ngarbage\n{LINE}\n"))
    assert first == third
    assert list(second) == ["error"]
    assert {item["destination"] for item in first["sent"]} == {"servicenow_incident", "siem_forwarder"}


def test_a_destination_beyond_the_base_is_shown_once_a_setting_names_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setenv("QRADAR_ADDRESS", "tls://qradar.example:6514")
    (shown,) = json.loads(explain("-o", "json", given_text=LINE))
    (line,) = [item for item in shown["sent"] if item["destination"] == "qradar_forwarder"]
    assert (line["method"], line["url"]) == ("SEND", "tls://qradar.example:6514")
    assert "LEEF:2.0|Tidings|" in line["body"]


def test_half_the_settings_of_one_system_do_not_keep_an_event_from_being_explained(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setenv("SERVICENOW_USERNAME", "me")
    assert "servicenow_incident: POST" in explain(given_text=LINE)


def test_jsonl_says_what_scripts_go_by(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    line = json.loads(explain("-o", "jsonl", given_text=LINE))
    wanted = {"dialect", "cluster", "namespace", "kind", "name", "reason", "category", "subcategory", "severity"}
    assert wanted | {"phase", "ticket", "problem_key", "rule", "why"} <= set(line)
    assert line["ticket"] is True


def test_outside_of_a_checkout_it_says_that_there_are_no_triggers_to_go_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "no Triggers: there is no folder knative; name it by --knative\n" in explain(given_text=LINE)
    (said,) = json.loads(explain("-o", "json", given_text=LINE))
    assert said["triggers"] is None, "not known, which is not the same as none"
    (tmp_path / "rendered.yaml").touch()
    told = "no Triggers: there is no Trigger in rendered.yaml; name another by --knative\n"
    assert told in explain("--knative", "rendered.yaml", given_text=LINE), "as where kustomize failed"


@pytest.mark.parametrize("form", [EVENT, CLOUDEVENT, RECORDED], ids=["event", "cloudevent", "request"])
@pytest.mark.parametrize("output", ["table", "json", "jsonl"])
def test_an_event_that_the_broker_would_not_take_is_said_to_be_too_large(form: dict[str, Any], output: str) -> None:
    text = json.dumps(form)
    large = text.replace("0/3 nodes", "x" * 1024 * 1024)
    ended = CliRunner().invoke(app, ["explain", "-o", output], input=f"{large}\n{text}\n")
    assert ended.exit_code == 0, "the other one is explained"
    assert "the broker refuses this event for its size: 1,04" in (ended.stderr if output == "table" else ended.stdout)
    assert "xxx" not in ended.output


def test_an_event_of_exactly_the_size_that_the_broker_takes_is_explained() -> None:
    def sized(size: int) -> str:
        bare = len(orjson.dumps({**EVENT, "message": ""}))
        return json.dumps({**EVENT, "message": "x" * (size - bare)})

    assert shape(of(f"{sized(DEFAULT.body)}\n{sized(DEFAULT.body + 1)}")) == "ox"


def test_triggers_that_filter_by_cesql_are_named_where_their_expression_is_true(tmp_path: Path) -> None:
    folder = tmp_path / "knative" / "base"
    folder.mkdir(parents=True)
    trigger = {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Trigger",
        "spec": {"broker": "tidings", "subscriber": {"uri": "https://shop.example.com/"}},
    }
    for name, text in {"shop": "namespace LIKE 'sh_p' AND EXISTS severity", "others": "namespace != 'shop'"}.items():
        made = {**trigger, "metadata": {"name": name}, "spec": {**trigger["spec"], "filters": [{"cesql": text}]}}  # type: ignore[dict-item]
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(made), encoding="utf-8")
    broker = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "metadata": {"name": "tidings"}}
    (folder / "broker.yaml").write_text(yaml.safe_dump(broker), encoding="utf-8")
    arguments = ["explain", "--knative", str(folder.parent), "-o", "json"]
    (told,) = json.loads(CliRunner().invoke(app, arguments, input=LINE).stdout)
    assert told["triggers"] == ["shop"]
    rendered = tmp_path / "rendered.yaml"
    rendered.write_text("---\n".join(path.read_text(encoding="utf-8") for path in folder.iterdir()), encoding="utf-8")
    arguments[2] = str(rendered)
    (told,) = json.loads(CliRunner().invoke(app, arguments, input=LINE).stdout)
    assert told["triggers"] == ["shop"], "what kustomize made of them says the same"


def test_what_a_hook_would_do_is_shown_and_where_none_would_each_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = tmp_path / "hooks.yaml"
    hooks.write_text(written(hook(), hook(name="nodes", do="cordon", only={"kinds": ["Node"]})))
    monkeypatch.setenv("REMEDIATE_HOOKS", str(hooks))
    crash = {**EVENT, "reason": "BackOff", "message": "Back-off restarting failed container web in pod web-0_shop"}
    file = tmp_path / "events.json"
    file.write_text(json.dumps([crash, EVENT]))
    ended = CliRunner().invoke(app, ["explain", str(file), "-o", "json"])
    first, second = json.loads(ended.stdout)
    (act,) = [one for one in first["sent"] if one["destination"] == "remediate"]
    path = "apis/apps/v1/namespaces/shop/deployments/web"
    assert act["method"] == "PATCH"
    assert act["url"] == f"https://kubernetes.default.svc/{path}?fieldManager=tidings-remediate"
    assert list(act["body"]) == ["spec", "metadata"]
    assert not [one for one in second["sent"] if one["destination"] == "remediate"]
    page = CliRunner().invoke(app, ["explain", str(file)]).stdout
    assert "remediate: no hook takes it (restart: its `when` does not hold; nodes: its `when` does not hold)" in page


def test_without_hooks_nothing_is_said_of_them(tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_text(LINE)
    assert "remediate" not in CliRunner().invoke(app, ["explain", str(file)]).stdout
