"""W3C trace context, carried through every event as the `traceparent` extension (CloudEvents distributed tracing)."""

import re
from collections.abc import Mapping
from random import getrandbits

_TRACEPARENT = re.compile(r"^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})\Z")
_MAX_STATE = 512  # characters; W3C asks for at least so many to be carried
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16


def continued(extensions: Mapping[str, str]) -> dict[str, str]:
    """Return the trace extensions of an event that follows from one with these: the same trace, a new span.

    Without a valid traceparent a new trace begins here.
    """
    found = _TRACEPARENT.match(extensions.get("traceparent", ""))
    fresh = f"{getrandbits(192):048x}"  # 16 bytes for a trace, 8 for a span: no secrets
    span = fresh[32:]
    if found is None or found[1] == _NO_TRACE or found[2] == _NO_SPAN:
        return {"traceparent": f"00-{fresh[:32]}-{span}-01"}
    following = {"traceparent": f"00-{found[1]}-{span}-{found[3]}"}
    state = extensions.get("tracestate", "")
    if 0 < len(state) <= _MAX_STATE and state.isascii() and state.isprintable():  # it becomes a header (F46)
        following["tracestate"] = state
    return following
