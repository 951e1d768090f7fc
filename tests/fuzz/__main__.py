"""`make fuzz`: feed made-up bytes to all that reads foreign ones, and say how fast it went and whether memory grew.

    python -m tests.fuzz [--seconds N] [TARGET …]

The seconds are shared between the targets. An input that breaks a promise stays in .tidings/fuzz; it is printed how to
feed it alone.
"""

import argparse
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE, STDOUT

from tests.support.servers import ROOT

NAMES = ("items", "events", "payloads")
_FOLDER = ROOT / ".tidings" / "fuzz"
_SLOW = 10  # seconds of one input
_LIMITS = {"items": 8192, "events": 8192, "payloads": 32_768}  # bytes of one input


def main(words: list[str]) -> int:
    """Feed the targets one after the other; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(NAMES)}; all where none is named")
    parser.add_argument("--seconds", type=int, default=120, help="in all")
    options = parser.parse_args(words)
    if importlib.util.find_spec("atheris") is None:
        print("could not run: atheris is not installed; to enable: make .venv-fuzz/stamp")  # noqa: T201
        return int(os.environ.get("TIDINGS_REQUIRE") == "all")
    chosen = [name for name in NAMES if name in (options.targets or NAMES)]
    return sum([not fed(name, max(1, options.seconds // len(chosen))) for name in chosen]) and 1


def fed(name: str, seconds: int) -> bool:
    """Feed one target and print its line; False where something broke."""
    from tests.fuzz.corpus import write

    folder = _FOLDER / name
    write(folder / "seeds", name)
    (folder / "found").mkdir(exist_ok=True)
    status = folder / "status.json"
    status.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.fuzz.feed", name, str(status)]
    limits = (f"-max_total_time={seconds}", f"-timeout={_SLOW}", f"-max_len={_LIMITS[name]}", "-rss_limit_mb=1024")
    words = [*command, *limits, f"-artifact_prefix={folder}/broken-", str(folder / "found"), str(folder / "seeds")]
    ended = subprocess.run(words, cwd=ROOT, stdout=PIPE, stderr=STDOUT, text=True, errors="replace", check=False)
    print(f"{name:<9} {_figures(status)}  {'ok' if ended.returncode == 0 else 'BROKEN'}")  # noqa: T201
    if ended.returncode == 0:
        return True
    print("\n".join(line for line in ended.stdout.splitlines() if not line.startswith(("#", "INFO", "\t"))))  # noqa: T201
    file = re.search(r"Test unit written to (\S+)", ended.stdout)
    if file:
        print(f"again: {' '.join(command)} {file[1]}")  # noqa: T201
    return False


def _figures(status: Path) -> str:
    if not status.exists():
        return "nothing was executed"
    told = json.loads(status.read_text(encoding="utf-8"))
    rate = told["executions"] / told["seconds"]
    memory = f"RSS {told['warm']:.0f} MiB after warm-up, {told['now']:.0f} MiB at the end"
    return f"{told['executions']:>8,} executions  {rate:>6,.0f}/s  {memory}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
