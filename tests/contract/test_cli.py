"""The command `tidings` as a process: exit codes, stderr, pipes and Ctrl-C (surface.md §2).

Each command is a process of its own at least once; what is only said in more cases is called here.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.called import Ended, called

TIDINGS = [sys.executable, "-m", "shared.cli"]
EVENT = {
    "kind": "Event",
    "reason": "FailedScheduling",
    "type": "Warning",
    "message": "0/3 nodes are available: 3 Insufficient memory.",
    "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"},
}
LINE = json.dumps(EVENT) + "\n"


@pytest.fixture
def tidings(root: Path) -> "Tidings":
    return Tidings(root)


class Tidings:
    """Runs the command from the repository's root."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._environ = {**os.environ, "PYTHONPATH": str(root), "COLUMNS": "80"}

    def run(
        self, *arguments: str, given: str = "", folder: Path | None = None, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*TIDINGS, *arguments],
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=folder or self._root,
            env={**self._environ, **environ},
        )

    def call(self, *arguments: str, given: str = "", folder: Path | None = None, **environ: str) -> Ended:
        """Run it in this process."""
        return called(*arguments, given=given, folder=folder or self._root, environ={**self._environ, **environ})

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        pipe = subprocess.PIPE
        with subprocess.Popen(
            [*TIDINGS, *arguments], stdin=pipe, stdout=pipe, stderr=pipe, cwd=self._root, env=self._environ
        ) as process:
            try:
                yield process
            finally:
                process.kill()


def one_sentence(stderr: str) -> bool:
    return stderr.startswith("tidings: ") and stderr.count("\n") == 1


def test_help_costs_no_more_than_a_list_of_names(tidings: Tidings, root: Path) -> None:
    """Only the room of the command that runs is imported."""
    code = (
        "import sys; sys.argv = ['tidings', '--help']\n"
        "from shared.cli.__main__ import main\n"
        "try: main()\n"
        "except SystemExit as end: print(end.code, *sorted(sys.modules), file=sys.stderr)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root, env=tidings._environ
    )
    loaded = set(ended.stderr.split())
    assert "0" in loaded
    assert not loaded & {"pydantic", "jinja2", "yaml", "uvicorn", "sqlite3", "shared.cli.explain", "shared.cli.up"}


@pytest.mark.parametrize(
    ("arguments", "code"), [(("explain", "nowhere.json"), 1), (("explain", "docs"), 1), (("up", "--speed", "-1"), 2)]
)
def test_what_cannot_be_is_one_sentence_on_stderr(tidings: Tidings, arguments: tuple[str, ...], code: int) -> None:
    ended = tidings.call(*arguments, given=LINE)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert one_sentence(ended.stderr), ended.stderr


def test_a_file_that_may_not_be_read_is_one_sentence(tidings: Tidings, tmp_path: Path) -> None:
    (tmp_path / "events.json").write_bytes(b"\x00\xff")
    ended = tidings.call("explain", str(tmp_path / "events.json"))
    assert ended.returncode == 1
    assert one_sentence(ended.stderr), ended.stderr


def test_explain_answers_each_line_of_a_slow_pipe_at_once(tidings: Tidings) -> None:
    with tidings.started("explain", "--output", "jsonl") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for text, member in ((LINE, "rule"), ("no event\n", "error"), (LINE, "rule")):
            process.stdin.write(text.encode())
            process.stdin.flush()
            assert select.select([process.stdout], [], [], 20)[0], "nothing was said of the line"
            assert member in json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.wait(20) == 0


@pytest.mark.parametrize("output", ["jsonl", "table"])
def test_a_reader_that_has_enough_is_no_error(tidings: Tidings, tmp_path: Path, output: str) -> None:
    """As `tidings explain … | head -1`."""
    file = tmp_path / "events.jsonl"
    file.write_text(LINE * 3000, encoding="utf-8")
    with tidings.started("explain", str(file), "--output", output) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) == 0
        assert process.stderr.read() == b""


@pytest.mark.parametrize(("given", "code"), [(LINE + "garbage\n", 0), ("garbage\n", 1), ("", 1)])
def test_explain_ends_well_where_anything_could_be_read(tidings: Tidings, given: str, code: int) -> None:
    ended = tidings.run("explain", "-o", "jsonl", given=given)
    assert ended.returncode == code
    assert ended.stderr == ""
    assert "error" in json.loads(ended.stdout.splitlines()[-1])


