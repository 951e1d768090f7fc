"""Every file that teams edit, each checked by those who read it; problems carry the path as the user gave it."""

from dataclasses import dataclass
from pathlib import Path

from functions.intake.layouts import read_layouts
from functions.siem_forwarder.record import NEEDED as BY_RECORDS
from functions.siem_forwarder.record import RESERVED as OF_RECORDS
from shared.cli import configured
from shared.cli.recognised import Found, recognise, with_siblings
from shared.delivery.mapping_file import read_text
from shared.destinations.servicenow.record import NEEDED as BY_TICKETS
from shared.destinations.servicenow.record import RESERVED as OF_TICKETS
from shared.events.problem import Problem
from shared.local.broker.loader import load_topology
from shared.local.broker.located import Located, read_documents
from shared.rules.shipped import SHIPPED
from shared.rules.validation import validate as validate_rules

_PARTS = ("base", "triggers")  # of the folder of manifests
# An operation tells whose mapping it is: records go to Splunk, tickets to ServiceNow.
_RESERVED = {**OF_TICKETS, **OF_RECORDS}
# What a mapping must have is told by the setting that names it: a file by itself may be for either, or for both.
_NEEDED = {"SERVICENOW_MAPPING": BY_TICKETS, "SPLUNK_MAPPING": BY_RECORDS}
_EVENTING = "eventing.knative.dev/"


@dataclass(frozen=True, slots=True)
class Checked:
    """What is wrong, what is only doubtful, and how many files were looked at."""

    problems: list[Problem]
    warnings: list[Problem]
    count: int


def everything() -> list[Path]:
    """Return what is checked where nothing is named: what is shipped, what is in force, and the manifests here."""
    functions = SHIPPED.parents[1]
    shipped = [*sorted(functions.glob("*/mapping.yaml")), *sorted(functions.glob("*/func.yaml"))]
    paths = [SHIPPED, *shipped, Path("knative"), *configured.files().values()]
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
        read = read_text(path.read_text(encoding="utf-8-sig"), str(path), _RESERVED, _needed(path))
        problems += read if isinstance(read, list) else []
    for path in found.layouts:
        layouts = read_layouts(path.read_text(encoding="utf-8-sig"), str(path))
        problems += layouts if isinstance(layouts, list) else []
    for path in found.dotenvs:
        problems += configured.check(path)  # with the environment, as a start beside it
    for path in found.funcs:
        problems += _of_func(path)
    problems += _packs(found)
    _manifests(found, problems, warnings)
    return Checked(sorted(set(problems)), sorted(set(warnings)), found.count)


def _needed(mapping: Path) -> list[str]:
    """Return the operations that a mapping must have for the settings in force that name it."""
    named = configured.files().items()
    there = mapping.resolve()
    return [one for variable, path in named if path.resolve() == there for one in _NEEDED.get(variable, ())]


def _packs(found: Found) -> list[Problem]:
    if not found.packs:
        return []
    wanted = {str(path) for path in found.packs}
    # The tests beside a pack are run with it, named or not.
    wanted |= {str(path.with_name(f"{path.stem}_test{path.suffix}")) for path in found.packs}
    return [problem for problem in validate_rules(with_siblings(found.packs)) if problem.file in wanted]


def _manifests(found: Found, problems: list[Problem], warnings: list[Problem]) -> None:
    """Check manifests with those beside them, for a Trigger needs its Broker; tell of those that were named."""
    wanted = {path.resolve(): str(path) for path in found.manifests}
    for root in dict.fromkeys(_root(path.resolve()) for path in found.manifests):
        files = {path: name for path, name in wanted.items() if _root(path) == root}
        documents = [document for path in files for document in _documents(path)]
        if not any(document.text("apiVersion").startswith(_EVENTING) for document in documents):
            problems += [
                broken for path, name in files.items() if isinstance(broken := read_documents(path, name), Problem)
            ]
        else:
            topology = load_topology(root)
            problems += _named(topology.problems, root, files)
            warnings += _named(topology.warnings, root, files)
        for path, name in files.items():
            problems += _environments(path, name)


def _root(file: Path) -> Path:
    """Return the folder of manifests that a file belongs to: around `base` and `triggers`, else its own."""
    return file.parent.parent if file.parent.name in _PARTS else file.parent


def _named(found: tuple[Problem, ...], root: Path, files: dict[Path, str]) -> list[Problem]:
    """Return problems with their file as the user named it; those of files that were not named are left out."""
    shown = []
    for problem in found:
        path = root.parent / problem.file
        if path in files:
            shown.append(problem._replace(file=files[path]))
        elif path == root:
            first, name = next(iter(files.items()))
            up = Path(name).parent if first.parent == root else Path(name).parent.parent
            shown.append(problem._replace(file=str(up)))
    return shown


def _documents(path: Path) -> list[Located]:
    read = read_documents(path, str(path))
    return [] if isinstance(read, Problem) else read


def _of_func(path: Path) -> list[Problem]:
    """Return what is wrong with a func.yaml: no YAML, or a variable that looks like a setting of ours and is none."""
    documents = read_documents(path, str(path))
    if isinstance(documents, Problem):
        return [documents]
    entries = [envs for document in documents if (envs := document.get("run", "envs")) is not None]
    places = {entry.text("name"): entry.line for envs in entries for entry in envs.items()}
    return configured.unknown_at(places, str(path))


def _environments(path: Path, name: str) -> list[Problem]:
    """Return a problem for each variable of a service's container that looks like a setting of ours and is none."""
    places: dict[str, int] = {}
    for document in _documents(path):
        containers = document.get("spec", "template", "spec", "containers")
        for container in containers.items() if containers is not None else ():
            entries = container.get("env")
            for entry in entries.items() if entries is not None else ():
                places[entry.text("name")] = entry.line
    return configured.unknown_at(places, name)
