"""What `tidings doctor` asks of Splunk: reach, health, token, acknowledgement. Stores no event."""

from shared.delivery.failure import Ambiguous, Refused, Temporary
from shared.destinations.http import Answer
from shared.destinations.remedy import Remedy
from shared.destinations.splunk.answers import Setup, is_healthy, judge, says_no_data
from shared.destinations.splunk.client import ACK_PATH, EVENT_PATH, SplunkClient

HEALTH_PATH = "/services/collector/health"
_REMEDY = Remedy("SPLUNK_HEC_URL", "SPLUNK_CA_FILE", "SPLUNK_TOKEN")
_SECONDS = 10.0
_OK = 200
_UNAVAILABLE = 503

Line = tuple[bool, str]
_Told = Answer | Temporary | Ambiguous | Refused


async def check(client: SplunkClient, *, ack: bool) -> list[Line]:
    """Ask in this order: reach, token, acknowledgement; return lines for people, each with whether it is good.

    What cannot be asked any more after a bad answer is left out. The request for the token carries no event, which a
    collector that accepts the token answers with "no data".
    """
    reach = _reach(await client.get(HEALTH_PATH, seconds=_SECONDS))
    if not reach[0]:
        return [reach]
    token = _verdict(await client.post(EVENT_PATH, b"", seconds=_SECONDS), "the token is accepted")
    if not token[0] or not ack:
        return [reach, token]
    asked = await client.post(ACK_PATH, b'{"acks":[]}', seconds=_SECONDS)
    return [reach, token, _verdict(asked, "the token acknowledges")]


def _reach(answer: _Told) -> Line:
    if not isinstance(answer, Answer):
        return False, f"cannot be reached: {_REMEDY.to(answer.reason)}"
    if is_healthy(answer):
        return True, "the collector is healthy"
    if answer.status == _UNAVAILABLE and isinstance(answer.json, dict) and "code" in answer.json:
        return False, f"the collector is not healthy (code {answer.json['code']})"
    return False, "this is no HTTP Event Collector: check SPLUNK_HEC_URL"


def _verdict(answer: _Told, good: str) -> Line:
    if not isinstance(answer, Answer):
        return False, _REMEDY.to(answer.reason)
    if answer.status == _OK or says_no_data(answer):
        return True, good
    judged = judge(answer)
    if not isinstance(judged, Setup):
        return False, f"the collector answers {answer.status}"
    return False, _REMEDY.to(judged.reason) if judged.authentication else judged.reason