def test_a_broken_pack_of_ones_own_is_told_with_its_lines(tidings: Tidings, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("pack: mine\nrules: [1, 2]\n", encoding="utf-8")
    ended = tidings.call("explain", "--rules", str(tmp_path), given=LINE)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert all(line.startswith(f"tidings: {tmp_path / 'mine.yaml'}:") for line in ended.stderr.splitlines())


def test_up_in_a_pipe_says_how_it_starts_and_how_it_ends(tidings: Tidings, tmp_path: Path) -> None:
    ended = tidings.run(
        *("up", "--listen", "127.0.0.1:0", "--feed", "none", "--once", "--data", str(tmp_path)),
        SPLUNK_TOKN="x",
    )
    assert ended.returncode == 0
    lines = ended.stdout.splitlines()
    assert lines[1].startswith("  http://127.0.0.1:")
    assert any(line.startswith("Summary") for line in lines)
    assert "\x1b" not in ended.stdout
    assert ended.stderr == "tidings: warning: SPLUNK_TOKN is not a setting: did you mean SPLUNK_TOKEN?\n"
    again = tidings.run(
        *("up", "--listen", "127.0.0.1:0", "--feed", "none", "--once", "--data", str(tmp_path), "-o", "jsonl")
    )
    first, last = (json.loads(line) for line in again.stdout.splitlines())
    assert first["address"].startswith("http://127.0.0.1:")
    assert last["waiting"] == 0


def test_up_tells_what_is_wrong_with_any_function_at_once(tidings: Tidings, tmp_path: Path) -> None:
    wrong = {"LOG_LEVEL": "loud", "MASK_ENTROPY": "x", "FIRST_CONTACT": "5", "SPLUNK_ACK": "maybe"}
    ended = tidings.call("up", "--listen", "127.0.0.1:0", "--feed", "none", "--data", str(tmp_path), **wrong)
    assert ended.returncode == 1
    lines = ended.stderr.splitlines()
    assert sorted(line.removeprefix("tidings: ").split(": ")[0] for line in lines) == sorted(wrong)
    assert "tidings: LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'" in lines


def test_up_on_a_port_that_is_taken_is_one_sentence(tidings: Tidings, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = tidings.call("up", "--listen", address, "--feed", "none", "--data", str(tmp_path))
    assert ended.returncode == 1
    assert one_sentence(ended.stderr), ended.stderr
    assert address in ended.stderr


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_ends_up_and_a_second_one_at_once(tidings: Tidings, tmp_path: Path, times: int) -> None:
    with tidings.started("up", "--listen", "127.0.0.1:0", "--feed", "none", "--data", str(tmp_path)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.02)
        code = process.wait(20)
        errors = process.stderr.read().decode()
    assert "Traceback" not in errors
    assert code == 0 or (times > 1 and code == 1 and "ended at once" in errors)


def test_a_misspelt_setting_is_an_error_of_validate_and_doctor(tidings: Tidings, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# ours\nSPLUNK_TOKN=secret-value\n", encoding="utf-8")
    for command in ("validate", "doctor"):
        ended = tidings.run(command, folder=tmp_path, SERVICENOW_INSTANC="x", SPLUNK_SERVICE_HOST="10.0.0.1")
        assert ended.returncode == 1
        assert ".env:2" in ended.stdout
        assert "did you mean SPLUNK_TOKEN?" in ended.stdout
        assert "did you mean SERVICENOW_INSTANCE?" in ended.stdout
        assert "SERVICE_HOST" not in ended.stdout
        assert "secret-value" not in ended.stdout + ended.stderr


def test_doctor_says_in_its_own_line_alone_that_a_system_does_not_answer(tidings: Tidings, tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        ended = tidings.call("doctor", folder=tmp_path, SPLUNK_HEC_URL=url, SPLUNK_TOKEN="tidings-hec-token")  # noqa: S106
    assert ended.returncode == 1
    assert "cannot connect (nothing listens there): check SPLUNK_HEC_URL" in ended.stdout
    assert ended.stderr == ""


def test_doctor_says_which_signals_an_audit_policy_hides(tidings: Tidings, tmp_path: Path) -> None:
    quiet = tmp_path / "quiet.yaml"
    quiet.write_text("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n", encoding="utf-8")
    hidden = tidings.call("doctor", "--audit-policy", str(quiet), "--output", "jsonl")
    rows = {row["signal"]: row for row in map(json.loads, hidden.stdout.splitlines())}
    assert (hidden.returncode, hidden.stderr) == (1, "")
    assert rows["secret_read"]["seen"] == "yes"
    assert rows["csr_denied"]["seen"] == "without details"
    assert rows["csr_denied"]["rules"] == ["audit-certificate-request-denied"]
    shown = tidings.call("doctor", "--audit-policy", "WriteRequestBodies")
    assert (shown.returncode, shown.stdout.split()[:3]) == (0, ["signal", "seen", "why"])
    piped = "kind: APIServer\nspec: {audit: {profile: WriteRequestBodies}}\n"
    assert tidings.call("doctor", "--audit-policy", "-", given=piped).stdout == shown.stdout


@pytest.mark.parametrize(
    "content", [None, "{}", "rules: [", "a: &a [*a]\n", "[" * 200, "kind: APIServer\nspec: {audit: {profile: X}}"]
)
def test_what_is_no_audit_policy_is_one_sentence(tidings: Tidings, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "policy.yaml"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    ended = tidings.call("doctor", "--audit-policy", str(file))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert one_sentence(ended.stderr), ended.stderr
