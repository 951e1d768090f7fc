"""One audit record as an observation: what it is about, who did it, and whether it is carried at all.

It is about the object that the request names, or the whole cluster where it names none. A request that failed on
something else is about that: on a webhook, about the webhook; on the API server or an unknown identity, about the
cluster. So an outage is one problem, and not one for each object that met it.
"""

import re
from collections.abc import Mapping
from typing import Any

from shared.events.model import Observation
from shared.sources.audit.actors import reference_of
from shared.sources.audit.cleaning import cleaned
from shared.sources.audit.facts import PREFIX, facts_of
from shared.sources.context import Context, first_time, mapping, text
from shared.sources.observed import Told, observed
from shared.sources.resources import is_of, kind_of

NAME = "audit"

# Requests that last: what they began is known when it begins, not when it ends hours later.
_SESSIONS = frozenset({"exec", "attach", "portforward", "proxy", "console", "vnc", "ssh", "usbredir"})
_WEBHOOK = re.compile(r'failed calling webhook "([^"]{1,253})"')
_KEEPS_ITS_OBJECT = frozenset({"rbac.authorization.k8s.io", "admissionregistration.k8s.io"})
_LEVELS = ("k8s_audit_level", "openshift_audit_level")


def observation(record: Mapping[str, Any], context: Context) -> Observation | None:
    """Return the observation of a record that has an auditID and a stage; None where a later stage says it all.

    RequestReceived knows no outcome. ResponseStarted is the beginning of a watch that went well, unless it opened a
    session into a container or a machine, or was refused.
    """
    code = code_of(record)
    reference = mapping(record.get("objectRef"))
    stage = record["stage"]
    if stage == "RequestReceived":
        return None
    if stage == "ResponseStarted" and code < 400 and text(reference.get("subresource")) not in _SESSIONS:  # noqa: PLR2004
        return None
    facts = facts_of(record)
    clean, masked = cleaned(record)
    answer = mapping(mapping(record.get("responseObject")).get("metadata"))
    told = Told(
        thing=_thing(record, reference, answer, code, facts),
        identity=(record["auditID"], stage),
        related=reference_of(mapping(record.get("user"))),
        reason=_reason(record, reference),
        message=_message(clean, reference, code),
        component=_server(record),
        host=record.get("hostname"),
        action=record.get("verb"),
        time=first_time(record.get("stageTimestamp"), record.get("requestReceivedTimestamp"), record.get("@timestamp")),
        first_time=first_time(record.get("requestReceivedTimestamp")),
        source_uid=record["auditID"],
        resource_version=answer.get("resourceVersion") or reference.get("resourceVersion"),
        labels=mapping(mapping(record.get("requestObject")).get("metadata")).get("labels"),
        annotations={**mapping(clean.get("annotations")), **facts},
    )
    level = next((record[name] for name in _LEVELS if isinstance(record.get(name), str)), None)
    if level:
        clean["level"] = level  # the collector wrote its own word over it
    seen = observed(NAME, context, clean, told)
    if "auditID" not in seen.original:  # cut, for its body is too long: all but that is short
        seen = observed(NAME, context, {**clean, "requestObject": None, "truncated": True}, told)
    return seen.model_copy(update={"masked": {**seen.masked, **masked}}) if masked else seen


def code_of(record: Mapping[str, Any]) -> int:
    """Return the HTTP status of the answer; 0 where there was none."""
    code = mapping(record.get("responseStatus")).get("code")
    return code if isinstance(code, int) and not isinstance(code, bool) else 0


def _thing(
    record: Mapping[str, Any], reference: Mapping[str, Any], answer: Mapping[str, Any], code: int, facts: dict[str, str]
) -> dict[str, Any]:
    if code >= 400 or record["stage"] == "Panic":  # noqa: PLR2004 - HTTP's own limits
        status = text(mapping(record.get("responseStatus")).get("message"))
        webhook = _WEBHOOK.search(status) if code >= 500 else None  # noqa: PLR2004
        if webhook is not None:
            return {"kind": "AdmissionWebhook", "name": webhook[1]}
        busy = code == 429 and reference.get("subresource") != "eviction"  # noqa: PLR2004
        if code in (401, 0) or code >= 500 or busy:  # noqa: PLR2004
            return {}
    elif text(reference.get("apiGroup")) not in _KEEPS_ITS_OBJECT:
        for failed in ("failed-open-validating", "failed-open-mutating"):
            if failed_open := facts.get(f"{PREFIX}{failed}"):
                return {"kind": "AdmissionWebhook", "name": failed_open}
    return _object(record, reference, answer)


def _object(record: Mapping[str, Any], reference: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object of the request. A name that the server made, for a pod, is in the answer alone."""
    resource = text(reference.get("resource"))
    if not resource:
        return {}
    group, version = text(reference.get("apiGroup")), text(reference.get("apiVersion"))
    sent = mapping(record.get("requestObject"))
    kind = kind_of(resource)
    for said in (sent.get("kind"), mapping(record.get("responseObject")).get("kind")):
        if isinstance(said, str) and is_of(said, resource):
            kind = said
    namespaced = resource != "namespaces"  # its own name stands there, which events leave empty
    return {
        "kind": kind,
        "apiVersion": f"{group}/{version}" if group and version else version or group,
        "namespace": reference.get("namespace") if namespaced else "",
        "name": reference.get("name") or mapping(sent.get("metadata")).get("name") or answer.get("name"),
        "uid": reference.get("uid") or answer.get("uid"),
        "fieldPath": reference.get("subresource"),
    }


def _reason(record: Mapping[str, Any], reference: Mapping[str, Any]) -> str:
    """Return what was asked for, as `create pods/exec`: few of them, and no word that any Event has as its reason."""
    parts = (text(reference.get("resource")), text(reference.get("subresource")))
    return f"{text(record.get('verb'))} {'/'.join(filter(None, parts)) or 'url'}"


def _message(record: Mapping[str, Any], reference: Mapping[str, Any], code: int) -> str:
    """Return the record as one sentence: who did what to which object, and what became of it."""
    who = text(mapping(record.get("user")).get("username")) or "nobody known"
    other = text(mapping(record.get("impersonatedUser")).get("username"))
    names = "/".join(filter(None, (text(reference.get("namespace")), text(reference.get("name")))))
    uri = text(record.get("requestURI")).partition("?")[0]
    status = mapping(record.get("responseStatus")).get("message")
    said = f": {status}" if isinstance(status, str) and status else ""
    outcome = str(code) if code else record["stage"]
    return f"{who}{f' as {other}' if other else ''}: {_reason(record, reference)} {names or uri}: {outcome}{said}"


def _server(record: Mapping[str, Any]) -> str:
    """Return which server was asked; ViaQ says so, of all others it is the API server itself."""
    return "openshift-apiserver" if record.get("log_source") == "openshiftAPI" else "kube-apiserver"
