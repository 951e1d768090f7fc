"""Every command: what cannot be is one sentence with the right exit code, and every help has an example."""

import json
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from shared.cli.app import app
from shared.cli.commands import COMMANDS
from shared.cli.schema import SCHEMAS
from shared.local.broker.database import Batch, Database, Page
from shared.local.broker.records import Letter, row_of
from tests.bench.processes import free_port
from tests.support.brokers import event

RUNNER = CliRunner()


def run(*arguments: str, given: str = "") -> Result:
    return RUNNER.invoke(app, arguments, input=given)


def commands(command: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the paths of all commands below one, itself among them."""
    return [
        path,
        *(each for name, child in getattr(command, "commands", {}).items() for each in commands(child, (*path, name))),
    ]


ALL = commands(get_command(app))


def test_the_list_of_commands_is_the_one_of_the_help() -> None:
    assert sorted(path[0] for path in ALL if len(path) == 1) == sorted(COMMANDS)
    known = {"up", "serve", "explain", "validate", "triggers", "doctor", "schema", "state", "episodes", "dead-letters"}
    known |= {"bus", "trail", "archive", "replay", "publish"}
    assert set(COMMANDS) == known


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_help_has_an_example(path: tuple[str, ...]) -> None:
    shown = run(*path, "--help")
    assert shown.exit_code == 0
    assert "Example: " in shown.output
    assert "tidings" in shown.output.partition("Example: ")[2]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        *((("explain", "nowhere.json"), 1), (("explain", "docs"), 1), (("explain", "--rules", "nowhere"), 1)),
        *((("validate", "nowhere"), 2), (("schema", "nowhere"), 2), (("schema",), 2)),
        *((("schema", "--all", "README.md"), 1), (("episodes", "show", "x", "--data", "nowhere"), 1)),
        *((("episodes", "list", "--data", "nowhere"), 1), (("dead-letters", "list", "--data", "nowhere"), 1)),
        *((("episodes", "list", "--state", "half"), 2), (("episodes", "list", "--store", "redis://x"), 1)),
        *((("up", "--listen", "127.0.0.1"), 2), (("up", "--listen", "127.0.0.1:99999"), 2)),
        *((("up", "--listen", ":80"), 2), (("up", "--listen", "a:²"), 2), (("up", "--knative", "nowhere"), 2)),
        *((("up", "--speed", "-1"), 2), (("up", "--speed", "nan"), 2), (("up", "--speed", "inf"), 2)),
        *((("up", "--feed", "nowhere.yaml"), 2), (("up", "--feed", "README.md"), 2), (("up", "--feed", "docs"), 2)),
        *((("up", "--listen", "0.0.0.0:0"), 1), (("up", "--listen", "127.0.0.1:0", "--data", "README.md"), 1)),
        (("up", "--listen", "no.such.host.invalid:0"), 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_what_cannot_be_is_one_sentence(
    root: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int
) -> None:
    monkeypatch.chdir(root)
    monkeypatch.delenv("STORE_URL", raising=False)
    monkeypatch.setenv("AUTH", "none" if "invalid" in arguments[-1] else "")
    ended = run(*arguments, given="{}")
    assert (ended.exit_code, ended.stdout) == (code, "")
    assert ended.stderr.startswith("tidings: ")
    assert ended.stderr.count("\n") == 1


def test_a_store_is_reached_by_what_the_dotenv_file_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NATS_URL", raising=False)
    there = f"nats://127.0.0.1:{free_port()}"
    (tmp_path / ".env").write_text(f"NATS_URL={there}\n")
    ended = run("episodes", "list", "--store", "nats:///tidings")
    why = f"NATS cannot be reached at {there} (ConnectionRefusedError): see NATS_URL"
    assert (ended.exit_code, ended.stderr) == (1, f"tidings: {why}\n")


@pytest.mark.parametrize(
    "arguments", [("nosuch",), ("explain", "--nosuch"), ("up", "--speed", "fast"), ("dead-letters", "show", "x")]
)
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_printed_and_names_no_place_of_this_machine(name: str, root: Path) -> None:
    ended = run("schema", name, "--output", "jsonl")
    assert ended.exit_code == 0
    assert json.loads(ended.stdout)["$schema"].endswith("2020-12/schema")
    assert ended.stdout.count("\n") == 1
    assert str(root) not in ended.stdout


def test_dead_letters_are_listed_in_every_form_and_unknown_ones_are_told(tmp_path: Path) -> None:
    Database(tmp_path / "broker.db").close()
    place = ("--data", str(tmp_path))
    assert json.loads(run("dead-letters", "list", *place, "-o", "json").stdout) == []
    assert run("dead-letters", "list", *place, "-o", "jsonl").stdout == ""
    for action in ("show", "retry", "discard"):
        note = ("--note", "no longer there") if action == "discard" else ()
        ended = run("dead-letters", action, "7", *note, *place)
        assert (ended.exit_code, ended.stdout) == (1, "")
        assert ended.stderr == "tidings: there is no dead letter 7\n"


def test_those_letters_that_are_there_are_sent_again_and_each_that_is_not_is_named(tmp_path: Path) -> None:
    database, letter = Database(tmp_path / "broker.db"), Letter("one", event(1), "http://x", 503, "", "no", {}, 0.0, 3)
    for _ in range(3):
        rows = orjson.dumps([row_of(letter)]).decode()
        database.commit(Batch(Page(1, 0, 0.0, b""), letters=rows))
    database.close()
    place, note = ("--data", str(tmp_path)), ("--note", "not ours")
    ended = run("dead-letters", "retry", "2", "998", "999", "998", *place)
    assert (ended.exit_code, ended.stdout) == (1, "1 dead letter will be sent again\n")
    assert ended.stderr == "tidings: there is no dead letter 998\ntidings: there is no dead letter 999\n"
    ended = run("dead-letters", "discard", "1", "3", *note, *place)
    assert (ended.exit_code, ended.stdout) == (0, "2 dead letters discarded\n")
    said = json.loads(run("dead-letters", "discard", "2", "3", *note, *place, "-o", "json").stdout)
    assert said == {"changed": 1, "what": "discarded", "missing": [3]}


def kept_letters(folder: Path) -> tuple[str, str]:
    database = Database(folder / "broker.db")
    said = ({"stage": "mapping", "reason": "no name"}, {"stage": "mapping", "reason": "no name"}, {})
    for number, extensions in enumerate(said):
        letter = Letter("one" if number else "two", event(number), "http://x", 422, "", "no", extensions, 0.0, 3)
        database.commit(Batch(Page(1, 0, 0.0, b""), letters=orjson.dumps([row_of(letter)]).decode()))
    database.close()
    return "--data", str(folder)


def test_letters_of_the_embedded_broker_are_counted_and_chosen_by_a_filter(tmp_path: Path) -> None:
    place = kept_letters(tmp_path)
    by = {
        name: json.loads(run("dead-letters", "list", "--group-by", name, *place, "-o", "json").stdout)
        for name in ("reason", "trigger")
    }
    assert by["reason"] == [{"reason": "no name", "letters": 2}, {"reason": "no", "letters": 1}]
    assert by["trigger"] == [{"trigger": "one", "letters": 2}, {"trigger": "two", "letters": 1}]
    begun = time.monotonic()
    ended = run("dead-letters", "retry", "--filter", "stage = 'mapping'", "--rate", "4", *place)
    assert (ended.exit_code, ended.stdout) == (0, "2 dead letters will be sent again\n")
    assert time.monotonic() - begun >= 0.25, "one each quarter of a second"
    database = Database(tmp_path / "broker.db", guest=True)
    assert [row[0] for row in database.letters("", wanted=True, after=0, limit=9)] == [1, 2]
    database.close()
    listed = json.loads(run("dead-letters", "list", *place, "-o", "json").stdout)
    assert [(one["id"], one["retry"]) for one in listed] == [(1, "waits"), (2, "waits"), (3, "")]
    assert run("dead-letters", "list", *place).stdout.count(" waits") == 2
    assert "--to is for the letters of a bus" in run("dead-letters", "retry", "1", "--to", "bus", *place).stderr


def test_why_a_letter_of_the_embedded_broker_was_discarded_can_be_looked_up(tmp_path: Path) -> None:
    place = kept_letters(tmp_path)
    assert run("dead-letters", "discard", "1", *place).exit_code == 2, "a note there must be"
    assert json.loads(run("dead-letters", "list", "--ended", *place, "-o", "json").stdout) == []
    assert run("dead-letters", "discard", "--filter", "stage = 'mapping'", "--note", "a test", *place).exit_code == 0
    ended = json.loads(run("dead-letters", "list", "--ended", *place, "-o", "json").stdout)
    assert [(one["id"], one["act"], one["note"], one["reason"]) for one in ended] == [
        (1, "discarded", "a test", "no name"),
        (2, "discarded", "a test", "no name"),
    ]
    assert [one["id"] for one in json.loads(run("dead-letters", "list", *place, "-o", "json").stdout)] == [3]


def test_the_version_is_told_and_is_the_one_that_is_installed() -> None:
    ended = run("--version")
    assert (ended.exit_code, ended.stdout) == (0, f"tidings {version('function')}\n")


def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    for name in ("broker.db", "state.db"):
        (tmp_path / name).write_bytes(b"not a database, and long enough to be looked at" * 10)
    for command in ("dead-letters", "episodes"):
        ended = run(command, "list", "--data", str(tmp_path))
        assert ended.exit_code == 1
        assert ended.stderr.startswith("tidings: ")


def test_triggers_without_a_broker_can_be_checked_but_not_run(root: Path, tmp_path: Path) -> None:
    (tmp_path / "loose").mkdir()
    text = (root / "knative" / "triggers" / "classifier.yaml").read_text(encoding="utf-8")
    (tmp_path / "loose" / "trig.yaml").write_text(text, encoding="utf-8")
    assert run("validate", str(tmp_path / "loose")).exit_code == 0
    listen = ("--listen", "127.0.0.1:0", "--data", str(tmp_path / "data"), "--feed", "none")
    ended = run("up", "--knative", str(tmp_path / "loose"), *listen)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert "there is no Broker: add base/broker.yaml" in ended.stderr
