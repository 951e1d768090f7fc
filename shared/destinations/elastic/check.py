"""What `tidings doctor` asks: reach, product, credentials, privileges, data stream or its template. Stores no event."""

import fnmatch
from typing import Any, Final

import orjson

from shared.delivery.failure import Ambiguous, Refused, Temporary
from shared.destinations.answer import Answer
from shared.destinations.elastic.answers import error_type
from shared.destinations.elastic.client import ElasticClient
from shared.destinations.elastic.settings import ElasticSettings
from shared.destinations.finding import Finding
from shared.destinations.remedy import Remedy

_SECONDS: Final = 10.0
_OK, _UNAUTHORIZED, _FORBIDDEN = 200, 401, 403
_PAGE: Final = "docs/destinations/elastic.md"

_Told = Answer | Temporary | Ambiguous | Refused


async def check(client: ElasticClient, settings: ElasticSettings) -> list[Finding]:
    """Ask in this order: reach and credentials, privileges on the index, the data stream or what would make it one.

    Returns lines for people, each with whether it is good. Nothing is asked after a bad answer of the first.
    """
    index = settings.index
    credentials = "ELASTIC_API_KEY" if settings.api_key is not None else "ELASTIC_USERNAME and ELASTIC_PASSWORD"
    remedy = Remedy("ELASTIC_URL", "ELASTIC_CA_FILE", "ELASTIC_TLS_MIN", credentials)
    allowed = remedy.allowed(settings.tls_min)
    reach = _reach(await client.request("GET", "/", seconds=_SECONDS), remedy)
    if not reach[0]:
        return [reach, *allowed]
    stream = await client.request("GET", f"/_data_stream/{index}", seconds=_SECONDS)
    there = isinstance(stream, Answer) and stream.status == _OK
    return [
        reach,
        await _privileges(client, index, there=there),
        await _stream(client, index, stream),
        *client.clocks(),
        *allowed,
    ]


def _reach(answer: _Told, remedy: Remedy) -> Finding:
    if not isinstance(answer, Answer):
        return False, f"cannot be reached: {remedy.to(answer.reason)}"
    if answer.status == _UNAUTHORIZED:
        return False, remedy.to("the credentials are refused")
    if answer.status == _FORBIDDEN and "license" in _reason(answer):
        return False, "the cluster's licence does not allow it: renew it over there, GET /_license shows it"
    if answer.status == _FORBIDDEN and error_type(answer):
        return True, "the credentials are accepted, and may not ask which version it is"
    version = _member(answer.json, "version")
    number = _member(version, "number")
    if answer.status != _OK or not isinstance(number, str):
        return False, "this is no Elasticsearch and no OpenSearch: check ELASTIC_URL"
    product = "OpenSearch" if _member(version, "distribution") == "opensearch" else "Elasticsearch"
    return True, f"{product} {number[:20]}; the credentials are accepted"


async def _privileges(client: ElasticClient, index: str, *, there: bool) -> Finding:
    """Say whether the index may be written to. To make a data stream with its first event takes one privilege more."""
    wanted = ["create_doc"] if there else ["create_doc", "auto_configure"]
    question = orjson.dumps({"index": [{"names": [index], "privileges": wanted}]})
    answer = await client.request("POST", "/_security/user/_has_privileges", question, seconds=_SECONDS)
    if not isinstance(answer, Answer):
        return False, answer.reason
    held = _member(_member(answer.json, "index"), index)
    if answer.status != _OK or not isinstance(held, dict):
        return None, f"whether the credentials may write to {index} cannot be asked here: the first event shows it"
    missing = [name for name in wanted if held.get(name) is not True]
    if missing:
        return False, f"the credentials lack {' and '.join(missing)} on {index}: give them to the role or the API key"
    return True, f"the credentials may write to {index}"


async def _stream(client: ElasticClient, index: str, stream: _Told) -> Finding:
    if not isinstance(stream, Answer):
        return False, stream.reason
    if stream.status == _OK:
        return True, f"the data stream {index} is there"
    plain = await client.request("HEAD", f"/{index}", seconds=_SECONDS)
    if isinstance(plain, Answer) and plain.status == _OK:
        return True, f"{index} is an index and no data stream: it will not roll over"
    templates = await client.request("GET", "/_index_template", seconds=_SECONDS)
    if _FORBIDDEN in {stream.status, templates.status if isinstance(templates, Answer) else 0}:
        return None, f"whether {index} is or becomes a data stream cannot be seen with these credentials"
    found = _template(templates.json, index) if isinstance(templates, Answer) else None
    if found is not None:
        return True, f"the first event makes the data stream {index}, by the index template {found}"
    return False, f"nothing makes {index} a data stream: there is no index template for it ({_PAGE})"


def _template(listed: Any, index: str) -> str | None:
    """Return the name of the index template that makes this name a data stream, None where the strongest makes none."""
    entries = _member(listed, "index_templates")
    matching: list[tuple[int, str, bool]] = []
    for entry in entries if isinstance(entries, list) else []:
        template = _member(entry, "index_template")
        patterns = _member(template, "index_patterns")
        if any(fnmatch.fnmatchcase(index, str(pattern)) for pattern in patterns if isinstance(patterns, list)):
            priority = _member(template, "priority")
            streams = _member(template, "data_stream") is not None
            matching.append((priority if isinstance(priority, int) else 0, str(_member(entry, "name"))[:100], streams))
    if not matching:
        return None
    _, name, streams = max(matching)
    return name if streams else None


def _member(value: Any, name: str) -> Any:
    """Return a member of an object, None where there is none."""
    return value.get(name) if isinstance(value, dict) else None


def _reason(answer: Answer) -> str:
    return str(_member(_member(answer.json, "error"), "reason") or "").lower()
