"""Whether a program takes the words that the documentation gives it: its subcommands, its flags, their values.

Each program judges by itself where it can be had: `--help` is added, which all of them answer only when everything
before it was understood, and so nothing is done. Others are judged by what their documents say (`vendors.py`).
"""

import contextlib
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from typer.main import get_command

from shared.cli.app import app
from shared.runtime import serve
from shared.runtime.registry import FUNCTIONS
from tests.support.kustomize import kubectl
from tests.support.servers import ROOT
from tests.support.shell import UNKNOWN, Command
from tests.support.vendors import VENDORS, subcommand

_USAGE = re.compile(r"^Usage: *\n? *(.+)$", re.MULTILINE)
_MISTAKE = re.compile(r"unknown|invalid|no such|error", re.IGNORECASE)
_FRAME = re.compile("[╭╮╰╯│─]+")
_FILES = frozenset({"-f", "--filename", "-k", "--kustomize"})
_TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)


def problem(command: Command) -> str:
    """Return what is wrong with a command, empty where nothing is or where nothing is known of its program."""
    judge = JUDGES.get(command.program)
    if judge is None:
        return ""
    own, behind = _parted(command.words)
    found = judge(own[1:], command.prose)
    if not found and behind:
        found = problem(Command(command.place, behind, prose=command.prose))
    return f"{command.place}: `{' '.join(command.words)}`: {found}" if found else ""


def _parted(words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the program's own words, and the command behind `--`, which runs somewhere else."""
    end = words.index("--") if "--" in words else len(words)
    return tuple(words[:end]), tuple(words[end + 1 :])


def _own(words: Sequence[str], prose: bool) -> str:  # noqa: FBT001 - one signature for all judges
    """Ask our own tree of commands. Prose leaves out what must be there, and the value of a last flag."""
    if words[:1] == ("serve",):
        return _said(lambda: _served(words[1:]))
    if not prose:
        return _said(lambda: _tree().main(args=list(words), prog_name="tidings"))
    ways = [[*words, "--help"], [*words, UNKNOWN, "--help"]]
    problems = [_said(lambda way=way: _tree().main(args=way, prog_name="tidings")) for way in ways]
    return "" if "" in problems else problems[0]


def _served(words: Sequence[str]) -> None:
    """Let `tidings serve` read its words, with a function and numbers where a page has NAME or SECONDS."""
    function, *rest = words or ("FUNCTION",)
    name = "classifier" if function.isupper() else function
    serve._options([name, *("1" if word.isupper() else word for word in rest)], {}, with_bus=True)
    if name.replace("-", "_") not in FUNCTIONS:
        sys.exit(f"there is no function {name}")


def _said(parse: Callable[[], object]) -> str:
    """Return what a parser says before it exits with a mistake, empty where it is content."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            parse()
        except SystemExit as ended:
            if ended.code:
                text = said.getvalue() if isinstance(ended.code, int) else str(ended.code)
                return " ".join(_FRAME.sub(" ", text).split())
    return ""


@cache
def _tree() -> Any:
    """Return our commands without what they do."""
    root = get_command(app)
    waiting: list[Any] = [root]
    while waiting:
        command = waiting.pop()
        children = getattr(command, "commands", {})
        waiting += children.values()
        if not children:
            command.callback = None
    return root


def _kubectl(words: Sequence[str], prose: bool) -> str:  # noqa: FBT001
    return _asked(kubectl(), words, prose=prose)


def _pip(words: Sequence[str], prose: bool) -> str:  # noqa: FBT001
    return _asked(str(Path(sys.executable).with_name("pip")), words, prose=prose)


@cache
def _help(program: str, *words: str) -> tuple[int, str]:
    ended = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout + ended.stderr


def _asked(program: str, words: Sequence[str], *, prose: bool) -> str:
    """Ask the real program. A group that answers with the list of its subcommands did not understand the next word."""
    code, said = _help(program, *words, "--help")
    if code and prose:
        code, said = _help(program, *words, UNKNOWN, "--help")
    if code:
        lines = [line for line in said.splitlines() if line.strip()]
        return next((line for line in lines if _MISTAKE.search(line)), f"exit code {code}")
    named = [word for word in words if not word.startswith("-")]
    does = _FILES.intersection(words) or (prose and len(named) <= 1)
    if re.search(r"<command> --help|\[command\] --help", said) and not does:
        usage = _USAGE.search(said)
        return f"no such subcommand of {usage[1] if usage else program}"
    return ""


def _vendor(*way: str) -> Callable[[Sequence[str], bool], str]:
    def judge(words: Sequence[str], prose: bool) -> str:  # noqa: FBT001
        found = subcommand([*way, *words])
        if found is None:
            # Prose names a program, or a group of commands, alone.
            named = prose and any(known[: len(way) + len(words)] == (*way, *words) for known in VENDORS)
            return "" if named else "nobody read about it: see tests/support/vendors.py"
        length, known = found
        return known.problem([*way, *words][length:])

    return judge


def _podman(words: Sequence[str], prose: bool) -> str:  # noqa: FBT001
    real = shutil.which("podman")
    return (real and _asked(real, words, prose=prose)) or _vendor("podman")(words, prose)


def _make(words: Sequence[str], prose: bool) -> str:  # noqa: ARG001, FBT001
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    unknown = [word for word in words if "=" not in word and word not in targets]
    return f"no target {', '.join(unknown)}" if unknown else ""


JUDGES: dict[str, Callable[[Sequence[str], bool], str]] = {
    "tidings": _own,
    "publish": lambda words, prose: _own(["publish", *words], prose),
    "kubectl": _kubectl,
    # OpenShift's documents ("Usage of oc and kubectl commands"): oc offers what kubectl does, and more.
    "oc": _kubectl,
    "pip": _pip,
    "kn": _vendor("kn"),
    "func": _vendor("kn", "func"),
    "podman": _podman,
    "make": _make,
}
"""Who judges a program's words; each gets what follows the program, and whether prose says it."""
