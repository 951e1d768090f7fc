"""Take from a record what redaction by name cannot see: bodies of Secrets, values of patches, commands in a URL.

What is masked here is named as everywhere; the usual redaction comes after it (F41, F42).
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
import re2

from shared.events.redaction import redact
from shared.events.redaction_patterns import MASK, meaning
from shared.events.redaction_texts import redact_text
from shared.sources.audit.body import steps_of
from shared.sources.context import mapping, text

_PATCHED_BY_WEBHOOK = "patch.webhook.admission.k8s.io/"
# Whoever knows the secret in the address of OpenShift's BuildConfigs may start a build (build.openshift.io/v1).
_BUILD_HOOK = re2.compile(r"(/buildconfigs/[^/]+/webhooks/)[^/?]+")
_VALUES = frozenset({"env", "envFrom"})
_MOST_FIELDS = 200
_IDENTITY = ("name", "namespace", "uid", "resourceVersion")


def cleaned(record: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the record that is carried on, still to be redacted, and what was masked already, kind by path.

    The answer's object is cut to its identity: it is the sent object again, or the whole list that somebody read, and
    may hold a fresh token.
    """
    clean = dict(record)
    masked: dict[str, str] = {}
    if "responseObject" in clean:
        clean["responseObject"] = _identity(mapping(clean["responseObject"]))
    if "requestObject" in clean:
        resource = text(mapping(record.get("objectRef")).get("resource"))
        clean["requestObject"] = _request(clean["requestObject"], masked, secret=resource == "secrets")
    uri = clean.get("requestURI")
    if isinstance(uri, str):
        if "/webhooks/" in uri:
            uri = clean["requestURI"] = _without_hook(uri, masked)
        if "?" in uri:
            clean["requestURI"] = _uri(uri, masked)
    annotations = mapping(clean.get("annotations"))
    if any(key.startswith(_PATCHED_BY_WEBHOOK) for key in annotations):
        clean["annotations"] = {
            key: _places(value) if key.startswith(_PATCHED_BY_WEBHOOK) else value for key, value in annotations.items()
        }
    return clean, masked


def _identity(answer: Mapping[str, Any]) -> dict[str, Any]:
    metadata = mapping(answer.get("metadata"))
    kept: dict[str, Any] = {key: answer[key] for key in ("kind", "apiVersion") if key in answer}
    if metadata:
        kept["metadata"] = {key: metadata[key] for key in _IDENTITY if key in metadata}
    return kept


def _request(body: Any, masked: dict[str, str], *, secret: bool) -> Any:
    if isinstance(body, list):
        return [_change(item, f"requestObject.{place}", masked, secret=secret) for place, item in enumerate(body)]
    if not secret:
        return body
    if isinstance(body, dict):
        return {**body, "kind": "Secret"}  # a patch does not say so, and redaction goes by it
    masked["requestObject"] = "secret"
    return MASK


def _change(change: Any, path: str, masked: dict[str, str], *, secret: bool) -> Any:
    """Return one change of a JSON Patch without its value where its place names a secret."""
    if not isinstance(change, dict) or change.get("value") is None:
        return change
    steps = steps_of(text(change.get("path")))
    if secret or any(step in _VALUES or meaning(step) for step in steps):
        masked[f"{path}.value"] = "secret" if secret else "key"
        return {**change, "value": MASK}
    return change


def _without_hook(uri: str, masked: dict[str, str]) -> str:
    """Return a URI without the secret by which hosts of source code start a build."""
    shown = str(_BUILD_HOOK.sub(rf"\1{MASK}", uri))
    if shown != uri:
        masked["requestURI"] = "secret"
    return shown


def _uri(uri: str, masked: dict[str, str]) -> str:
    """Return a URI whose query shows no secret: the commands of an exec stand there, argument by argument."""
    path, _, query = uri.partition("?")
    if "%" not in query and "+" not in query and "command=" not in query:
        return uri  # as it can be read, redaction can
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        masked["requestURI"] = "no-text"
        return f"{path}?{MASK}"
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    shown, found = redact(fields)
    command = " ".join(shown.get("command", ()))
    told = redact_text(command)
    if told != command:  # told by two arguments together, as in `mysql -p8f3a…`
        shown = {**shown, "command": [told]}
    elif not found.kinds:
        return uri
    masked["requestURI"] = "key"
    return f"{path}?{'&'.join(f'{name}={value}' for name, values in shown.items() for value in values)}"


def _places(value: Any) -> Any:
    """Return a webhook's patch as it is noted on the record: where it changed the object, not what it put there."""
    try:
        noted = orjson.loads(value) if isinstance(value, str) else None
    except orjson.JSONDecodeError:
        return MASK
    if not isinstance(noted, dict):
        return MASK
    changes = noted.get("patch")
    if not isinstance(changes, list):
        return MASK
    noted["patch"] = [{key: mapping(item).get(key) for key in ("op", "path")} for item in changes]
    return orjson.dumps(noted).decode()
