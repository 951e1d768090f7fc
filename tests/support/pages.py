"""The shell blocks of the documentation, run as a reader would run them.

Each fenced `sh` block is a script of its own (`bash -euo pipefail`) in a folder that is a copy of the checkout and that
all blocks of one page share. An HTML comment in the line before says otherwise:

    <!-- needs: cluster -->   only its syntax is checked: it needs something that a test has not
    <!-- background -->       it serves on until the page's end; the blocks after it begin once it is ready
    <!-- with: tidings up --> that command serves in the background, unless a block before did so already

`make run`, `tidings up` and `tidings serve` without `--once` serve in the background also where no comment says so.
Ports that a page names on this machine (`127.0.0.1:8080`, `--port 8081`) are replaced by free ones. `make run` is
`tidings up`; any other `make` target is only looked up, not made.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.functions import environment
from tests.support.servers import ROOT

_FENCE = re.compile(r"(?:^<!--\s*([^\n]*?)\s*-->\n+)?^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]\n]+\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|!\[[^\]\n]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_PORT = re.compile(r"(?<=127\.0\.0\.1:)\d+|(?<=localhost:)\d+|(?<=--port )\d+")
_SERVES = re.compile(r"(?m)^(?:\S*/)?(?:make run|tidings (?:up|serve))\b(?!.*(?:--once|--help))")
_DEFAULT_PORT = "8080"
_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", ".tidings", ".*_cache", "__pycache__", ".hypothesis", "tests", "dist"
)
_SECONDS = 50.0
_PRELUDE = """set -euo pipefail
tidings() {{
  if [ "${{1:-}}" = up ] && [[ " $* " != *" --listen "* ]]; then set -- "$@" --listen 127.0.0.1:{port}; fi
  command tidings "$@"
}}
make() {{
  local word arguments=""
  for word in "$@"; do case "$word" in ARGS=*) arguments="${{word#ARGS=}}";; esac; done
  if [ "${{1:-}}" = run ]; then tidings up $arguments; else command make -n "$@" > /dev/null; fi
}}
"""


@dataclass(frozen=True, slots=True)
class Block:
    """One `sh` block: where it stands, its text, and what the comment before it says."""

    page: str
    line: int
    text: str
    mark: str = ""

    @property
    def place(self) -> str:
        """Return page and line."""
        return f"{self.page}:{self.line}"

    @property
    def runs(self) -> bool:
        """Return False where only the syntax can be checked here."""
        return not self.mark.startswith("needs:")

    @property
    def serves(self) -> bool:
        """Return True where it goes on in the background."""
        return self.mark == "background" or (not self.mark and _SERVES.search(self.text) is not None)

    @property
    def companion(self) -> str:
        """Return the command that must serve while this runs, empty where there is none."""
        return self.mark.removeprefix("with: ") if self.mark.startswith("with: ") else ""


def pages(root: Path = ROOT) -> list[Path]:
    """Return the project's own Markdown files."""
    found = [
        *root.glob("*.md"),
        *root.glob("docs/**/*.md"),
        *root.glob("functions/*/*.md"),
        *root.glob("knative/**/*.md"),
    ]
    return sorted(found)


def blocks(page: Path, root: Path = ROOT) -> list[Block]:
    """Return the page's `sh` blocks in their order."""
    text = page.read_text(encoding="utf-8")
    name = str(page.relative_to(root))
    return [
        Block(name, text.count("\n", 0, found.start(2)) + 1, found[2], found[1] or "")
        for found in _FENCE.finditer(text)
    ]


def links(page: Path) -> list[str]:
    """Return the targets of the page's links that are no addresses, without their anchors."""
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    targets = [first or second for first, second in _LINK.findall(text)]
    return [target.split("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]


def syntax_error(block: Block) -> str:
    """Return what `bash -n` says of a block, empty where it is well formed."""
    ended = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)  # noqa: S607
    return ended.stderr


def run_page(found: list[Block], folder: Path, **environ: str) -> list[str]:
    """Run the blocks of one page in `folder`; return what went wrong, each with its place and output.

    `environ` is what a reader's shell has besides.
    """
    workplace = folder / "checkout"
    shutil.copytree(ROOT, workplace, ignore=_LEFT_OUT, symlinks=True)
    for made in ROOT.glob(".venv*"):
        (workplace / made.name).symlink_to(made)
    ports = {port: str(_free_port()) for port in {_DEFAULT_PORT, *_PORT.findall("\n".join(one.text for one in found))}}
    served: list[tuple[Block, subprocess.Popen[str]]] = []
    try:
        for block in _with_companions(found):
            script = _script(block, ports)
            if block.serves:
                process = _start(script, workplace, environ)
                served.append((block, process))
                problem = _until_ready(block, process, ports)
            else:
                problem = _run(block, script, workplace, environ)
            if problem:
                return [problem]
        return []
    finally:
        for _, process in served:
            _end(process)


def _with_companions(found: list[Block]) -> list[Block]:
    """Return the blocks with the servers that they need, where none of the page serves before them."""
    ordered: list[Block] = []
    for block in found:
        if block.companion and not any(before.serves for before in ordered):
            ordered.append(Block(block.page, block.line, block.companion, "background"))
        ordered.append(block)
    return ordered


def _script(block: Block, ports: dict[str, str]) -> str:
    return _PRELUDE.format(port=ports[_DEFAULT_PORT]) + _PORT.sub(
        lambda port: ports[port[0]], block.text.replace(".venv/bin/tidings", "tidings")
    )


def _environment(workplace: Path, environ: Mapping[str, str]) -> dict[str, str]:
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**environment({}), "PATH": path, "HOME": str(workplace), "TERM": "dumb", "COLUMNS": "160", **environ}


def _run(block: Block, script: str, workplace: Path, environ: Mapping[str, str]) -> str:
    process = _start(script, workplace, environ)
    try:
        out, _ = process.communicate(timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        _end(process)
        return f"{block.place}: did not end in {_SECONDS:.0f} s; mark it `<!-- background -->` or give it `--once`"
    return f"{block.place}: exit code {process.returncode}\n{out}" if process.returncode else ""


def _start(script: str, workplace: Path, environ: Mapping[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        ["bash", "-c", script],  # noqa: S607
        cwd=workplace,
        env=_environment(workplace, environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _until_ready(block: Block, process: "subprocess.Popen[str]", ports: dict[str, str]) -> str:
    named = _PORT.findall(block.text)
    url = f"http://127.0.0.1:{ports[named[0] if named else _DEFAULT_PORT]}/health/readiness"
    end = time.monotonic() + _SECONDS / 2
    while time.monotonic() < end:
        if process.poll() is not None:
            out, _ = process.communicate()
            return f"{block.place}: ended with {process.returncode} instead of serving\n{out}"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return ""
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    return f"{block.place}: not ready in {_SECONDS / 2:.0f} s"


def _end(process: "subprocess.Popen[str]") -> None:
    """End the block's shell and all that it started: kindly, then at once."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.communicate(timeout=15)  # ends when the last process of the group closed its output
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
