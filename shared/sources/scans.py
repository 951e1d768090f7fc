"""What reports of scanners have in common: one observation for each report, never one for each finding."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from shared.events.model import Observation
from shared.sources.context import Context, mapping, name_text, number
from shared.sources.observed import Told, observed

GRADES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN")
_WORST = 5


class Finding(NamedTuple):
    """A vulnerability for which there is a version without it."""

    grade: str
    name: str
    package: str
    fixed: str


class Scan(NamedTuple):
    """What a report says: `subject` names what was scanned, `counts` are those of `GRADES`, in their order."""

    reason: str
    subject: str
    counts: Sequence[int]
    fixable: Sequence[Finding] = ()


def grades(counts: Mapping[str, Any], *members: str) -> list[int]:
    """Return the counts of a report's summary, one for each of `GRADES`; a member that is not there counts none."""
    return [number(counts.get(member)) for member in members]


def scanned(dialect: str, context: Context, told: Told, scan: Scan, original: Mapping[str, Any]) -> Observation:
    """Return the observation of one report.

    Its reason says what was found (`VulnerabilitiesFound`), or that there is nothing of it (`NoVulnerabilitiesFound`),
    or that the report is gone (`VulnerabilitiesReportDeleted`); its type is the worst grade, its action whether
    something of that grade can be fixed. `original` holds the report without its findings: those can be thousands, and
    a secret that was found must not travel on.
    """
    metadata = mapping(original.get("metadata"))
    version, gone = name_text(metadata.get("resourceVersion")), context.operation == "delete"
    uid = name_text(metadata.get("uid"))
    worst = next((grade for grade, count in zip(GRADES, scan.counts, strict=True) if count), "")
    fixable = sorted(scan.fixable, key=lambda found: (GRADES.index(found.grade), found.name, found.package))
    found = told._replace(
        identity=(uid, version, "deleted" if gone else "") if uid and version else (),
        reason=_reason(scan.reason, worst, gone=gone),
        message=_message(scan, worst, fixable),
        type=worst,
        action="fixable" if any(item.grade == worst for item in fixable) else "",
        time=None if gone else told.time,
        source_uid=uid,
        resource_version=version,
        labels=metadata.get("labels"),
    )
    shown = [{"id": item.name, "package": item.package, "fixedBy": item.fixed} for item in fixable[:_WORST]]
    return observed(dialect, context, {**original, "worstFixable": shown}, found)


def _reason(reason: str, worst: str, *, gone: bool) -> str:
    if gone:
        return f"{reason}ReportDeleted"
    return f"{reason}Found" if worst else f"No{reason}Found"


def _message(scan: Scan, worst: str, fixable: Sequence[Finding]) -> str:
    counted = [f"{count} {grade.lower()}" for grade, count in zip(GRADES, scan.counts, strict=True) if count]
    said = f"{scan.subject}: {', '.join(counted) if worst else 'nothing found'}"
    if not fixable:
        return said
    names = [f"{item.name} in {item.package}, fixed by {item.fixed}" for item in fixable[:_WORST]]
    return f"{said}; can be fixed: {'; '.join(names)}"
