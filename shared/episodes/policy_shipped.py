"""The policies in force: what is shipped, compiled where possible, and a team's own above it."""

from functools import partial
from pathlib import Path
from typing import Any, Final

from shared.episodes.policy import Policies
from shared.episodes.policy_content import policies_of
from shared.events.problem import Problem, ProblemsError
from shared.start import compiled

SHIPPED: Final = Path(__file__).resolve().parents[2] / "functions" / "correlator" / "policy.yaml"
FORMAT: Final = 1
_COMPILERS: Final = (
    *("policy_file", "policy_forms", "policy_shipped", "policy_values", "relations", "spans"),
    *("../events/nodes", "../events/vocabulary", "../events/yaml_nodes", "../start/compiled"),
)


class PolicyError(ProblemsError):
    """Policies that cannot be put in force."""


def load_policies(own: Path | None = None, shipped: Path = SHIPPED) -> Policies:
    """Return the shipped policies, with those of the file or folder `own` above them. Raises PolicyError."""
    return policies_of([] if own is None else _read(own), _shipped(shipped))


def compiled_file(path: Path = SHIPPED) -> Path:
    """Return where the compiled form lies, as `_policy.bin` beside `policy.yaml`."""
    return path.with_name(f"_{path.stem}.bin")


def compile_policy(path: Path = SHIPPED) -> bytes:
    """Return the compiled form: what the build hook puts into the wheel. Raises PolicyError."""
    return compiled.dump(_read(path, path.name), compiled.INSTALLED)


def fingerprint(path: Path) -> str:
    """Return a digest of a policy file and of the modules that read it. Raises OSError."""
    here = Path(__file__).parent
    return compiled.fingerprint(FORMAT, (*(here / f"{name}.py" for name in _COMPILERS), path))


def _shipped(path: Path) -> list[dict[str, Any]]:
    try:
        content: list[dict[str, Any]] | None = compiled.load(compiled_file(path), partial(fingerprint, path))
        if content is None:
            mark = fingerprint(path)
            content = _read(path, path.name)
            compiled.write(compiled_file(path), compiled.dump(content, mark))
    except OSError as error:
        raise PolicyError([Problem(str(path), 0, f"cannot be read ({error.strerror})", "reinstall Tidings")]) from None
    return content


def _read(path: Path, name: str = "") -> list[dict[str, Any]]:
    from shared.episodes.policy_file import read  # YAML, which a compiled start does not need

    contents = read(path, name)
    problems = [one for one in contents if isinstance(one, Problem)]
    if problems:
        raise PolicyError(problems)
    return [one for one in contents if not isinstance(one, Problem)]
