"""Every file that teams edit, each checked by those who read it; problems carry the path as the user gave it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from functions.intake.layouts import read_layouts
from shared.cli import configured, policies
from shared.cli.recognised import KUSTOMIZE, Found, recognise, with_siblings
from shared.delivery.mapping import Terms
from shared.delivery.mapping_file import destination_of, read_text
from shared.events.problem import Problem
from shared.local.broker.loader import load_topology
from shared.local.broker.located import Located, read_documents
from shared.local.broker.reach import constant, selection
from shared.local.broker.topology import Topology
from shared.rules.shipped import SHIPPED
from shared.rules.validation import validate as validate_rules
from shared.runtime.registry import FUNCTIONS, Destination
from shared.runtime.terms import terms_of

_PARTS = ("base", "triggers")  # of the folder of manifests
# A mapping that no setting names and that lies beside no function may be for any of these, or for all.
_LOOSE = ("servicenow_incident", "siem_forwarder")
_FUNCTIONS = SHIPPED.parents[1]
_KEYS = "PSEUDONYM_KEYS"  # nothing that anybody reads
_EVENTING = "eventing.knative.dev/"
_PROGRAMS = frozenset({"tidings", "publish"})


@dataclass(frozen=True, slots=True)
class Checked:
    """What is wrong, what is only doubtful, and how many files were looked at."""

    problems: list[Problem]
    warnings: list[Problem]
    count: int


def everything() -> list[Path]:
    """Return what is checked where nothing is named: what is shipped, what is in force, and the manifests here."""
    files = ("*/mapping.yaml", "*/mappings/*.yaml", "*/func.yaml", "*/policy.yaml", "*/examples/*.yaml")
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
    wrong, doubtful = policies.check(found.policies, found.packs)
    problems += wrong
    warnings += doubtful
    _manifests(found, problems, warnings)
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
            problems += _named((*topology.problems, *_passing_nothing(topology)), root, files)
            warnings += _named(topology.warnings, root, files)
        for path, name in files.items():
            problems += _environments(path, name)
            warnings += _left_out(path, name)


def _passing_nothing(topology: Topology) -> list[Problem]:
    """Return an error for each Trigger that no event can pass, as `tidings triggers` ends with 1 for it."""
    return [
        Problem(one.file, one.line, f"no event can pass the Trigger `{one.name}`", "`tidings triggers` shows what does")
        for one in topology.triggers
        if constant(selection(one.selection), topology.kinds) is False
    ]


def _left_out(path: Path, name: str) -> list[Problem]:
    """Warn of a file with a Trigger that the kustomization.yaml beside it does not name: nobody would apply it."""
    beside = next((file for file in map(path.with_name, KUSTOMIZE) if file.is_file()), None)
    if beside is None or not any(document.text("kind") == "Trigger" for document in _documents(path)):
        return []
    if path.name in {Path(text).name for document in _documents(beside) for text in _texts(document)}:
        return []
    message = f"{beside.name} beside it does not name this file: what is applied with it leaves this Trigger out"
    return [Problem(name, 0, message, f"add `- {path.name}` to its `resources`")]


def _texts(document: Located) -> Iterator[str]:
    """Yield every text of a document, however deep."""
    if isinstance(document.value, str):
        yield document.value
    for inner in (*document.mapping().values(), *document.items()):
        yield from _texts(inner)


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
    """Return a problem for each variable of a function's container that looks like a setting of ours and is none.

    Of the values one is looked at: a name that SHADOW cannot mean keeps a destination from starting.
    """
    places: dict[str, int] = {}
    wrong: list[Problem] = []
    for document in _documents(path):
        containers = document.get("spec", "template", "spec", "containers")
        for container in containers.items() if containers is not None else ():
            entries = container.get("env")
            for entry in entries.items() if entries is not None and _is_ours(document, container) else ():
                places[entry.text("name")] = entry.line
                if entry.text("name") == "SHADOW":
                    wrong += configured.wrong_shadow(entry.text("value"), name, entry.line)
    return wrong + configured.unknown_at(places, name)


def _is_ours(document: Located, container: Located) -> bool:
    """Return whether a container runs a function: a producer has settings of its own, as WEBHOOK_ADDRESS."""
    if "knative.dev/" in document.text("apiVersion"):
        return True
    command, entries = container.get("command"), container.get("env")
    first = next((str(word.value) for word in command.items()), "") if command is not None else ""
    named = {entry.text("name") for entry in entries.items()} if entries is not None else set()
    return first in _PROGRAMS or "FUNCTION_TARGET" in named
