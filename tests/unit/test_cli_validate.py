"""`tidings validate`: files are told by what they hold; settings that there are not are found with their lines."""

import shutil
from pathlib import Path

import pytest

from shared.cli import configured
from shared.cli.checked import check, everything
from shared.cli.dotenv import load
from shared.cli.recognised import recognise
from shared.events.problem import Problem
from shared.runtime.document import settings_models
from shared.settings.environment import SettingsError, variables

GOOD_RULE = "  - name: a-rule\n    match: {reason: Odd}\n"
PACK = (
    "pack: mine\ndescription: Ours.\ndefaults: {category: infrastructure, subcategory: pod, severity: high}\nrules:\n"
)


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def told(path: Path) -> list[str]:
    return [f"{Path(item.file).name}:{item.line} {item.message}" for item in check([path]).problems]


def test_files_are_told_by_what_they_hold_and_not_by_their_names(tmp_path: Path) -> None:
    write(tmp_path, "one.yml", "operations:\n  open:\n    a: b\n")
    write(tmp_path, "deep/two.yaml", "# rules\npack: two\n")
    write(tmp_path, "deep/flow.yaml", "{pack: flow, rules: []}")
    write(tmp_path, "three.yaml", "---\nkind: Namespace\napiVersion: v1\n")
    write(tmp_path, "kustomization.yaml", "resources: [three.yaml]\n")
    write(tmp_path, ".env", "")
    write(tmp_path, ".git/config.yaml", "x: y")
    write(tmp_path, "notes.txt", "x: y")
    found = recognise([tmp_path])
    assert [path.name for path in found.mappings] == ["one.yml"]
    assert [path.name for path in found.packs] == ["flow.yaml", "two.yaml"]
    assert [path.name for path in found.manifests] == ["kustomization.yaml", "three.yaml"]
    assert [path.name for path in found.dotenvs] == [".env"]
    assert found.problems == []


def test_every_file_that_was_looked_at_is_counted_once_whatever_it_is(tmp_path: Path) -> None:
    good = write(tmp_path, "mapping.yaml", "operations:\n  open:\n    a: b\n")
    write(tmp_path, "pack.yaml", "pack: two\n")
    write(tmp_path, "odd.yaml", "x: y\n")
    (tmp_path / "no-text.yaml").write_bytes(b"\xff\xfe\x00")
    assert check([tmp_path]).count == 4
    assert check([good, tmp_path, good]).count == 4
    assert check([tmp_path / "no-text.yaml"]).count == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("groups: []\n", "its keys are groups"),
        ("", "it is empty"),
        ("- 1\n", "it has no key"),
        ("just words\n", "it has no key"),
        ("a:\n  - [1\nb: 2\n", "broken YAML"),
        ("[" * 200, "broken YAML"),
    ],
)
def test_what_cannot_be_recognised_is_said_with_what_is_taken(tmp_path: Path, text: str, message: str) -> None:
    (problem,) = recognise([write(tmp_path, "odd.yaml", text)]).problems
    assert message in problem.message
    assert problem.file == str(tmp_path / "odd.yaml")
    assert "operations:" in problem.suggestion or problem.line or "levels deep" in problem.suggestion


def test_what_is_no_text_no_file_or_nothing_at_all_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "b.yaml").symlink_to("nowhere")
    (tmp_path / "empty").mkdir()
    messages = [problem.message for problem in recognise([tmp_path, tmp_path / "empty"]).problems]
    assert messages == ["this is not UTF-8 text", "this is no file", "nothing to check in this folder"]


def test_a_broken_file_is_told_with_its_line_by_those_who_know_its_kind(tmp_path: Path) -> None:
    for name, head in (("a.yaml", "operations:"), ("b.yaml", "pack: b\nrules:"), ("c.yaml", "apiVersion: v1\nkind:")):
        (problem,) = check([write(tmp_path, name, f"{head}\n  x: [1\nz: 1\n")]).problems
        assert problem.file == str(tmp_path / name)
        assert problem.line >= 3
        assert "YAML" in problem.message


