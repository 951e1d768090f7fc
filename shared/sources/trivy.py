"""Dialect `trivy`: the reports of Trivy Operator, which are objects (aquasecurity.github.io/trivy-operator, docs/crds).

The operator emits no Events. Its labels `trivy-operator.resource.*` name the workload that was scanned.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.sources.context import Context, first_time, mapping, name_text
from shared.sources.observed import Told
from shared.sources.scans import GRADES, Finding, Scan, grades, scanned

NAME = "trivy"

_REASONS = {
    "VulnerabilityReport": "Vulnerabilities",
    "ClusterVulnerabilityReport": "Vulnerabilities",
    "ExposedSecretReport": "ExposedSecrets",
    "ConfigAuditReport": "ConfigurationRisks",
    "ClusterConfigAuditReport": "ConfigurationRisks",
    "InfraAssessmentReport": "ConfigurationRisks",
    "ClusterInfraAssessmentReport": "ConfigurationRisks",
    "RbacAssessmentReport": "RbacRisks",
    "ClusterRbacAssessmentReport": "RbacRisks",
}
_COUNTS = ("criticalCount", "highCount", "mediumCount", "lowCount", "unknownCount")
_LABEL = "trivy-operator."
_SUMMARY = ("artifact", "registry", "os", "scanner", "summary", "updateTimestamp")


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode one report into one observation of the workload that was scanned."""
    found = mapping(payload)
    kind, metadata, report = name_text(found.get("kind")), mapping(found.get("metadata")), mapping(found.get("report"))
    labels = mapping(metadata.get("labels"))
    thing = _thing(labels, metadata)
    if kind not in _REASONS or not name_text(metadata.get("name")):
        return Rejected("decode", "a report of Trivy Operator must be of a known kind and have a name")
    if not thing["name"]:  # what is scanned of the cluster itself need not be an object
        thing = {"kind": kind, **_named(metadata)}
    container = name_text(labels.get(f"{_LABEL}container.name"))
    told = Told(
        thing={**thing, "fieldPath": f"spec.containers{{{container}}}" if container else ""},
        related={"apiVersion": found.get("apiVersion"), "kind": kind, **_named(metadata)},
        component="trivy-operator",
        time=first_time(report.get("updateTimestamp"), metadata.get("creationTimestamp")),
    )
    scan = Scan(
        _REASONS[kind],
        _image(report) or f"{thing['kind']} {thing['name']}",
        grades(mapping(report.get("summary")), *_COUNTS),
        list(_fixable(report)),
    )
    summary = {key: report[key] for key in _SUMMARY if key in report}
    head = {key: found[key] for key in ("apiVersion", "kind", "metadata") if key in found}
    return [scanned(NAME, context, told, scan, {**head, "report": summary})]


def _thing(labels: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the workload; names that are no valid label, as a role's with a colon, stand in an annotation."""
    noted = mapping(metadata.get("annotations"))
    kind, namespace = (name_text(labels.get(f"{_LABEL}resource.{part}")) for part in ("kind", "namespace"))
    name = noted.get(f"{_LABEL}resource.name") or labels.get(f"{_LABEL}resource.name")
    return {"kind": kind, "namespace": namespace, "name": name_text(name)}


def _named(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {"namespace": metadata.get("namespace"), "name": metadata.get("name")}


def _image(report: Mapping[str, Any]) -> str:
    artifact = mapping(report.get("artifact"))
    repository, tag = name_text(artifact.get("repository")), name_text(artifact.get("tag"))
    return f"{repository}:{tag}" if repository and tag else repository


def _fixable(report: Mapping[str, Any]) -> Iterator[Finding]:
    found = report.get("vulnerabilities")
    for item in found if isinstance(found, list) else ():
        one = mapping(item)
        grade, fixed = name_text(one.get("severity")), name_text(one.get("fixedVersion"))
        if fixed and grade in GRADES:
            yield Finding(grade, name_text(one.get("vulnerabilityID")), name_text(one.get("resource")), fixed)
