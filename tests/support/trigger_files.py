"""A folder with a Broker, two services and one file of Triggers, and what the loader makes of it."""

from pathlib import Path

from shared.local.broker.loader import load_topology
from shared.local.broker.topology import Topology

BROKER = """\
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: tidings, namespace: tidings}
spec:
  delivery: {retry: 3, backoffDelay: PT1S, deadLetterSink: {ref: {kind: KafkaSink, name: letters}}}
"""
SERVICES = """\
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: servicenow-incident}
spec: {template: {spec: {containers: [{env: [{name: FUNCTION_TARGET, value: servicenow_incident}]}]}}}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: siem-forwarder}
spec: {template: {spec: {containers: [{env: [{name: FUNCTION_TARGET, value: siem_forwarder}]}]}}}
"""
HEAD = """\
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: one}
spec:
  broker: tidings
"""
TO_SIEM = "  subscriber: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: siem-forwarder}}\n"
PING = """\
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {name: tick, namespace: tidings}
spec: {schedule: "SCHEDULE", data: 'DATA', ceOverrides: {extensions: {cluster: one}}}
"""
FILTERS = "  filters:\n    - exact: {type: a}\n"
TO_TICKETS = TO_SIEM.replace("siem-forwarder", "servicenow-incident")


def load(folder: Path, trigger: str) -> Topology:
    """Write the folder with this Trigger, and return what is read from it."""
    for name, files in {"base": {"b.yaml": BROKER, "s.yaml": SERVICES}, "triggers": {"t.yaml": trigger}}.items():
        (folder / "knative" / name).mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / "knative" / name / file).write_text(text, encoding="utf-8")
    return load_topology(folder / "knative")