def test_mistakes_of_a_mapping_carry_the_path_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "own/fields.yaml", "operations:\n  opne:\n    a: b\n")
    monkeypatch.chdir(tmp_path)
    (problem,) = check([Path("own")]).problems
    assert (problem.file, problem.line, problem.suggestion) == ("own/fields.yaml", 2, 'did you mean "open"?')


def test_a_mistake_in_the_defaults_is_told_once_where_it_stands(tmp_path: Path) -> None:
    text = PACK.replace("subcategory: pod", "subcategory: quota, ended_by: [nobody-at-all]") + GOOD_RULE
    text += GOOD_RULE.replace("a-rule", "b-rule").replace("Odd", "Even")
    assert told(write(tmp_path, "mine.yaml", text)) == [
        'mine.yaml:3 "quota" is no subcategory of infrastructure, but of admission'
    ]
    text = text.replace("subcategory: quota", "subcategory: pod")
    assert told(write(tmp_path, "mine.yaml", text)) == ['mine.yaml:3 there is no rule "nobody-at-all"']


def test_a_rule_that_changes_the_category_alone_is_told_at_the_rule(tmp_path: Path) -> None:
    text = PACK + GOOD_RULE + "    category: security\n"
    (line,) = told(write(tmp_path, "mine.yaml", text))
    assert line.startswith('mine.yaml:5 "pod" is no subcategory of security')


def test_a_test_alone_is_run_with_the_pack_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "mine.yaml", PACK + GOOD_RULE)
    tests = write(
        tmp_path,
        "mine_test.yaml",
        "pack: mine\ntests:\n  - name: odd\n    event: {reason: Odd}\n    expect: {rule: a-rule}\n",
    )
    assert told(tests) == []


@pytest.fixture
def manifests(root: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(root / "knative", tmp_path / "deploy"))


def test_one_trigger_is_checked_with_its_broker_and_only_it_is_told_of(manifests: Path) -> None:
    good, bad = manifests / "triggers" / "classifier.yaml", manifests / "triggers" / "correlator.yaml"
    bad.write_text(bad.read_text(encoding="utf-8").replace("subscriber:", "subscribr:"), encoding="utf-8")
    assert check([good]).problems == []
    assert {problem.file for problem in check([bad]).problems} == {str(bad)}
    assert check([manifests]).problems == check([bad]).problems
    assert check([manifests / "triggers"]).problems == check([bad]).problems


def test_a_folder_of_triggers_without_a_broker_is_told(manifests: Path) -> None:
    shutil.rmtree(manifests / "base")
    assert Problem(str(manifests), 0, "there is no Broker", "add base/broker.yaml") in check([manifests]).problems


def test_a_trigger_that_is_named_alone_asks_for_no_broker(root: Path, tmp_path: Path) -> None:
    text = (root / "knative" / "triggers" / "servicenow-incident.yaml").read_text(encoding="utf-8")
    assert told(write(tmp_path, "trig.yaml", text)) == []
    assert told(write(tmp_path, "trig.yaml", text.replace("filters:", "filtres:"))) != []


def test_a_misspelt_variable_of_a_service_is_told_with_its_line(manifests: Path) -> None:
    file = manifests / "base" / "siem-forwarder.yaml"
    text = file.read_text(encoding="utf-8").replace("name: SPLUNK_HEC_URL", "name: SPLUNK_HEC_ULR", 1)
    file.write_text(text, encoding="utf-8")
    line = text.splitlines().index(next(line for line in text.splitlines() if "SPLUNK_HEC_ULR" in line)) + 1
    wanted = Problem(str(file), line, "SPLUNK_HEC_ULR is not a setting", "did you mean SPLUNK_HEC_URL?")
    assert wanted in check([file]).problems


