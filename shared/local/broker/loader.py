"""Read the knative folder: the very files that one applies to a cluster (architecture.md §7)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shared.events.problem import Problem, did_you_mean
from shared.local.broker.delivery_spec import DeliverySpec
from shared.local.broker.event_kinds import EventKind, kinds
from shared.local.broker.kinds import check_kind, check_trigger
from shared.local.broker.kustomized import is_patch, patch_files
from shared.local.broker.located import Located, read_documents
from shared.local.broker.names_advice import advise_names
from shared.local.broker.parse_delivery import parse_delivery
from shared.local.broker.parse_filters import parse_selection, reporter
from shared.local.broker.parse_services import parse_service, parse_tick
from shared.local.broker.parse_subscriber import Around, check_broker, read_subscriber
from shared.local.broker.reach_advice import advise_reach
from shared.local.broker.selection_advice import advise
from shared.local.broker.tick_advice import advise_ticks, ticks_of_broker
from shared.local.broker.topology import DEFAULT_BROKER, DEFAULT_NAMESPACE, Service, Tick, Topology, Trigger

_ORDER = "kafka.eventing.knative.dev/delivery.order"
_TEAM = "tidings.dev/team"
_TRIGGER_FIELDS = ("broker", "brokerRef", "filter", "filters", "subscriber", "delivery")


@dataclass(frozen=True, slots=True)
class _Document:
    file: str
    root: Located

    @property
    def kind(self) -> str:
        return self.root.text("kind")

    @property
    def name(self) -> str:
        return self.root.text("metadata", "name")


@dataclass(slots=True)
class _Findings:
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


def load_topology(directory: Path, components: Sequence[str] = ()) -> Topology:
    """Read `base/`, `sources/` and `triggers/` below `directory` (its own files if it has none), and `components/`.

    `directory` may be a file as well, as one that kustomize rendered: it is read by itself. Patches are no manifests.
    Never raises for what the files hold: mistakes are in `problems` with file and line, and what has one is left out.
    File names in problems are relative to the parent of `directory`. Files that lie loose, without a Broker beside
    them, are a `part`: they are checked by themselves, for what else they name is somewhere else.
    """
    found = _Findings()
    documents = list(_documents(_folders(directory, components), directory, found))
    services = {item.name: item for item in _services(documents, found)}
    broker = next((item for item in documents if item.kind == "Broker"), None)
    part = broker is None and _folders(directory) == [directory]
    if broker is None and not part:
        found.problems.append(Problem(directory.name, 0, "there is no Broker", "add base/broker.yaml"))
    default = _broker_delivery(broker, found)
    name = broker.name if broker is not None else ""
    namespace = broker.root.text("metadata", "namespace") if broker is not None else DEFAULT_NAMESPACE
    around = Around(None if part else name, namespace, default, services)
    items = [item for item in documents if item.kind == "Trigger"]
    triggers = [trigger for item in items if (trigger := _trigger(item, around, found)) is not None]
    ticking = list(_ticks(documents, found))
    ticks = tuple(tick for _, tick in ticking)
    overrides = _overrides(documents)
    known = kinds(overrides, [tick.event.source for tick in ticks])
    for item, trigger in _sound(items, triggers):
        found.warnings += advise(trigger, item.root.get("spec") or item.root, services, known, triggers)
        _advise(item, trigger, overrides, known, found)
    sent = [(item, tick) for item, tick in ticking if ticks_of_broker(item.root)]
    for item, _ in sent[:1]:
        advise_ticks([tick for _, tick in sent], item.root, triggers, reporter(item.file, found.warnings))
    return Topology(
        broker=name or DEFAULT_BROKER,
        namespace=_namespace(broker),
        delivery=default,
        triggers=tuple(_unique(triggers, found)),
        services=services,
        ticks=ticks,
        kinds=tuple(known),
        part=part,
        problems=tuple(found.problems),
        warnings=tuple(found.warnings),
    )


def documents(directory: Path, components: Sequence[str] = ()) -> Iterator[Located]:
    """Yield the manifests that `load_topology` reads, whatever their kind; files that are no YAML are left out."""
    for item in _documents(_folders(directory, components), directory, _Findings()):
        yield item.root


def _sound(items: list[_Document], triggers: list[Trigger]) -> Iterator[tuple[_Document, Trigger]]:
    """Yield the Triggers without a mistake, each with its document."""
    sound = {(trigger.file, trigger.line): trigger for trigger in triggers}
    for item in items:
        trigger = sound.get((item.file, item.root.line))
        if trigger is not None:
            yield item, trigger


def _advise(item: _Document, trigger: Trigger, overrides: set[str], known: list[EventKind], found: _Findings) -> None:
    """Warn of names that nothing has; where all names are right, of what the filters make of them."""
    spec, warnings = item.root.get("spec") or item.root, list[Problem]()
    advise_names(spec, overrides, reporter(item.file, warnings))
    if not warnings:
        advise_reach(trigger, spec, known, reporter(item.file, warnings))
    found.warnings += warnings


def _folders(directory: Path, components: Sequence[str] = ()) -> list[Path]:
    parts = [directory / name for name in ("base", "sources", "triggers")]
    parts += [directory / "components" / name for name in components]
    return [folder for folder in parts if folder.is_dir()] or [directory]


def _documents(folders: list[Path], directory: Path, found: _Findings) -> Iterator[_Document]:
    for folder in folders:
        for path in _files(folder):
            file = path.relative_to(directory.parent).as_posix()
            documents = read_documents(path, file)
            if isinstance(documents, Problem):
                found.problems.append(documents)
                continue
            for root in documents:
                check_kind(root, reporter(file, found.problems))
                if root.text("kind") not in {"Kustomization", "Component"} and not is_patch(root):
                    yield _Document(file, root)


def _files(folder: Path) -> list[Path]:
    """Return the files of a folder that hold manifests; a file is its own."""
    if folder.is_file():
        return [folder]
    patches = patch_files(folder)
    return [path for path in sorted(folder.glob("*.y*ml")) if path.resolve() not in patches]


def _services(documents: list[_Document], found: _Findings) -> Iterator[Service]:
    for item in documents:
        if item.kind == "Service" and item.root.text("apiVersion").startswith("serving.knative.dev/"):
            service = parse_service(item.root, item.file, reporter(item.file, found.problems))
            if service is not None:
                yield service


def _ticks(documents: list[_Document], found: _Findings) -> Iterator[tuple[_Document, Tick]]:
    for item in documents:
        if item.kind == "PingSource":
            tick = parse_tick(item.root, reporter(item.file, found.warnings))
            if tick is not None:
                yield item, tick


def _broker_delivery(broker: _Document | None, found: _Findings) -> DeliverySpec:
    if broker is None:
        return DeliverySpec()
    report = reporter(broker.file, found.problems)
    return parse_delivery(broker.root.get("spec", "delivery"), report) or DeliverySpec()


def _overrides(documents: list[_Document]) -> set[str]:
    """Return the extension attributes that sources here give their events."""
    found = (item.root.get("spec", "ceOverrides", "extensions") for item in documents)
    return {name for extensions in found if extensions is not None for name in extensions.mapping()}


def _namespace(document: _Document | None) -> str:
    return (document.root.text("metadata", "namespace") if document is not None else "") or DEFAULT_NAMESPACE


def _trigger(item: _Document, around: Around, found: _Findings) -> Trigger | None:
    problems: list[Problem] = []
    report = reporter(item.file, problems)
    spec = item.root.get("spec") or Located({}, item.root.line)
    if not item.name:
        report(item.root, "a Trigger needs metadata.name", "give it a name of lower-case letters and hyphens")
    for name, child in spec.mapping().items():
        if name not in _TRIGGER_FIELDS:
            report(child, f'a Trigger has no field "{name}"', did_you_mean(name, _TRIGGER_FIELDS))
    check_trigger(item.root, report)
    check_broker(item.root, around, report, reporter(item.file, found.warnings))
    subscriber = read_subscriber(item.root, around, report)
    own = parse_delivery(spec.get("delivery"), report)
    trigger = Trigger(
        name=item.name,
        namespace=_namespace(item),
        subscriber=subscriber,
        selection=parse_selection(spec, report),
        delivery=own or around.delivery,
        ordered=_ordered(item, problems),
        file=item.file,
        line=item.root.line,
        team=item.root.text("metadata", "labels", _TEAM) or _namespace(item),
    )
    found.problems += problems
    if problems:
        return None
    if own is not None and own.dead_letter_sink is None:
        place = spec.get("delivery") or spec
        message = "this delivery names no deadLetterSink, and it replaces the Broker's: what fails here is lost"
        found.warnings.append(Problem(item.file, place.line, message, "repeat the Broker's deadLetterSink here"))
    return trigger


def _ordered(item: _Document, problems: list[Problem]) -> bool:
    place = item.root.get("metadata", "annotations", _ORDER)
    if place is None or place.value == "unordered":
        return False
    if place.value != "ordered":
        message = f'delivery.order is "ordered" or "unordered", not "{place.value}"'
        problems.append(
            Problem(item.file, place.line, message, did_you_mean(str(place.value), ["ordered", "unordered"]))
        )
    return True


def _unique(triggers: list[Trigger], found: _Findings) -> Iterator[Trigger]:
    seen: dict[str, Trigger] = {}
    for trigger in triggers:
        if trigger.name in seen:
            first = seen[trigger.name]
            message = f'a second Trigger "{trigger.name}"; the first is at {first.file}:{first.line}'
            found.problems.append(Problem(trigger.file, trigger.line, message, "rename one of them"))
            continue
        seen[trigger.name] = trigger
        yield trigger
