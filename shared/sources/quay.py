"""Dialect `quay`: ImageManifestVuln objects of Quay's Container Security Operator.

Its API is quay/container-security-operator:apis/secscan/v1alpha1/types.go. An object stands for one image in one
namespace and names the pods that run it; it is deleted when none is left. Counts of zero are left out.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.sources.context import Context, first_time, mapping, name_text
from shared.sources.observed import Told
from shared.sources.scans import Finding, Scan, grades, scanned

NAME = "quay"

_GRADES = {"Defcon1": "CRITICAL", "Critical": "CRITICAL", "High": "HIGH", "Medium": "MEDIUM", "Low": "LOW"}
_COUNTS = ("criticalCount", "highCount", "mediumCount", "lowCount", "unknownCount", "defcon1Count", "negligibleCount")


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode one object into one observation of the image in that namespace: pods come and go, the image stays."""
    found = mapping(payload)
    metadata, spec, status = (mapping(found.get(part)) for part in ("metadata", "spec", "status"))
    if not name_text(metadata.get("name")):
        return Rejected("decode", "an ImageManifestVuln must have a name")
    thing = {key: metadata.get(key) for key in ("namespace", "name", "uid")}
    pods = sorted(mapping(status.get("affectedPods")))
    told = Told(
        thing={"apiVersion": found.get("apiVersion"), "kind": "ImageManifestVuln", **thing},
        related=_pod(pods[0]) if pods else None,
        component="container-security-operator",
        time=first_time(_of_go(status.get("lastUpdate")), metadata.get("creationTimestamp")),
    )
    critical, high, medium, low, unknown, defcon, negligible = grades(status, *_COUNTS)
    counts = (critical + defcon, high, medium, low + negligible, unknown)
    image = name_text(spec.get("image")) or name_text(spec.get("manifest")) or "image"
    subject = f"{image} in {len(pods)} pods" if len(pods) != 1 else f"{image} in one pod"
    scan = Scan("Vulnerabilities", subject, counts, list(_fixable(spec)))
    head = {key: found[key] for key in ("apiVersion", "kind", "metadata", "status") if key in found}
    kept = {key: item for key, item in spec.items() if key != "features"}
    return [scanned(NAME, context, told, scan, {**head, "spec": kept})]


def _of_go(value: Any) -> str:
    """Return the time that Go prints as `2026-08-20 09:41:07.12 +0000 UTC` in the form that the world reads."""
    return name_text(value).removesuffix(" UTC").replace(" +0000", "Z")


def _pod(path: str) -> dict[str, Any]:
    namespace, _, name = path.rpartition("/")
    return {"apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": name}


def _fixable(spec: Mapping[str, Any]) -> Iterator[Finding]:
    features = spec.get("features")
    for feature in map(mapping, features if isinstance(features, list) else ()):
        found = feature.get("vulnerabilities")
        for item in map(mapping, found if isinstance(found, list) else ()):
            grade, fixed = _GRADES.get(name_text(item.get("severity"))), name_text(item.get("fixedby"))
            if grade and fixed:
                yield Finding(grade, name_text(item.get("name")), name_text(feature.get("name")), fixed)
