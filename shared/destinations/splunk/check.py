"""What `tidings doctor` asks of Splunk: reach, health, token, raw endpoint, acknowledgement. Stores no event."""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

from shared.destinations.answer import Answer
from shared.destinations.bulk_answers import Setup
from shared.destinations.finding import Finding
from shared.destinations.remedy import Remedy
from shared.destinations.splunk.answers import is_healthy, judge, says_no_data
from shared.destinations.splunk.client import EVENT_PATH
from shared.destinations.splunk.collector import ACK_PATH, Collector, Told
from shared.destinations.splunk.raw import RAW_PATH
from shared.destinations.splunk.settings import SplunkSettings

HEALTH_PATH = "/services/collector/health"
_REMEDY = Remedy("SPLUNK_HEC_URL", "SPLUNK_CA_FILE", "SPLUNK_TLS_MIN", "SPLUNK_TOKEN")
_SECONDS = 10.0
_OK = 200
_UNAVAILABLE = 503


async def check(collectors: Mapping[str, Collector], settings: SplunkSettings) -> list[Finding]:
    """Ask all collectors at the same time; return lines for people, each with whether it is good.

    Where there are several each line says which one it is of.
    """
    found = await asyncio.gather(*(_one(collector, settings) for collector in collectors.values()))
    allowed = _REMEDY.allowed(settings.tls_min)
    if len(collectors) == 1:
        return found[0] + allowed
    return [
        (good, f"{urlsplit(url).netloc}: {text}")
        for url, lines in zip(collectors, found, strict=True)
        for good, text in lines
    ] + allowed


async def _one(collector: Collector, settings: SplunkSettings) -> list[Finding]:
    """Ask in this order: reach, token, raw endpoint, acknowledgement.

    What cannot be asked any more after a bad answer is left out. The request for the token carries no event, which a
    collector that accepts the token answers with "no data".
    """
    lines = [_reach(await collector.get(HEALTH_PATH, seconds=_SECONDS))]
    asked = [(EVENT_PATH, b"", "the token is accepted")]
    asked += [(RAW_PATH, b"", "the raw endpoint takes audit records")] if settings.audit == "raw" else []
    asked += [(ACK_PATH, b'{"acks":[]}', "the token acknowledges")] if settings.ack else []
    for path, content, good in asked:
        if not lines[-1][0]:
            return lines
        lines.append(_verdict(await collector.post(path, content, seconds=_SECONDS), good))
    if lines[-1][0]:
        lines.append((None, "whether the token may write to the indexes shows with the first event"))
    return [*lines, *collector.clocks()]


def _reach(answer: Told) -> Finding:
    if not isinstance(answer, Answer):
        return False, f"cannot be reached: {_REMEDY.to(answer.reason)}"
    if is_healthy(answer):
        return True, "the collector is healthy"
    if answer.status == _UNAVAILABLE and isinstance(answer.json, dict) and "code" in answer.json:
        return False, f"the collector is not healthy (code {answer.json['code']})"
    return False, "this is no HTTP Event Collector: check SPLUNK_HEC_URL"


def _verdict(answer: Told, good: str) -> Finding:
    if not isinstance(answer, Answer):
        return False, _REMEDY.to(answer.reason)
    if answer.status == _OK or says_no_data(answer):
        return True, good
    judged = judge(answer)
    if not isinstance(judged, Setup):
        return False, f"the collector answers {answer.status}"
    return False, _REMEDY.to(judged.reason) if judged.authentication else judged.reason
