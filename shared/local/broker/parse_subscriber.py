"""Read whom a Trigger sends to, and whether it stands where its Broker is."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.events.problem import did_you_mean
from shared.local.broker.delivery_spec import DeliverySpec
from shared.local.broker.located import Located
from shared.local.broker.parse_filters import Report
from shared.local.broker.topology import DEFAULT_BROKER, DEFAULT_NAMESPACE, Service, is_url

_SERVING = "serving.knative.dev"
_CORE = "v1"
_SERVICES = (_SERVING, _CORE, "")
"""Which APIs have a kind Service. Knative makes one of the core's for each of its own, of the same name."""


@dataclass(frozen=True, slots=True)
class Around:
    """What a Trigger stands among; `broker` is None where that is not known, and then the services are not either.

    `namespace` is the Broker's, empty where it does not say.
    """

    broker: str | None
    namespace: str
    delivery: DeliverySpec
    services: Mapping[str, Service]


def check_broker(root: Located, around: Around, report: Report, warn: Report) -> None:
    """Report a Trigger of no Broker, of another, or of one in another namespace, which it does not find."""
    spec = root.get("spec") or root
    wanted, named = spec.text("broker"), root.get("metadata", "namespace")
    place = spec.get("broker") or spec
    if around.broker is None and not wanted and spec.get("brokerRef") is None:
        report(place, "a Trigger names its broker", 'write its name, as "broker: tidings"')
    elif around.broker is not None and wanted != around.broker:
        report(place, f'the Trigger belongs to the broker "{wanted}"', f'write "broker: {around.broker}"')
    elif (
        wanted == (around.broker or DEFAULT_BROKER) and named is not None and around.namespace not in {"", named.value}
    ):
        message = f'a Trigger finds only Brokers of its own namespace, and "{wanted}" is in {around.namespace}'
        hint = f"write `namespace: {around.namespace}`; whose it is says the label tidings.dev/team"
        # Of a loose file the Broker is not known: there may be one of this name where the Trigger is.
        (report if around.broker is not None else warn)(named, message, hint)


def read_subscriber(root: Located, around: Around, report: Report) -> str:
    """Return the name of a Knative Service of ours, a URL, or `Kind namespace/name` of what is none of these files'.

    Only the first can be looked for here: another namespace, or another kind, is another team's.
    """
    spec = root.get("spec") or root
    reference = spec.get("subscriber", "ref")
    place = reference or spec.get("subscriber") or spec
    uri = spec.get("subscriber", "uri")
    if reference is None and uri is not None:
        if not is_url(str(uri.value)):
            report(uri, f'"{uri.value}" is no address of a subscriber', "write an absolute URL, as http://host:8080/")
        return str(uri.value)
    if reference is None:
        report(place, "a Trigger names its subscriber", "write ref with kind: Service and name, or uri with a URL")
        return ""
    return _referred(reference, root.text("metadata", "namespace") or around.namespace, around, report)


def _referred(reference: Located, own: str, around: Around, report: Report) -> str:
    kind, name = reference.text("kind"), reference.text("name")
    namespace = reference.text("namespace") or own or DEFAULT_NAMESPACE
    version = reference.text("apiVersion")
    group = reference.text("group") or (version.rpartition("/")[0] or version)
    if not kind or not name:
        report(reference, "a subscriber's ref has a kind and a name", f"write apiVersion: {_SERVING}/v1, kind and name")
    elif kind != "Service" and not group:
        report(reference, f"a ref to a {kind} says of which API it is", "write its apiVersion, or kind: Service")
    elif kind == "Service" and group not in _SERVICES:
        report(reference, f'{group} has no kind "Service"', f"write apiVersion: {_SERVING}/v1")
    elif kind != "Service" or namespace != (own or namespace) or (group == _CORE and name not in around.services):
        return f"{kind} {namespace}/{name}"
    elif around.broker is not None and name not in around.services:
        hint = did_you_mean(name, around.services, "add its manifest, or write its namespace where that is another")
        report(reference, f'there is no Knative Service "{name}" in these files', hint)
    return name
