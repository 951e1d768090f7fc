"""Every file that teams edit, each checked by those who read it; problems carry the path as the user gave it."""

from dataclasses import dataclass
from pathlib import Path

from functions.intake.layouts import read_layouts
from shared.cli import configured, hooks, manifests, policies
from shared.cli.recognised import Found, recognise, with_siblings
from shared.delivery.mapping import Terms
from shared.delivery.mapping_file import destination_of, read_text
from shared.events.problem import Problem
from shared.local.broker.located import read_documents
from shared.rules.shipped import SHIPPED
from shared.rules.validation import validate as validate_rules
from shared.runtime.registry import FUNCTIONS, Destination
from shared.runtime.terms import terms_of

# A mapping that no setting names and that lies beside no function may be for any of these, or for all.
_LOOSE = ("servicenow_incident", "siem_forwarder")
_FUNCTIONS = SHIPPED.parents[1]
_KEYS = "PSEUDONYM_KEYS"  # nothing that anybody reads


@dataclass(frozen=True, slots=True)
class Checked:
    """What is wrong, what is only doubtful, and how many files were looked at."""

    problems: list[Problem]
    warnings: list[Problem]
    count: int


def everything() -> list[Path]:
    """Return what is checked where nothing is named: what is shipped, what is in force, and the manifests here."""
    files = (
        "*/mapping.yaml",
        "*/mappings/*.yaml",
        "*/func.yaml",
        "*/policy.yaml",
        "*/examples/*.yaml",
        "*/hooks/*.yaml",
    )
    shipped = [path for pattern in files for path in sorted(_FUNCTIONS.glob(pattern))]
    own = (path for variable, path in configured.files().items() if variable != _KEYS)
    paths = [SHIPPED, *shipped, Path("knative"), *own]
    return [_short(path) for path in paths if path.exists()]


def _short(path: Path) -> Path:
    """Return a path as one would type it here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def check(paths: list[Path]) -> Checked:
    """Check files and folders, each file as what it holds."""
    found = recognise(paths)
    problems = list(found.problems)
    warnings: list[Problem] = []
    for path in found.mappings:
        source = path.read_text(encoding="utf-8-sig")
        read = read_text(source, str(path), _terms(path, destination_of(source)))
        problems += read if isinstance(read, list) else []
    for path in found.layouts:
        layouts = read_layouts(path.read_text(encoding="utf-8-sig"), str(path))
        problems += layouts if isinstance(layouts, list) else []
    for path in found.dotenvs:
        problems += configured.check(path)  # with the environment, as a start beside it
    for path in found.funcs:
        problems += _of_func(path)
    problems += _packs(found)
    wrong, doubtful = hooks.check(found.hooks, found.packs)
    problems += wrong
    warnings += doubtful
    wrong, doubtful = policies.check(found.policies, found.packs)
    problems += wrong
    warnings += doubtful
    wrong, doubtful = manifests.check(found.manifests)
    problems += wrong
    warnings += doubtful
    return Checked(sorted(set(problems)), sorted(set(warnings)), found.count)


def _terms(mapping: Path, said: str) -> Terms:
    """Return what a mapping may not set, the operations that it must have, and what it can extend.

    The settings in force that name it tell, then the folder that it lies in, then its own `destination`. Of any other
    file the fields that one of the base's destinations sets itself are refused by the operation they stand in, and no
    operation is asked for.
    """
    there = mapping.resolve()
    named = {variable for variable, path in configured.files().items() if path.resolve() == there}
    known = {name: one.destination for name, one in FUNCTIONS.items() if one.destination is not None}
    by_setting = {name: one for name, one in known.items() if one.mapping in named}
    spelt = said.replace("-", "_")
    by_itself = {spelt: known[spelt]} if spelt in known else {}
    owners = by_setting or _beside(there, known) or by_itself
    if not owners:
        return Terms(terms_of({name: known[name] for name in _LOOSE}).ours, names=tuple(known))
    own = not there.is_relative_to(_FUNCTIONS)  # what is shipped extends nothing
    return terms_of(owners, _FUNCTIONS / next(iter(owners)) / "mapping.yaml" if own else None)


def _beside(mapping: Path, known: dict[str, Destination]) -> dict[str, Destination]:
    """Return the destination of the function in whose folder a shipped mapping lies."""
    folder = mapping.parent.parent if mapping.parent.name == "mappings" else mapping.parent
    return {folder.name: known[folder.name]} if folder.parent == _FUNCTIONS and folder.name in known else {}


def _packs(found: Found) -> list[Problem]:
    if not found.packs:
        return []
    wanted = {str(path) for path in found.packs}
    # The tests beside a pack are run with it, named or not.
    wanted |= {str(path.with_name(f"{path.stem}_test{path.suffix}")) for path in found.packs}
    return [problem for problem in validate_rules(with_siblings(found.packs)) if problem.file in wanted]


def _of_func(path: Path) -> list[Problem]:
    """Return what is wrong with a func.yaml: no YAML, or a variable that looks like a setting of ours and is none."""
    documents = read_documents(path, str(path))
    if isinstance(documents, Problem):
        return [documents]
    entries = [envs for document in documents if (envs := document.get("run", "envs")) is not None]
    places = {entry.text("name"): entry.line for envs in entries for entry in envs.items()}
    return configured.unknown_at(places, str(path))
