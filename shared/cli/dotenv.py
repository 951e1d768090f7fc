"""Settings from a `.env` file, as people write them beside the system: what it says, where, and what is wrong."""

from dataclasses import dataclass, field
from pathlib import Path

from shared.events.problem import Problem


@dataclass(frozen=True, slots=True)
class Dotenv:
    """The variables of a file, the line (from 1) of each, and the lines that are none."""

    values: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def load(path: Path) -> Dotenv:
    """Read `NAME=value` lines, `#` comments, quotes around values; nothing where there is no file. Never raises."""
    found = Dotenv()
    if not path.exists():
        return found
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        found.problems.append(Problem(str(path), 0, f"cannot be read ({error.strerror})", "check what it is"))
        return found
    except UnicodeDecodeError:
        found.problems.append(Problem(str(path), 0, "this is not UTF-8 text", "save the file as UTF-8"))
        return found
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip().removeprefix("export ")
        if not line or line.startswith("#"):
            continue
        name, separator, value = line.partition("=")
        name = name.strip()
        if not separator or not name.isidentifier():
            # The line itself is not shown: it may hold a secret.
            found.problems.append(Problem(str(path), number, "this is no setting", "write NAME=value"))
            continue
        if name in found.lines:
            message = f"{name} is set a second time; the first is on line {found.lines[name]}"
            found.problems.append(Problem(str(path), number, message, "remove one of the two"))
        found.values[name] = _unquoted(value.strip())
        found.lines[name] = number
    return found


def _unquoted(value: str) -> str:
    return value.strip("\"'")
