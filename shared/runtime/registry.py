"""The functions by name, imported only when asked for: a function's process loads its own room alone."""

import importlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from shared.runtime.function import Function
from shared.settings.environment import prefix_of
from shared.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from shared.delivery.limits import Limits


class Destination(NamedTuple):
    """What makes a function a destination: it has `check()` for `tidings doctor`, `preview(subject)` for `explain`.

    `variable` is the setting without which it is not configured; `subject` what it is told of, `any` being what its
    Trigger sends; `example` settings that let it show what it would send where nothing is configured. `label` is its
    name in metrics. `mapping` is the setting that names an own mapping, `record` the module whose RESERVED and NEEDED
    say what a mapping may not and must have, and whose KNOWN, FIELDS and `mistakes`, where there, which fields there
    are, what the system takes in them, and what else is wrong. A `component` is no part of knative/base: it has its
    Trigger and service in a folder of its name below knative/components.
    """

    label: str
    variable: str
    subject: Literal["episode", "change", "classified", "any"]
    example: Mapping[str, str]
    mapping: str
    record: str
    component: bool = False

    def configured(self, environ: Mapping[str, str]) -> bool:
        """Return True where the settings name the foreign system."""
        return bool(environ.get(self.variable) or environ.get(f"{self.variable}_FILE"))

    def shown_by(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        """Return settings by which it can be built: those in force, or the example and the own mapping with it."""
        if self.configured(environ):
            return environ
        family = prefix_of(self.variable)  # half of its settings would be refused
        others = {name: text for name, text in environ.items() if not name.startswith(family)}
        own = {self.mapping: environ[self.mapping]} if self.mapping in environ else {}
        return {**others, **own, **self.example}

    def rights(self) -> tuple[Mapping[str, frozenset[str]], Sequence[str]]:
        """Return the fields that no mapping may set, by operation, and the operations that one must have."""
        record = importlib.import_module(self.record)
        return record.RESERVED, record.NEEDED

    def limits(self) -> "Limits":
        """Return what the foreign system takes in its fields, as far as its record module says so (`FIELDS`)."""
        limits: Limits = getattr(importlib.import_module(self.record), "FIELDS", {})
        return limits

    def known(self) -> Sequence[str]:
        """Return the names that fields of a mapping may have; none where the foreign system knows them alone."""
        return getattr(importlib.import_module(self.record), "KNOWN", ())

    def mistakes(self, mapping: Any) -> Sequence[str]:
        """Return what cannot work in a mapping though it is well formed, as sentences."""
        found: Callable[[Any], Sequence[str]] | None = getattr(importlib.import_module(self.record), "mistakes", None)
        return found(mapping) if found is not None else ()


class Registered(NamedTuple):
    """One function: its module, which exports `new(environ, metrics, ...)`, and what it is in one line.

    `parts` names what `new` takes besides: a host that has them hands them over, else the function opens its own.
    `wanted_by` is the setting by which a function is wanted that is neither a destination nor part of knative/base.
    One that `acts` has `preview(episode)` and `check()` for `explain` and `doctor`, as destinations have.
    """

    module: str
    summary: str
    parts: tuple[str, ...] = ()
    destination: Destination | None = None
    wanted_by: str = ""
    acts: bool = False

    @property
    def optional(self) -> bool:
        """Return True where it is no part of knative/base: a folder of its name below knative/components has it."""
        return bool(self.wanted_by) or (self.destination is not None and self.destination.component)


FUNCTIONS: dict[str, Registered] = {
    "classifier": Registered("functions.classifier.handler", "says what an observation means"),
    "changes": Registered(
        "functions.changes.handler", "says what changed in an object and what is wrong with it", ("store", "publisher")
    ),
    "correlator": Registered(
        "functions.correlator.handler", "makes one episode of one problem", ("store", "publisher")
    ),
    "servicenow_incident": Registered(
        "functions.servicenow_incident.handler",
        "one incident for each episode",
        ("store",),
        Destination(
            "servicenow_incident",
            "SERVICENOW_INSTANCE",
            "episode",
            {"SERVICENOW_INSTANCE": "https://servicenow.example", "SERVICENOW_TOKEN": "not-set"},
            "SERVICENOW_MAPPING",
            "shared.destinations.servicenow.record",
        ),
    ),
    "servicenow_event": Registered(
        "functions.servicenow_event.handler",
        "one alert of ServiceNow's Event Management for each episode",
        (),
        Destination(
            "servicenow_event",
            "SERVICENOW_INSTANCE",
            "episode",
            {"SERVICENOW_INSTANCE": "https://servicenow.example", "SERVICENOW_TOKEN": "not-set"},
            "SERVICENOW_EVENT_MAPPING",
            "shared.destinations.servicenow.event_record",
            component=True,
        ),
    ),
    "servicenow_security": Registered(
        "functions.servicenow_security.handler",
        "one ServiceNow security incident for each episode of that category",
        ("store",),
        Destination(
            "servicenow_security",
            "SERVICENOW_INSTANCE",
            "episode",
            {"SERVICENOW_INSTANCE": "https://servicenow.example", "SERVICENOW_TOKEN": "not-set"},
            "SERVICENOW_SECURITY_MAPPING",
            "shared.destinations.servicenow.security_record",
            component=True,
        ),
    ),
    "servicenow_change": Registered(
        "functions.servicenow_change.handler",
        "one ServiceNow change request for each roll-out",
        ("store",),
        Destination(
            "servicenow_change",
            "SERVICENOW_INSTANCE",
            "change",
            {"SERVICENOW_INSTANCE": "https://servicenow.example", "SERVICENOW_TOKEN": "not-set"},
            "SERVICENOW_CHANGE_MAPPING",
            "shared.destinations.servicenow.change_record",
            component=True,
        ),
    ),
    "siem_forwarder": Registered(
        "functions.siem_forwarder.handler",
        "hands every observation to the SIEM",
        (),
        Destination(
            "splunk",
            "SPLUNK_HEC_URL",
            "classified",
            {"SPLUNK_HEC_URL": "https://splunk.example:8088", "SPLUNK_TOKEN": "not-set"},
            "SPLUNK_MAPPING",
            "functions.siem_forwarder.record",
        ),
    ),
    "elastic_forwarder": Registered(
        "functions.elastic_forwarder.handler",
        "hands every observation to Elasticsearch or OpenSearch",
        (),
        Destination(
            "elastic",
            "ELASTIC_URL",
            "classified",
            {"ELASTIC_URL": "https://elastic.example:9200", "ELASTIC_API_KEY": "not-set"},
            "ELASTIC_MAPPING",
            "shared.destinations.elastic.record",
            component=True,
        ),
    ),
    "qradar_forwarder": Registered(
        "functions.qradar_forwarder.handler",
        "hands every observation to IBM QRadar",
        (),
        Destination(
            "qradar",
            "QRADAR_ADDRESS",
            "classified",
            {"QRADAR_ADDRESS": "tls://qradar.example:6514"},
            "QRADAR_MAPPING",
            "functions.qradar_forwarder.record",
            component=True,
        ),
    ),
    "webhook": Registered(
        "functions.webhook.handler",
        "tells any HTTP target of what its Trigger sends",
        ("store",),
        Destination(
            "webhook",
            "WEBHOOK_URL",
            "any",
            {"WEBHOOK_URL": "https://webhook.example"},
            "WEBHOOK_MAPPING",
            "shared.destinations.webhook.record",
            component=True,
        ),
    ),
    "glpi_ticket": Registered(
        "functions.glpi_ticket.handler",
        "one GLPI ticket for each episode",
        ("store",),
        Destination(
            "glpi_ticket",
            "GLPI_URL",
            "episode",
            {"GLPI_URL": "https://glpi.example", "GLPI_USER_TOKEN": "not-set"},
            "GLPI_MAPPING",
            "shared.destinations.glpi.record",
            component=True,
        ),
    ),
    "remediate": Registered(
        "functions.remediate.handler",
        "does to a cluster what hooks allow while a problem lasts; off unless it is told to",
        ("store", "clusters"),
        wanted_by="REMEDIATE_HOOKS",
        acts=True,
    ),
    "archive": Registered("functions.archive.handler", "keeps everything on the bus", wanted_by="BUS"),
    "intake": Registered("functions.intake.handler", "takes what producers post, each in its own form", ("handover",)),
    "watch": Registered("functions.watch.handler", "follows what happens in clusters", ("store", "handover")),
    "reconcile": Registered(
        "functions.reconcile.handler",
        "looks at all objects now and then, and tells what a source lost",
        ("store", "handover", "clusters"),
    ),
}


def readers(variable: str) -> dict[str, Destination]:
    """Return the destinations, by their function's name, whose mapping a setting names."""
    found = ((name, one.destination) for name, one in FUNCTIONS.items())
    return {name: one for name, one in found if one is not None and one.mapping == variable}


def components(environ: Mapping[str, str], also: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the functions that are wanted besides those of the base: of `also`, or named by a setting of their own.

    A setting that leads to a system of the base says nothing of what else is wanted there; a mapping of their own does.
    """
    base = {one.destination.variable for one in FUNCTIONS.values() if one.destination is not None and not one.optional}
    return tuple(
        name for name, one in FUNCTIONS.items() if one.optional and (name in also or _wanted(one, environ, base))
    )


def _wanted(registered: Registered, environ: Mapping[str, str], base: Collection[str]) -> bool:
    one = registered.destination
    if one is None:
        return bool(environ.get(registered.wanted_by))
    return one.configured(environ) and (one.variable not in base or one.mapping in environ)


class UnknownFunctionError(Exception):
    """There is no function of that name; the text names those that there are."""


def canonical(name: str) -> str:
    """Return a function's name as Python spells it, hyphens or not. Raises UnknownFunctionError."""
    plain = name.replace("-", "_")
    if plain not in FUNCTIONS:
        raise UnknownFunctionError(f"there is no function {name!r}; there are: {', '.join(FUNCTIONS)}")
    return plain


def load(name: str, environ: Mapping[str, str], metrics: Metrics, **parts: Any) -> Function:
    """Build a function; of `parts` those that it takes replace what it would open itself, as `store=`.

    A destination that SHADOW names is built as one that sends nothing.

    Raises UnknownFunctionError, or SettingsError for settings that cannot work.
    """
    registered = FUNCTIONS[canonical(name)]
    new: Callable[..., Function] = importlib.import_module(registered.module).new
    function = new(environ, metrics, **{part: parts[part] for part in registered.parts if part in parts})
    if not (environ.get("SHADOW") or environ.get("SHADOW_FILE")):
        return function
    from shared.runtime.shadow import shadowed  # nobody else pays for it

    return shadowed(function, environ, metrics)