def test_all_that_is_shipped_is_fine(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    assert check([Path("knative"), Path("functions")]).problems == []


def test_a_func_yaml_tells_a_variable_that_is_none_of_ours_with_its_line(tmp_path: Path) -> None:
    text = "specVersion: 0.36.0\nname: x\nrun:\n  envs:\n    - name: SPLUNK_TOKN_FILE\n      value: /x\n"
    file = write(tmp_path, "func.yaml", text + "    - name: MY_OWN\n      value: x\n")
    (problem,) = check([file]).problems
    assert (problem.line, problem.message.split(" ")[0]) == (5, "SPLUNK_TOKN_FILE")
    assert check([write(tmp_path, "func.yaml", "run: [")]).problems != []


DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: one}
spec:
  template:
    spec:
      containers:
        - name: one
          command: [COMMAND]
          env:
            - name: WEBHOOK_ADDRESS
              value: http://x.example
"""


@pytest.mark.parametrize(("command", "told"), [("tidings, serve, webhook", 1), ("/app/falcosidekick", 0)])
def test_a_deployment_is_looked_at_where_it_runs_a_function(tmp_path: Path, command: str, told: int) -> None:
    write(tmp_path, "one.yaml", DEPLOYMENT.replace("COMMAND", command))
    assert len(check([tmp_path]).problems) == told


def test_a_dotenv_tells_every_line_that_is_wrong(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        ".env",
        "# a comment\nexport SPLUNK_HEC_URL='https://x'\njunk hunter2\nSPLUNK_TOKN=hunter2\nSERVICNOW_INSTANCE=https://x\n"
        "NATS_PORT=1\nSPLUNK_PORT_8080_TCP_ADDR=1\nSPLUNK_SERVICE_HOST=1\nAUTH_TOKN=1\nSIEM_URL=1\nLOG_LEVEL=info\n"
        "STORE_ULR=x\nMY_OWN=1\nSPLUNK_HEC_URL=https://y\n",
    )
    assert load(file).values["SPLUNK_HEC_URL"] == "https://y"
    found = [
        (problem.line, problem.message.split(" ")[0], problem.suggestion)
        for problem in check([file]).problems
        if problem.line
    ]
    assert found == [
        (3, "this", "write NAME=value"),
        (4, "SPLUNK_TOKN", "did you mean SPLUNK_TOKEN?"),
        (5, "SERVICNOW_INSTANCE", "did you mean SERVICENOW_INSTANCE?"),
        (9, "AUTH_TOKN", "did you mean AUTH_TOKEN?"),
        (10, "SIEM_URL", "docs/settings.md has all that there are"),
        (12, "STORE_ULR", "did you mean STORE_URL?"),
        (14, "SPLUNK_HEC_URL", "remove one of the two"),
    ]
    assert "hunter2" not in str(check([file]).problems)


def test_every_setting_of_every_function_is_known(tmp_path: Path) -> None:
    names = [name for model in settings_models().values() for name in variables(model)]
    text = "".join(f"{name}=x\n{name}_FILE=y\n" for name in dict.fromkeys(names))
    file = write(tmp_path, ".env", text)
    assert configured.unknown(load(file), file, {}) == []


VALUES = {
    "SPLUNK_ACK=maybe": "SPLUNK_ACK: Input should be a valid boolean",
    "SERVICENOW_TIMEOUT=abc": "SERVICENOW_TIMEOUT: Input should be a valid number",
    "SPLUNK_TOKEN_FILE=/nope": "SPLUNK_TOKEN_FILE: /nope cannot be read",
    "SHADOW=all, glpi-tiket": "SHADOW: 'glpi_tiket' is no destination",
    "LOG_LEVEL=loud": "LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'",
    "CLASSIFIER_RULES=/nope": "CLASSIFIER_RULES: there is no /nope",
    "FIRST_CONTACT=never": "FIRST_CONTACT: Input should be 'baseline' or 'ticket'",
}


def test_values_that_no_start_would_take_are_told_of_a_dotenv_also_of_systems_that_are_not_configured(
    tmp_path: Path,
) -> None:
    file = write(tmp_path, ".env", "\n".join(VALUES))
    problems = check([file]).problems
    assert [problem.line for problem in problems] == list(range(1, len(VALUES) + 1))
    for problem, sentence in zip(problems, VALUES.values(), strict=True):
        assert problem.message.startswith(sentence)


def test_a_dotenv_of_a_configured_system_tells_what_a_start_would_miss(tmp_path: Path) -> None:
    file = write(tmp_path, ".env", "SPLUNK_HEC_URL=https://splunk.example\n")
    assert [problem.message for problem in check([file]).problems] == ["SPLUNK_TOKEN is not set"]


@pytest.mark.parametrize("destinations", [True, False])
def test_validate_without_a_file_and_doctor_find_the_same_values(tmp_path: Path, *, destinations: bool) -> None:
    environ = dict(line.split("=") for line in VALUES)
    problems = configured.check(tmp_path / ".env", environ, destinations=destinations)
    assert sorted(problem.message.split(":")[0] for problem in problems) == sorted(environ)


def test_the_file_of_the_embedded_bus_is_none_that_anybody_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = tmp_path / "bus.db"
    assert configured.check(tmp_path / ".env", {"EMBEDDED_BUS": str(bus)}) == [], "it is made where it is not"
    bus.write_bytes(b"SQLite format 3\x00\xff")
    monkeypatch.setenv("EMBEDDED_BUS", str(bus))
    assert bus not in everything()


def test_values_that_cannot_be_are_told_where_they_are_set(tmp_path: Path) -> None:
    file = write(tmp_path, ".env", "FIRST_CONTACT=soon\nSPLUNK_HEC_URL=https://x.example\n")
    problems = configured.check(file, {"CLASSIFIER_RULES": "/nowhere", "AUTH": "perhaps", "SPLUNK_INDX": "x"})
    places = {(problem.line, str(problem).split(": ", 1)[1].split(" ")[0].rstrip(":")) for problem in problems}
    assert places == {
        *((1, "FIRST_CONTACT"), (0, "SPLUNK_TOKEN"), (0, "CLASSIFIER_RULES"), (0, "AUTH")),
        (0, "SPLUNK_INDX"),
    }


def test_a_dotenv_is_written_as_the_page_of_settings_says(tmp_path: Path) -> None:
    text = "# a comment\nexport A='one two'\nB=\"x\"\nC=3 # not a comment\nD=$A\n"
    found = load(write(tmp_path, ".env", text))
    assert found.problems == []
    assert found.values == {"A": "one two", "B": "x", "C": "3 # not a comment", "D": "$A"}


def test_a_dotenv_that_cannot_be_read_keeps_a_command_from_starting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="this is no setting"):
        configured.effective(write(tmp_path, ".env", "junk\n"))
    (tmp_path / "folder").mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        configured.effective(tmp_path / "folder")


def test_layouts_are_recognised_and_their_mistakes_carry_their_lines(tmp_path: Path) -> None:
    good = "paths:\n  /events:\n    kind: a\n    name: b\n    message: c.d\n"
    assert check([write(tmp_path, "good.yaml", good)]).problems == []
    wrong = "paths:\n  /events:\n    kind: a\n    nmae: b\n    message: [c]\n  /hooks: {}\n"
    problems = check([write(tmp_path, "wrong.yaml", wrong)]).problems
    assert [(problem.line, problem.message) for problem in problems] == [
        (3, "/events does not say where name is"),
        (4, "/events has no `nmae`"),
        (5, "`message` must be the dotted path of a member of the payload"),
        (6, "`paths` has no `/hooks`"),
    ]
    assert problems[1].suggestion == 'did you mean "name"?'
    for text in ("paths: [", "paths: 1\n", "paths:\n  /events: 1\n", "paths: {}\n", "paths:\n  /events:\n" * 2):
        assert check([write(tmp_path, "broken.yaml", text)]).problems
