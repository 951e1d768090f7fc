"""The common words of reasons mean what someone who is on call takes them to mean, whoever writes them."""

from pathlib import Path

import yaml

from shared.events.model import Observation
from shared.rules import fallback
from shared.rules.specimen import build

_FILE = Path(__file__).with_name("reason_words.yaml")
_TICKETS = {0: "", 1: " ticket", 3: " ticket on repetition"}
_WORDS = 800


def _said(type_: str, word: str) -> str:
    event = {"component": "widget-controller", "kind": "Widget", "type": type_, "reason": word, "message": ""}
    made = build(event)
    assert isinstance(made, Observation), made
    rule = fallback.rule_for(made)
    return f"{rule.severity} {rule.phase}{_TICKETS[rule.ticket_after]}"


def test_a_word_alone_tells_how_it_went() -> None:
    told: dict[str, dict[str, str]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    wanted = [(type_, word, verdict) for type_, by in told.items() for verdict, ws in by.items() for word in ws.split()]
    assert len(wanted) >= _WORDS
    heard = [(type_, word, _said(type_, word)) for type_, word, _ in wanted]
    assert heard == wanted


def test_no_word_is_told_twice() -> None:
    for by in yaml.safe_load(_FILE.read_text(encoding="utf-8")).values():
        words = " ".join(by.values()).split()
        assert len(words) == len(set(words))
