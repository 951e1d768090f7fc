"""The CloudEvents SDKs' own CESQL, for a second opinion: Java's, on which the Kafka data plane runs, and Go's.

`python -m tests.support.cesql.sdks` asks both and writes `recorded.jsonl`: the expressions of `asked.txt` on one event,
and some made up at random on others. Maven and Go fetch the SDKs; what was built lies in the user's cache folder.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support import maven
from tests.support.cesql.generated import cases

HERE = Path(__file__).parent
RECORDED = HERE / "recorded.jsonl"
EVENT = {
    "specversion": "1.0",
    "id": "myId",
    "source": "/s",
    "type": "t",
    "time": "2026-04-26T14:48:00Z",
    "ext": "abc",
    "num": "5",
    "big": "99999999999",
    "neg": "-3",
    "empty": "",
    "tf": "TRUE",
}
_VERSION = "4.0.1"
_JAVA = 17
_ARTIFACTS = (
    *(f"io.cloudevents:cloudevents-{name}:{_VERSION}" for name in ("core", "sql")),
    "com.fasterxml.jackson.core:jackson-databind:2.17.2",
)
_NAME = f"cloudevents-java-{_VERSION}"

Answer = dict[str, Any]
"""`passes`, or `refused`."""


def missing() -> str:
    """Return what keeps Java's SDK from being asked here, empty where nothing does."""
    return maven.missing(_NAME) or ("" if shutil.which("javac") else "javac cannot be found")


def ask_java(asked: Sequence[Answer]) -> list[Answer]:
    """Return what Java's SDK answers. Raises subprocess.CalledProcessError where Maven cannot fetch it."""
    folder = _fetched()
    return _answers(["java", "-XX:TieredStopAtLevel=1", "-cp", f"{folder}/*:{folder}", "Oracle"], asked)


def ask_go(asked: Sequence[Answer]) -> list[Answer]:
    """Return what Go's SDK answers."""
    with tempfile.TemporaryDirectory() as work:
        shutil.copytree(HERE / "others", work, dirs_exist_ok=True)
        subprocess.run(["go", "build", "-o", "others", "."], cwd=work, check=True)  # noqa: S607 - the user's own
        return _answers([f"{work}/others"], asked)


def _answers(command: list[str], asked: Sequence[Answer]) -> list[Answer]:
    given = "".join(json.dumps(one) + "\n" for one in asked)
    done = subprocess.run(
        command, input=given, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def _fetched() -> Path:
    """Return the folder of the SDK's jars with our question beside them, made where it is not yet there."""
    target = maven.fetched(_NAME, _ARTIFACTS)
    compiled = ["javac", "--release", str(_JAVA), "-cp", f"{target}/*", "-d", str(target), str(HERE / "Oracle.java")]
    subprocess.run(compiled, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return target


def record() -> None:
    """Ask both SDKs, and write what they answer."""
    texts = (HERE / "asked.txt").read_text(encoding="utf-8").splitlines()
    asked = [{"expression": text.replace("⏎", "\n"), "event": EVENT} for text in dict.fromkeys(texts)]
    asked += cases(seed=1, count=200)
    with RECORDED.open("w", encoding="utf-8") as file:
        for one, kafka, others in zip(asked, ask_java(asked), ask_go(asked), strict=True):
            shown = {name: value for name, value in one.items() if value is not EVENT}
            line = {**shown, "kafka": kafka.get("passes"), "others": None if "refused" in others else others["passes"]}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    record()
