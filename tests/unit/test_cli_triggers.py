"""`tidings triggers`: where events go by the Trigger files, tried on every kind of event that there is."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from shared.cli.app import app
from shared.events.cloudevent import CloudEvent
from shared.local.broker.cesql.grammar import parse
from shared.local.broker.event_kinds import EventKind, kinds
from shared.local.broker.filters import AllOf, AnyOf, Cesql, Exact, Filter, FilterSet, Not, Prefix, Suffix, matches
from shared.local.broker.reach import Reach, constant, reach, selection
from tests.conftest import ROOT

BROKER = "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {name: tidings, namespace: tidings}\n"
SERVICE = """\
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: siem-forwarder}
spec: {template: {spec: {containers: [{env: [{name: FUNCTION_TARGET, value: siem_forwarder}]}]}}}
"""
TRIGGER = """\
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: NAME, namespace: tidings, labels: {tidings.dev/team: TEAM}}
spec:
  broker: tidings
  filters: FILTERS
  subscriber: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: siem-forwarder}}
"""
SECURITY = EventKind(
    "dev.tidings.security.v1", "security", choices={"severity": ("high", "low")}, free=frozenset({"kind"})
)


def written(folder: Path, *triggers: tuple[str, str, str]) -> Path:
    (folder / "knative" / "base").mkdir(parents=True)
    texts = (
        TRIGGER.replace("NAME", name).replace("TEAM", team).replace("FILTERS", filters)
        for name, team, filters in triggers
    )
    (folder / "knative" / "base" / "all.yaml").write_text(BROKER + SERVICE + "".join(texts), encoding="utf-8")
    return folder / "knative"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["triggers", *arguments])


def told(*arguments: str) -> Any:
    return json.loads(run(*arguments, "-o", "json").stdout)


def test_the_shipped_triggers_lead_every_kind_of_event_where_the_pages_say() -> None:
    found = told(str(ROOT / "knative"))
    goes = {
        (event["type"], event["which"], event["category"]): {one["name"]: one["takes"] for one in event["triggers"]}
        for event in found["events"]
    }
    assert goes["dev.knative.apiserver.resource.add", "Events", ""] == {"classifier": "every"}
    assert goes["dev.knative.apiserver.resource.add", "objects", ""] == {"changes": "every"}
    assert goes["dev.tidings.observed.v1", "intake", ""] == {"changes": "some", "classifier": "every"}
    assert goes["dev.tidings.observed.v1", "changes", ""] == {"classifier": "every"}
    assert goes["dev.tidings.security.v1", "", "security"] == {"correlator": "every", "siem-forwarder": "every"}
    assert goes["dev.tidings.problem.opened.v1", "", "admission"] == {"servicenow-incident": "every"}
    assert goes["dev.tidings.delivery.v1", "", "security"] == {}
    assert all(trigger["kinds"] and not trigger["nothing"] for trigger in found["triggers"])
    assert found["problems"] == []


def test_what_goes_nowhere_is_said_and_types_of_one_family_share_a_line(tmp_path: Path) -> None:
    folder = written(tmp_path, ("all-problems", "ops", "[{prefix: {type: dev.tidings.problem.}}]"))
    result = run(str(folder))
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["dev.tidings.problem.*.v1", "security", "all-problems"] in lines
    assert ["dev.tidings.security.v1", "security", "nobody"] in lines
    assert "all-problems ops siem-forwarder 12 kinds of events here" in " ".join(result.stdout.split())


def test_a_part_of_a_family_that_goes_another_way_is_named_by_its_types(tmp_path: Path) -> None:
    folder = written(
        tmp_path, ("ends", "ops", "[{exact: {type: dev.tidings.problem.resolved.v1, category: security}}]")
    )
    lines = [line.split() for line in run(str(folder)).stdout.splitlines()]
    assert ["dev.tidings.problem.resolved.v1", "security", "ends"] in lines
    assert ["dev.tidings.problem.*.v1", "admission", "nobody"] in lines
    assert ["ends", "ops", "siem-forwarder", "1", "kind", "of", "events", "here"] in lines


def test_a_team_sees_its_own(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        ("one", "shop", "[{cesql: \"category = 'security' AND namespace LIKE 'shop%'\"}]"),
        ("two", "ops", "[{prefix: {type: dev.tidings.problem.}}]"),
    )
    found = told(str(folder), "--team", "shop")
    assert [trigger["name"] for trigger in found["triggers"]] == ["one"]
    takes = {event["type"]: event["triggers"] for event in found["events"] if event["category"] == "security"}
    assert takes["dev.tidings.security.v1"] == [{"name": "one", "team": "shop", "takes": "some"}]
    assert "nobody" not in run(str(folder), "--team", "shop").stdout
    refused = run(str(folder), "--team", "shp")
    assert refused.exit_code == 2
    assert "there are: ops, shop" in refused.stderr


def test_a_trigger_that_can_pass_nothing_ends_with_one(tmp_path: Path) -> None:
    folder = written(tmp_path, ("never", "ops", "[{cesql: \"category = 'security' AND category = 'admission'\"}]"))
    result = run(str(folder))
    assert result.exit_code == 1
    assert "never ops siem-forwarder nothing" in " ".join(result.stdout.split())
    assert "no event can pass this filter" in result.stdout
    assert told(str(folder))["triggers"][0]["nothing"] is True


def test_two_triggers_that_send_the_same_event_to_one_subscriber_are_told(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        ("all", "ops", "[{prefix: {type: dev.tidings.}}]"),
        ("grave", "ops", "[{cesql: \"severity IN ('critical', 'high')\"}]"),
        ("pings", "ops", "[{exact: {type: com.example.ping}}]"),
    )
    found = {trigger["name"]: trigger for trigger in told(str(folder))["triggers"]}
    assert found["all"]["overlaps"] == ["grave"]
    assert found["grave"]["overlaps"] == ["all"]
    assert found["pings"]["overlaps"] == []
    assert "only others' events" in run(str(folder)).stdout


def test_one_object_a_line_says_what_it_is(tmp_path: Path) -> None:
    folder = written(tmp_path, ("all", "ops", "[{prefix: {type: dev.tidings.}}]"))
    lines = [json.loads(line) for line in run(str(folder), "-o", "jsonl").stdout.splitlines()]
    assert {line["what"] for line in lines} == {"event", "trigger"}


def test_a_mistake_ends_with_one_and_a_missing_folder_with_two(tmp_path: Path) -> None:
    folder = written(tmp_path, ("all", "ops", "[{cesql: \"type = = 'x'\"}]"))
    result = run(str(folder))
    assert result.exit_code == 1
    assert "equality is one sign" in result.stdout
    assert run(str(tmp_path / "none")).exit_code == 2


def test_an_overlay_that_is_not_rendered_is_no_folder_whose_events_go_nowhere(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [../trial]\n", encoding="utf-8")
    result = run(str(tmp_path))
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"kubectl kustomize {tmp_path} > rendered.yaml" in result.stderr
    (tmp_path / "kustomization.yaml").unlink()
    assert "there is no Trigger in it" in run(str(tmp_path)).stderr


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (Exact((("type", "dev.tidings.security.v1"),)), Reach.every),
        (Exact((("severity", "high"),)), Reach.some),
        (AnyOf((Exact((("severity", "high"),)), Exact((("severity", "low"),)))), Reach.every),
        (AllOf((Exact((("severity", "high"),)), Exact((("severity", "low"),)))), Reach.none),
        (Exact((("severity", "medium"),)), Reach.none),
        (Not(Exact((("severity", "medium"),))), Reach.every),
        (AllOf((Prefix((("kind", "P"),)), Suffix((("kind", "d"),)))), Reach.some),
        (Cesql("x", parse("kind LIKE 'P%' AND kind LIKE '%d'")), Reach.some),
        (Cesql("x", parse("kind LIKE 'P%d' AND kind LIKE '%o%'")), Reach.perhaps),
        (Cesql("x", parse("LENGTH(kind) > 30")), Reach.perhaps),
        (Not(Suffix((("kind", "e"),))), Reach.some),
        (Cesql("x", parse("kind NOT LIKE 's%'")), Reach.some),
        (Cesql("x", parse("NOT EXISTS team")), Reach.every),
        (Exact((("team", "a"),)), Reach.none),
    ],
)
def test_a_filter_reaches_every_some_or_none_of_a_kind(item: Filter, expected: Reach) -> None:
    assert reach(selection(FilterSet(filters=(item,))), SECURITY) is expected


@pytest.mark.parametrize("text", ["count > 5 AND count < 7", "a = '' AND NOT (a = 'x')", "a LIKE '_b%'", "NOT (a = 1)"])
def test_a_filter_that_something_passes_is_never_called_one_that_passes_nothing(text: str) -> None:
    chosen = FilterSet(filters=(Cesql(text, parse(text)),))
    passing = {"count": "6", "a": "xb"} if "LIKE" in text else {"count": "6", "a": ""}
    assert matches(chosen, CloudEvent("1", "s", "t", extensions=passing))
    assert constant(selection(chosen), kinds()) is not False


def test_validate_is_as_loud_of_a_trigger_that_passes_nothing(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        ("never", "shop", "[{cesql: \"category = 'security' AND category = 'admission'\"}]"),
        ("fine", "shop", "[]"),
    )
    assert run(str(folder)).exit_code == 1
    ended = CliRunner().invoke(app, ["validate", str(folder)])
    assert ended.exit_code == 1
    assert "no event can pass the Trigger `never`" in ended.stdout
    assert "`fine`" not in ended.stdout


def test_validate_tells_of_a_trigger_that_the_kustomization_beside_it_leaves_out(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / "triggers").mkdir()
    for name in ("there", "forgotten"):
        text = TRIGGER.replace("NAME", name).replace("TEAM", "shop").replace("FILTERS", "[]")
        (folder / "triggers" / f"{name}.yaml").write_text(text.removeprefix("---\n"), encoding="utf-8")
    kustomization = "kind: Kustomization\nresources:\n  - ./there.yaml\n"
    (folder / "triggers" / "kustomization.yaml").write_text(kustomization, encoding="utf-8")
    ended = CliRunner().invoke(app, ["validate", str(folder)])
    assert ended.exit_code == 0, ended.stdout
    assert "forgotten.yaml: kustomization.yaml beside it does not name this file" in ended.stdout
    assert "there.yaml: kust" not in ended.stdout
    assert "no errors, " in ended.stdout


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        ("prefix: {type: dev.tiding.problem.}", 1),
        ("exact: {type: dev.knatve.apiserver.resource.add}", 1),
        ("cesql: \"nmespace = 'shop'\"", 1),
        ("cesql: \"severity = 'CRITICAL'\"", 1),
        ("exact: {category: securty, kind: Pod}", 1),
        ("exact: {type: com.example.alert, severity: CRITICAL}", 0),
        ("exact: {source: /our/own, severity: CRITICAL}", 0),
        ("exact: {severity: warning}", 0),
        ("exact: {team: shop}", 0),
        ("prefix: {type: dev.knative.sources.}", 0),
        ("not: {exact: {nmespace: shop}}", 0),
    ],
)
def test_a_slip_of_the_pen_that_lets_nothing_of_ours_pass_ends_with_one(
    tmp_path: Path, filters: str, code: int
) -> None:
    folder = written(tmp_path, ("shop", "shop", f"[{{{filters}}}]"))
    assert run(str(folder)).exit_code == code
    assert CliRunner().invoke(app, ["validate", str(folder)]).exit_code == code


def test_the_mistake_of_a_team_is_shown_to_it(tmp_path: Path) -> None:
    folder = written(
        tmp_path, ("one", "shop", "[{cesql: \"type = = 'x'\"}]"), ("two", "ops", "[{prefix: {type: dev.tidings.}}]")
    )
    ended = run(str(folder), "--team", "shop")
    assert ended.exit_code == 1
    assert "equality is one sign" in ended.stdout
    assert "no Trigger without a mistake is of team 'shop'; there are: ops" in ended.stderr
    assert [problem["file"] for problem in told(str(folder), "--team", "shop")["problems"]] == ["knative/base/all.yaml"]
